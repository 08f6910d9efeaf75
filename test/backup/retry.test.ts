import test from 'ava';
import { withRetries } from '../../src/backup/retry.js';

/** Fails as often as there are errors, then succeeds. */
function failing(errors: Error[]): { attempts: number[]; run: (number: number) => Promise<string> } {
  const attempts: number[] = [];
  return {
    attempts,
    run: (number) => {
      attempts.push(number);
      const error = errors.shift();
      return error === undefined ? Promise.resolve('done') : Promise.reject(error);
    },
  };
}

function options(retries: number, signal = new AbortController().signal) {
  const said: number[] = [];
  const isTemporary = (error: unknown): boolean => error instanceof Error && error.message === 'lost';
  return {
    said,
    retries,
    delayMs: 1,
    signal,
    isTemporary,
    onRetry: (_: unknown, ms: number) => said.push(ms),
  };
}

const lost = (): Error => new Error('lost');

test('what is temporary is tried again, each time after a longer wait', async (t) => {
  const { attempts, run } = failing([lost(), lost(), lost()]);
  const wishes = options(3);
  t.is(await withRetries(run, wishes), 'done');
  t.deepEqual(attempts, [0, 1, 2, 3]);
  t.deepEqual(wishes.said, [1, 3, 9]);
});

test('it ends with the last error when the retries are used up, and at once with any other error', async (t) => {
  const often = failing([lost(), lost(), lost()]);
  await t.throwsAsync(withRetries(often.run, options(2)), { message: 'lost' });
  t.is(often.attempts.length, 3);
  const other = failing([lost(), new Error('refused'), lost()]);
  await t.throwsAsync(withRetries(other.run, options(5)), { message: 'refused' });
  t.is(other.attempts.length, 2);
  await t.throwsAsync(withRetries(failing([lost()]).run, options(0)), { message: 'lost' });
});

test('nothing is tried again when the run is to end', async (t) => {
  const ended = new AbortController();
  const { attempts, run } = failing([lost()]);
  const wishes = { ...options(3, ended.signal), onRetry: () => ended.abort() };
  await t.throwsAsync(withRetries(run, wishes), { name: 'AbortError' });
  t.is(attempts.length, 1);
  const before = failing([lost()]);
  await t.throwsAsync(withRetries(before.run, options(3, AbortSignal.abort())), { message: 'lost' });
});
