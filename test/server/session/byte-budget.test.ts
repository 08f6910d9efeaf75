import test from 'ava';
import fc from 'fast-check';
import { ByteBudget, type GiveBack } from '../../../src/server/session/byte-budget.js';

const never = new AbortController().signal;

/** Takes for callers and notes who got it, in order. */
class Notes {
  readonly entered: string[] = [];
  readonly budget: ByteBudget;

  constructor(limit: number, share = limit) {
    this.budget = new ByteBudget({ limit, share });
  }

  async take(caller: string, bytes: number): Promise<GiveBack> {
    const giveBack = await this.budget.of(caller).take(bytes, never);
    this.entered.push(`${caller}${bytes}`);
    return giveBack;
  }
}

/** Everything that could go on has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('who comes when there is no room waits for those before it, first come, first served', async (t) => {
  const notes = new Notes(10);
  const first = await notes.take('a', 8);
  const [second, third] = [notes.take('a', 5), notes.take('a', 1)];
  await settled();
  t.deepEqual(notes.entered, ['a8']);
  first();
  first();
  (await second)();
  (await third)();
  t.deepEqual(notes.entered, ['a8', 'a5', 'a1']);
  t.is(notes.budget.taken, 0);
});

test('more than there is at all is taken alone', async (t) => {
  const notes = new Notes(10, 5);
  const back = await notes.take('a', 100);
  const other = notes.take('b', 1);
  await settled();
  t.is(notes.budget.taken, 100);
  back();
  (await other)();
  t.is(notes.budget.taken, 0);
});

test('a caller gets no more than its share while it holds something, and leaves the rest to others', async (t) => {
  const notes = new Notes(12, 4);
  await notes.take('slow', 4);
  void notes.take('slow', 1);
  await settled();
  t.deepEqual(notes.entered, ['slow4']);
  await notes.take('fast', 2);
  await notes.take('fast', 2);
  t.is(notes.budget.taken, 8);
});

test('where many want something the share is smaller', async (t) => {
  const notes = new Notes(12, 6);
  for (const caller of ['a', 'b', 'c', 'd']) await notes.take(caller, 1);
  await notes.take('a', 2);
  void notes.take('a', 1);
  await settled();
  t.is(notes.budget.taken, 6, 'a quarter of 12 is 3');
});

test('callers take turns', async (t) => {
  const notes = new Notes(2);
  const first = await notes.take('a', 2);
  const waiting = ['a', 'a', 'a', 'b', 'b', 'c'].map((caller) => notes.take(caller, 2));
  first();
  await Promise.all(waiting.map((each) => each.then((giveBack) => giveBack())));
  t.deepEqual(notes.entered, ['a2', 'a2', 'b2', 'c2', 'a2', 'b2', 'a2']);
});

test('who is next in turn is not passed over by smaller ones', async (t) => {
  const notes = new Notes(10, 6);
  const first = await notes.take('a', 6);
  const large = notes.take('b', 6);
  const small = notes.take('c', 1);
  await settled();
  t.deepEqual(notes.entered, ['a6']);
  first();
  (await large)();
  (await small)();
  t.deepEqual(notes.entered, ['a6', 'b6', 'c1']);
});

test('who gives up while it waits lets the next one in', async (t) => {
  const notes = new Notes(10);
  const back = await notes.take('a', 8);
  const impatient = new AbortController();
  const waiting = notes.budget.of('b').take(10, impatient.signal);
  const small = notes.take('c', 2);
  impatient.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  (await small)();
  back();
  t.is(notes.budget.taken, 0);
  const gone = AbortSignal.abort(new Error('gone'));
  await t.throwsAsync(notes.budget.of('a').take(1, gone), { message: 'gone' });
});

test('whatever comes and goes, the limit holds, everybody gets in, and nothing is lost', (t) =>
  fc
    .assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 12 })), {
          maxLength: 40,
        }),
        async (wishes) => {
          const notes = new Notes(12, 5);
          let most = 0;
          await Promise.all(
            wishes.map(async ([caller, bytes]) => {
              const back = await notes.take(caller, bytes);
              most = Math.max(most, notes.budget.taken);
              await Promise.resolve();
              back();
            }),
          );
          return most <= 12 && notes.budget.taken === 0 && notes.entered.length === wishes.length;
        },
      ),
    )
    .then(() => t.pass()));
