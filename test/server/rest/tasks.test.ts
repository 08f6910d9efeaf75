/** Tasks as clients see them. rest-api.md §4.2. */
import test from 'ava';
import { z } from 'zod';
import { taskLogSchema, tasksSchema } from '../../../src/repository/pbs/schemas.js';
import { type Answered, accessWith, type RestWorld, STORE, withContext } from './rest-world.js';

const LAPTOP = 'ann@pbs!laptop';
const access = accessWith([
  ['ann@pbs', 'DatastoreAdmin'],
  [LAPTOP, 'DatastoreAdmin'],
  ['bob@pbs', 'Audit', '/'],
]);
const BACKUP = { type: 'backup', workerId: `${STORE}:host/a`, authId: LAPTOP };

function withTasks(use: (world: RestWorld) => Promise<void>): Promise<void> {
  return withContext(new Map(), use);
}

function get(world: RestWorld, authId: string, path: string): Promise<Answered> {
  return world.call(access, authId, { method: 'GET', target: `nodes/localhost/tasks${path}` });
}

function upidsOf({ body }: Answered): string[] {
  const { data } = z.object({ data: tasksSchema }).parse(body);
  return data.map(({ upid }) => upid);
}

function pathOf(upid: string): string {
  return `/${encodeURIComponent(upid)}`;
}

test('A list has the newest tasks first, in parts, and says how many there are.', (t) =>
  withTasks(async (world) => {
    const upids: string[] = [];
    for (let i = 0; i < 60; i += 1) {
      const task = world.tasks.begin(BACKUP);
      upids.unshift(task.upid);
      task.end();
    }
    const all = await get(world, LAPTOP, '?limit=0');
    t.deepEqual(upidsOf(all), upids);
    t.like(all.body, { total: 60 });
    t.is(upidsOf(await get(world, LAPTOP, '')).length, 50);
    const part = await get(world, LAPTOP, '?start=3&limit=4&running=false');
    t.deepEqual(upidsOf(part), upids.slice(3, 7));
    t.like(part.body, { total: 60 });
    t.deepEqual(upidsOf(await get(world, LAPTOP, '?running=true')), []);
    t.deepEqual(upidsOf(await get(world, LAPTOP, '?statusfilter=error&statusfilter=unknown')), []);
    t.is(upidsOf(await get(world, LAPTOP, '?statusfilter=error&statusfilter=ok')).length, 50);
    t.is((await get(world, LAPTOP, '?statusfilter=bad')).status, 400);
  }));

test('Everybody sees his own tasks, a user those of its tokens, and an auditor all.', (t) =>
  withTasks(async (world) => {
    const [user, token, other] = ['ann@pbs', LAPTOP, 'ann@pbs!limited'].map((authId) =>
      world.tasks.begin({ ...BACKUP, authId }),
    );
    const seen = async (authId: string): Promise<string[]> => upidsOf(await get(world, authId, '')).sort();
    const sorted = (...tasks: (typeof user)[]): string[] => tasks.map((task) => task!.upid).sort();
    t.deepEqual(await seen('ann@pbs'), sorted(user, token, other));
    t.deepEqual(await seen(LAPTOP), sorted(token));
    t.deepEqual(await seen('bob@pbs'), sorted(user, token, other));
    t.deepEqual(await seen('eve@pbs'), []);
    for (const task of [user, token, other]) task?.end();
  }));

