import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { systemClock } from '../../../src/server/access/clock.js';

const run = promisify(execFile);

test('the clock of the machine counts seconds of the epoch, and milliseconds that never go back', async (t) => {
  t.true(Number.isInteger(systemClock.now()));
  t.true(systemClock.now() > 1_700_000_000 && systemClock.now() < 253_402_300_800);
  const before = systemClock.elapsed();
  await systemClock.pause(1);
  t.true(systemClock.elapsed() >= before);
});

test('a pause does not keep the process alive', async (t) => {
  const clock = new URL('../../../src/server/access/clock.js', import.meta.url).href;
  const program = `import(${JSON.stringify(clock)}).then(({ systemClock }) => void systemClock.pause(2 ** 31 - 1));`;
  await t.notThrowsAsync(run(process.execPath, ['-e', program], { timeout: 60_000 }));
});
