import test from 'ava';
import fc from 'fast-check';
import { ByteBudget, type GiveBack } from '../../../src/server/session/byte-budget.js';
import { OwnPlace } from '../../../src/server/session/own-place.js';

const never = new AbortController().signal;

/** Everything that could go on has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A budget of which somebody holds everything. */
async function fullBudget(): Promise<{ budget: ByteBudget; giveBack: GiveBack }> {
  const budget = new ByteBudget({ limit: 10, share: 10 });
  return { budget, giveBack: await budget.of('slow').take(10, never) };
}

test('a session goes on although others hold all there is', async (t) => {
  const { budget } = await fullBudget();
  const room = new OwnPlace(budget.of('slow'));
  for (let i = 0; i < 3; i += 1) (await room.take(5, never))();
  t.is(budget.taken, 10);
});

test('who waits gets the place when it is free, in turn', async (t) => {
  const { budget } = await fullBudget();
  const room = new OwnPlace(budget.of('a'));
  const first = await room.take(5, never);
  const [second, third] = [room.take(5, never), room.take(5, never)];
  const entered: string[] = [];
  void second.then(() => entered.push('second'));
  void third.then(() => entered.push('third'));
  await settled();
  t.deepEqual(entered, []);
  first();
  first();
  await settled();
  t.deepEqual(entered, ['second']);
  (await second)();
  (await third)();
  t.deepEqual(entered, ['second', 'third']);
});

test('who waits gets what is shared when that is free first', async (t) => {
  const { budget, giveBack } = await fullBudget();
  const room = new OwnPlace(budget.of('a'));
  const first = await room.take(5, never);
  const second = room.take(5, never);
  giveBack();
  (await second)();
  t.is(budget.taken, 0);
  const third = room.take(5, never);
  (await third)();
  first();
  (await room.take(5, never))();
  t.is(budget.taken, 0);
});

test('who goes while it waits leaves the place to the next one', async (t) => {
  const { budget } = await fullBudget();
  const room = new OwnPlace(budget.of('a'));
  const first = await room.take(5, never);
  const impatient = new AbortController();
  const [second, third] = [room.take(5, impatient.signal), room.take(5, never)];
  impatient.abort(new Error('enough'));
  await t.throwsAsync(second, { message: 'enough' });
  first();
  (await third)();
  await t.throwsAsync(room.take(5, impatient.signal), { message: 'enough' });
  (await room.take(5, never))();
  t.is(budget.taken, 10);
});

test('who goes at the moment in which it gets the place leaves it to the next one', async (t) => {
  const { budget } = await fullBudget();
  const room = new OwnPlace(budget.of('a'));
  const first = await room.take(5, never);
  const impatient = new AbortController();
  const [second, third] = [room.take(5, impatient.signal), room.take(5, never)];
  first();
  impatient.abort(new Error('enough'));
  const results = await Promise.allSettled([second, third.then((giveBack) => giveBack())]);
  t.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
});

test('whatever comes and goes, everybody gets in, and nothing is lost', (t) =>
  fc
    .assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(0, 1), fc.integer({ min: 1, max: 12 }), fc.boolean()), {
          maxLength: 40,
        }),
        async (wishes) => {
          const budget = new ByteBudget({ limit: 12, share: 5 });
          const rooms = [0, 1].map((i) => new OwnPlace(budget.of(String(i))));
          await Promise.all(
            wishes.map(async ([i, bytes, leaves]) => {
              const gone = new AbortController();
              const taken = rooms[i]!.take(bytes, gone.signal);
              if (leaves) queueMicrotask(() => gone.abort());
              const giveBack = await taken.catch(() => undefined);
              await Promise.resolve();
              giveBack?.();
            }),
          );
          if (budget.taken > 0) return false;
          const rest = await budget.of('other').take(12, never);
          for (const room of rooms) (await room.take(1, never))();
          rest();
          return true;
        },
      ),
    )
    .then(() => t.pass()));
