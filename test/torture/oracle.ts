/** `oracle SEQUENCES [FIRST-SEED]`: random edit sequences, one seed after the other; exit 1 at the first that fails, with its seed. */
import { runSequences } from '../support/oracle/sequence.js';

const GENERATIONS = 5;
const SAY_EVERY = 100;

const [count = 300, first = 1] = process.argv.slice(2).map(Number);
let done = 0;
await runSequences(
  Array.from({ length: count }, (_, i) => first + i),
  GENERATIONS,
  () => {
    done += 1;
    if (done % SAY_EVERY === 0) console.log(`${done} sequences`);
  },
).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
console.log(
  `${count} sequences of ${GENERATIONS} generations, seeds ${first} to ${first + count - 1}: all equal`,
);
