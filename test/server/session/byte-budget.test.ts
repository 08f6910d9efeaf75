import test from 'ava';
import fc from 'fast-check';
import { ByteBudget } from '../../../src/server/session/byte-budget.js';

const never = new AbortController().signal;

test('who comes when there is no room waits for those before it, first come, first served', async (t) => {
  const budget = new ByteBudget(10);
  const entered: number[] = [];
  const enter = (n: number, bytes: number): Promise<() => void> =>
    budget.take(bytes, never).then((back) => {
      entered.push(n);
      return back;
    });
  const first = await enter(1, 8);
  const [second, third] = [enter(2, 5), enter(3, 1)];
  await Promise.resolve();
  t.deepEqual(entered, [1]);
  first();
  first();
  (await second)();
  (await third)();
  t.deepEqual(entered, [1, 2, 3]);
  t.is(budget.taken, 0);
});

test('more than there is at all is taken alone', async (t) => {
  const budget = new ByteBudget(10);
  const back = await budget.take(100, never);
  t.is(budget.taken, 100);
  back();
  t.is(budget.taken, 0);
});

test('who gives up while it waits lets the next one in', async (t) => {
  const budget = new ByteBudget(10);
  const back = await budget.take(8, never);
  const impatient = new AbortController();
  const waiting = budget.take(10, impatient.signal);
  const small = budget.take(2, never);
  impatient.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  (await small)();
  back();
  t.is(budget.taken, 0);
  await t.throwsAsync(budget.take(1, AbortSignal.abort(new Error('gone'))), { message: 'gone' });
});

test('whatever comes and goes, the limit holds and nothing is lost', (t) =>
  fc
    .assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 40 }), async (sizes) => {
        const budget = new ByteBudget(12);
        let most = 0;
        await Promise.all(
          sizes.map(async (size) => {
            const back = await budget.take(size, never);
            most = Math.max(most, budget.taken);
            await Promise.resolve();
            back();
          }),
        );
        return most <= 12 && budget.taken === 0;
      }),
    )
    .then(() => t.pass()));