test('A task says what it is while it runs and after it.', (t) =>
  withTasks(async (world) => {
    const task = world.tasks.begin(BACKUP);
    const start = world.authentication.clock.seconds;
    const running = { upid: task.upid, node: 'localhost', type: 'backup', id: `${STORE}:host/a` };
    const whose = { pid: process.pid, starttime: start, user: 'ann@pbs', tokenid: 'laptop' };
    const status = async (): Promise<unknown> =>
      (await get(world, LAPTOP, `${pathOf(task.upid)}/status`)).body;
    t.like(await status(), { data: { ...running, ...whose, status: 'running' } });
    world.authentication.clock.seconds += 9;
    task.end(new Error('no space'));
    const ended = { status: 'stopped', exitstatus: 'no space', endtime: start + 9 };
    t.like(await status(), { data: { ...running, ...whose, ...ended } });
    const [item] = z.object({ data: tasksSchema }).parse((await get(world, LAPTOP, '')).body).data;
    t.like(item, { worker: `${STORE}:host/a`, user: LAPTOP, status: 'no space', endTime: start + 9 });
  }));

test('A log is followed line by line until the task has ended.', (t) =>
  withTasks(async (world) => {
    const task = world.tasks.begin(BACKUP);
    const log = async (query: string): Promise<z.infer<typeof taskLogSchema>> =>
      taskLogSchema.parse((await get(world, LAPTOP, `${pathOf(task.upid)}/log?${query}`)).body);
    task.log('one');
    task.log('two');
    const first = await log('start=1&limit=500&test-status=true');
    t.deepEqual(
      first.data.map(({ n, t: text }) => [n, text.slice(27)]),
      [
        [1, 'one'],
        [2, 'two'],
      ],
    );
    t.true(first.active);
    task.end();
    const rest = await log('start=3&limit=500&test-status=true');
    t.deepEqual(
      rest.data.map(({ n, t: text }) => [n, text.slice(27)]),
      [[3, 'TASK OK']],
    );
    t.false(rest.active);
    t.is(rest.total, 3);
    const plain = await get(world, LAPTOP, `${pathOf(task.upid)}/log?start=2&limit=1`);
    t.like(plain.body, { total: 3, success: 1, active: undefined });
    const whole = await get(world, LAPTOP, `${pathOf(task.upid)}/log?download=1`);
    t.regex(String(whole.body), /: one\n.*: two\n.*: TASK OK\n$/);
    t.is((await get(world, LAPTOP, `${pathOf(task.upid)}/log?download=1&start=1`)).status, 400);
  }));

test('Who has begun a task stops it, and nobody else without the privilege.', (t) =>
  withTasks(async (world) => {
    const task = world.tasks.begin(BACKUP);
    const stop = async (authId: string): Promise<unknown[]> => {
      const request = { method: 'DELETE', target: `nodes/localhost/tasks${pathOf(task.upid)}` };
      const { status, body } = await world.call(access, authId, request);
      return [status, body];
    };
    for (const authId of ['bob@pbs', 'ann@pbs!limited', 'eve@pbs']) {
      t.deepEqual(await stop(authId), [403, 'permission check failed']);
      t.false(task.signal.aborted);
    }
    t.deepEqual(await stop('ann@pbs'), [200, { data: null }]);
    t.true(task.signal.aborted);
    task.end();
    t.deepEqual(await stop(LAPTOP), [200, { data: null }]);
  }));

test('Nobody learns of tasks of others; a name that is none is refused.', (t) =>
  withTasks(async (world) => {
    const task = world.tasks.begin({ ...BACKUP, authId: 'root@pam' });
    task.end();
    const unknown = task.upid.replace('backup', 'prune');
    for (const call of ['status', 'log']) {
      for (const upid of [task.upid, unknown]) {
        const { status, body } = await get(world, LAPTOP, `${pathOf(upid)}/${call}`);
        t.deepEqual([status, body], [403, 'permission check failed']);
      }
      t.is((await get(world, 'bob@pbs', `${pathOf(unknown)}/${call}`)).body, 'no such task');
      t.is((await get(world, 'bob@pbs', `${pathOf('UPID:x:')}/${call}`)).body, 'unable to parse UPID');
      t.regex(
        String((await get(world, 'bob@pbs', `/..%2f..%2fetc/${call}`)).body),
        /illegal components|does not match the regex pattern/,
      );
    }
  }));
