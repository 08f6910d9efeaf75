/** Pruning, at once and as a task. rest-api.md §3.2. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { LocalRepository } from '../../../src/repository/local/local-repository.js';
import { parseSnapshot, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';
import { ALPHA, ask, LAPTOP, said, TIMES } from './datastore-calls.js';
import { addSnapshot, plainSnapshot } from './recorded-store.js';
import { type RestWorld, STORE, withGolden } from './rest-world.js';

const started = z.object({ data: z.string().startsWith('UPID:') });

function countOf({ directory }: RestWorld, group = 'host/alpha'): number {
  return readdirSync(join(directory, group)).filter((name) => name.startsWith('20')).length;
}

/** What a task has said, without times, when it has ended. */
async function logOf({ tasks }: RestWorld, upid: string): Promise<string[]> {
  while (tasks.find(upid)?.status === undefined) await new Promise((resolve) => setImmediate(resolve));
  const { lines } = await tasks.lines(upid, { start: 0, limit: 0 });
  return lines.map(({ t }) => t.slice(27));
}

test('A group is pruned at once; the list says what became of each snapshot, the task what was done.', (t) =>
  withGolden(async (world) => {
    const { body } = await ask(world, ['POST', 'prune'], { ...ALPHA, 'keep-last': 2 });
    const fates = TIMES.map((time, i) => ({
      ...ALPHA,
      'backup-time': time,
      keep: i === 1 || i > 2,
      protected: i === 1,
    }));
    t.deepEqual(body, { data: fates });
    t.is(countOf(world), 3);
    const [task] = world.tasks.all();
    t.like(task, { type: 'prune', workerId: `${STORE}::host/alpha`, authId: LAPTOP, status: 'OK' });
    t.deepEqual(await logOf(world, task!.upid), [
      'retention options: --keep-last 2',
      `Starting prune on datastore ${STORE} group "host/alpha"`,
      'remove host/alpha/2023-11-14T22:30:00Z',
      'protected host/alpha/2023-11-14T22:46:40Z',
      'remove host/alpha/2023-11-14T23:03:20Z',
      'keep host/alpha/2023-11-14T23:20:00Z',
      'keep host/alpha/2023-11-14T23:36:40Z',
      'TASK OK',
    ]);
  }));

test('A dry run decides and leaves everything, without a task.', (t) =>
  withGolden(async (world) => {
    const answer = await ask(world, ['POST', 'prune'], { ...ALPHA, 'keep-last': 1, 'dry-run': true });
    t.is(answer.status, 200);
    t.is(countOf(world), 5);
    t.deepEqual(world.tasks.all(), []);
  }));

test('A group is pruned as a task.', (t) =>
  withGolden(async (world) => {
    const { body } = await ask(world, ['POST', 'prune'], { ...ALPHA, 'keep-last': 1, 'use-task': true });
    const upid = started.parse(body).data;
    t.is((await logOf(world, upid)).at(-1), 'TASK OK');
    t.is(countOf(world), 2);
  }));

test('What somebody reads stays, with a warning.', (t) =>
  withGolden(async (world) => {
    const other = await LocalRepository.open(world.directory, { sync: 'none' });
    const snapshot = parseSnapshot('host/alpha/2023-11-14T22:30:00Z');
    const reader = await other.open(ROOT_NAMESPACE, snapshot, { waitSeconds: 0 });
    await ask(world, ['POST', 'prune'], { ...ALPHA, 'keep-last': 1 });
    await reader.close();
    t.is(countOf(world), 3);
    t.is(world.tasks.all()[0]?.status, 'WARNINGS: 1');
  }));

test('A missing group and a count of zero are refused.', (t) =>
  withGolden(async (world) => {
    const path = join(world.directory, 'host/none');
    t.deepEqual(
      await said(ask(world, ['POST', 'prune'], { ...ALPHA, 'backup-id': 'none', 'keep-last': 1 })),
      [400, `read dir "${path}" - ENOENT: No such file or directory`],
    );
    t.deepEqual(await said(ask(world, ['POST', 'prune'], { ...ALPHA, 'keep-daily': 0 })), [
      400,
      "parameter verification failed - 'keep-daily': value must have a minimum value of 1 (got 0)",
    ]);
  }));

test('All groups down to a depth are pruned as a task.', (t) =>
  withGolden(async (world) => {
    const shallow = await ask(world, ['POST', 'prune-datastore'], { 'keep-last': 1, 'max-depth': 1 });
    t.is((await logOf(world, started.parse(shallow.body).data)).at(-1), 'TASK OK');
    t.is(countOf(world), 2);
    t.is(countOf(world, 'host/kinds'), 1);
    t.is(countOf(world, 'ns/ns1/ns/ns2/host/beta'), 2);
    const deep = await ask(world, ['POST', 'prune-datastore'], { 'keep-last': 1, 'dry-run': true });
    const lines = await logOf(world, started.parse(deep.body).data);
    t.true(lines.includes('would remove host/beta/2023-11-14T22:15:00Z'));
    t.is(countOf(world, 'ns/ns1/ns/ns2/host/beta'), 2);
    const below = await ask(world, ['POST', 'prune-datastore'], { ns: 'ns1', 'keep-last': 1 });
    const upid = started.parse(below.body).data;
    await logOf(world, upid);
    t.is(countOf(world, 'ns/ns1/ns/ns2/host/beta'), 1);
    t.is(world.tasks.find(upid)?.workerId, `${STORE}:ns1`);
  }));

test('Who may prune only its own groups prunes only those.', (t) =>
  withGolden(async (world) => {
    for (const time of [1_700_000_000, 1_700_000_001])
      addSnapshot(world.directory, plainSnapshot('bobs', time, ['a.conf.blob'], 'bob@pbs'));
    const { body } = await ask(world, ['POST', 'prune-datastore'], { 'keep-last': 1 }, 'bob@pbs');
    const lines = await logOf(world, started.parse(body).data);
    t.deepEqual(
      lines.filter((line) => line.startsWith('Starting')),
      [`Starting prune on datastore ${STORE} group "host/bobs"`],
    );
    t.is(countOf(world, 'host/bobs'), 1);
    t.is(countOf(world), 5);
  }));

test('Without an option nothing is pruned.', (t) =>
  withGolden(async (world) => {
    const { body } = await ask(world, ['POST', 'prune-datastore']);
    t.deepEqual(await logOf(world, started.parse(body).data), [
      'No prune selection - keeping all files.',
      'TASK OK',
    ]);
    t.is(countOf(world), 5);
  }));

test('A task that is stopped deletes nothing more; one caller has only a few at one time.', (t) =>
  withGolden(async (world) => {
    const prune = (): ReturnType<typeof ask> => ask(world, ['POST', 'prune-datastore'], { 'keep-last': 1 });
    const first = started.parse((await prune()).body).data;
    world.tasks.stop(first);
    t.is((await logOf(world, first)).at(-1), 'TASK ERROR: abort requested - aborting task');
    const busy = Array.from({ length: 4 }, () =>
      world.tasks.begin({ type: 'prune', workerId: STORE, authId: LAPTOP }),
    );
    t.deepEqual(await said(prune()), [503, "too many tasks 'prune' are running"]);
    for (const task of busy) task.end();
    t.is((await prune()).status, 200);
  }));
