import test from 'ava';
import fc from 'fast-check';
import { userOf } from '../../../src/server/access/auth-id.js';
import { KeptTasks, type KeptTasksOptions } from '../../../src/server/tasks/kept-tasks.js';
import type { TaskState } from '../../../src/server/tasks/task-registry.js';

function ended(name: string, authId: string, endTime: number): TaskState {
  return { upid: name, type: 'backup', workerId: '', authId, startTime: 0, endTime, status: 'OK' };
}

function names(kept: KeptTasks): string[] {
  return [...kept.all()].map(({ upid }) => upid);
}

/** Adds tasks of these users, which end at one time; returns the names of those that had to go. */
function addAll(kept: KeptTasks, authIds: readonly string[]): string[] {
  return authIds.flatMap((authId, i) => [...kept.add(ended(`${authId} ${i}`, authId, 0), 0)]);
}

test('A user with all tokens has one share; beyond it the oldest of them goes and nothing of others.', (t) => {
  const kept = new KeptTasks({ perUser: 2, inAll: 100, seconds: 10 });
  t.deepEqual(addAll(kept, ['bob@pbs', 'ann@pbs', 'ann@pbs!aaa', 'ann@pbs!bbb', 'ann@pbs!bbb']), [
    'ann@pbs 1',
    'ann@pbs!aaa 2',
  ]);
  t.deepEqual(names(kept), ['bob@pbs 0', 'ann@pbs!bbb 3', 'ann@pbs!bbb 4']);
  t.is(kept.find('ann@pbs 1'), undefined);
  t.is(kept.find('bob@pbs 0')?.authId, 'bob@pbs');
});

test('Where there are too many in all, who has most loses the oldest one.', (t) => {
  const kept = new KeptTasks({ perUser: 3, inAll: 4, seconds: 10 });
  t.deepEqual(addAll(kept, ['bob@pbs', 'ann@pbs', 'ann@pbs', 'ann@pbs', 'eve@pbs']), ['ann@pbs 1']);
  t.deepEqual([...kept.add(ended('more', 'eve@pbs', 0), 0)], ['ann@pbs 2']);
  t.deepEqual(names(kept), ['bob@pbs 0', 'ann@pbs 3', 'eve@pbs 4', 'more']);
});

test('What ended too long ago goes, even the task that comes.', (t) => {
  const kept = new KeptTasks({ perUser: 9, inAll: 9, seconds: 10 });
  kept.add(ended('a', 'ann@pbs', 100), 100);
  kept.add(ended('b', 'bob@pbs', 105), 105);
  t.deepEqual([...kept.add(ended('c', 'ann@pbs', 111), 111)], ['a']);
  t.deepEqual([...kept.add(ended('d', 'ann@pbs', 112), 200)], ['b', 'c', 'd']);
  t.deepEqual(names(kept), []);
});

/** The same rules, by looking at everything; what may go where users have equally many. */
function expected(
  before: readonly TaskState[],
  task: TaskState,
  now: number,
  { perUser, inAll, seconds }: KeptTasksOptions,
): readonly string[][] {
  const of = (tasks: readonly TaskState[], user: string): TaskState[] =>
    tasks.filter(({ authId }) => userOf(authId) === user);
  let left = [...before, task];
  const own = of(left, userOf(task.authId));
  if (own.length > perUser) left = left.filter((one) => one !== own[0]);
  const users = [...new Set(left.map(({ authId }) => userOf(authId)))];
  const most = Math.max(...users.map((user) => of(left, user).length));
  const victims = users.map((user) => of(left, user)).filter(({ length }) => length === most);
  const choices =
    left.length > inAll ? victims.map(([oldest]) => left.filter((one) => one !== oldest)) : [left];
  return choices.map((all) =>
    all.filter(({ endTime }) => (endTime ?? 0) >= now - seconds).map(({ upid }) => upid),
  );
}

test('Whoever comes in which order, nothing else is kept.', (t) => {
  const who = fc.constantFrom('ann@pbs', 'ann@pbs!aaa', 'bob@pbs', 'eve@pbs!bbb', 'joe@pbs');
  const steps = fc.array(fc.tuple(who, fc.nat({ max: 3 })), { maxLength: 60 });
  const options = fc.record({
    perUser: fc.integer({ min: 1, max: 6 }),
    inAll: fc.integer({ min: 1, max: 12 }),
    seconds: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(options, steps, (o, all) => {
      const kept = new KeptTasks(o);
      let now = 0;
      for (const [i, [authId, later]] of all.entries()) {
        now += later;
        const before = [...kept.all()];
        const gone = kept.add(ended(`${i}`, authId, now), now);
        const choices = expected(before, ended(`${i}`, authId, now), now, o);
        t.true(choices.some((names_) => JSON.stringify(names_) === JSON.stringify(names(kept))));
        const complete = [...before.map(({ upid }) => upid), `${i}`];
        t.deepEqual([...gone].sort(), complete.filter((name) => kept.find(name) === undefined).sort());
      }
    }),
  );
  t.pass();
});
