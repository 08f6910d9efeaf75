/**
 * `oracle SEQUENCES [FIRST-SEED [LAYOUT]]`: random edit sequences, one seed after the other, in the layout `split` or `single`; exit 1
 * at the first that fails, with its seed.
 */
import { runSequences } from '../support/oracle/sequence.js';

/** An appendix is made of the one before: errors may show late. */
const GENERATIONS = { split: 5, single: 20 } as const;
const SAY_EVERY = 100;

const [count = 300, first = 1] = process.argv.slice(2, 4).map(Number);
const layout = process.argv[4] === 'single' ? 'single' : 'split';
const generations = GENERATIONS[layout];
let done = 0;
await runSequences(
  Array.from({ length: count }, (_, i) => first + i),
  { layout, generations },
  () => {
    done += 1;
    if (done % SAY_EVERY === 0) console.log(`${done} sequences`);
  },
).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
console.log(
  `${count} sequences of ${generations} generations (${layout}), seeds ${first} to ${first + count - 1}: all equal`,
);
