/** Calls that no recording has: what is asked of a server, and what its answers mean (rest-api.md §3, §4). */
import test from 'ava';
import { PbsManagement } from '../../../src/repository/pbs/management.js';
import { RestClient } from '../../../src/repository/pbs/rest-client.js';
import { deletionSchema, statusSchema, tasksSchema } from '../../../src/repository/pbs/schemas.js';
import { parseGroup, parseNamespace, parseSnapshot, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';
import { answer, type SeenRequest, withServer } from '../../support/https-server.js';

const UPID = 'UPID:vm:00006110:0004BB07:00000241:6B02DDC9:garbage_collection:vectors:ann@pbs!laptop:';
const ENCODED = encodeURIComponent(UPID);
const STORE = '/api2/json/admin/datastore/vectors';
const TASK = `/api2/json/nodes/localhost/tasks/${ENCODED}`;
const group = parseGroup('host/proto');
const snapshot = parseSnapshot('host/proto/2023-12-08T01:46:41Z');

/** Answers every request with `data`, and returns the requests. */
async function asked(
  data: unknown,
  use: (management: PbsManagement) => Promise<void>,
): Promise<SeenRequest[]> {
  const text = JSON.stringify({ data });
  return whole(text, use);
}

async function whole(
  text: string,
  use: (management: PbsManagement) => Promise<void>,
): Promise<SeenRequest[]> {
  return withServer(
    (_, response) => answer(response, 200, text),
    async ({ port, transport, seen }) => {
      const session = { headers: () => Promise.resolve({}), refused: () => false, close: () => undefined };
      const rest = new RestClient({
        spec: { host: '127.0.0.1', port },
        transport,
        session,
        requestTimeoutMs: 5000,
      });
      try {
        await use(new PbsManagement(rest, { authId: 'ann@pbs!laptop', store: 'vectors' }));
      } finally {
        rest.close();
      }
      return [...seen];
    },
  );
}

function lines(seen: readonly SeenRequest[]): string[] {
  return seen.map(({ method, url, body }) => `${method} ${url} ${body}`.trimEnd());
}

test('notes of a group and of a snapshot in a namespace', async (t) => {
  const namespace = parseNamespace('a/b');
  const seen = await asked('text', async (management) => {
    t.is(await management.groupNotes(namespace, group), 'text');
    await management.setGroupNotes(namespace, group, 'ä & b');
    t.is(await management.notes(namespace, snapshot), 'text');
  });
  const where = 'backup-id=proto&backup-type=host';
  t.deepEqual(lines(seen), [
    `GET ${STORE}/group-notes?${where}&ns=a%2Fb`,
    `PUT ${STORE}/group-notes?${where}&notes=%C3%A4+%26+b&ns=a%2Fb`,
    `GET ${STORE}/notes?backup-id=proto&backup-time=1702000001&backup-type=host&ns=a%2Fb`,
  ]);
});

test('what starts a task answers its name', async (t) => {
  const seen = await asked(UPID, async (management) => {
    const target = parseNamespace('b');
    t.is(await management.moveGroup(ROOT_NAMESPACE, group, target, { merge: false }), UPID);
    t.is(
      await management.moveNamespace(parseNamespace('a'), target, {
        maxDepth: 2,
        deleteSource: true,
        mergeGroups: false,
      }),
      UPID,
    );
    t.is(await management.collectGarbage(), UPID);
    await management.verify(parseNamespace('a'), undefined, { ignoreVerified: true });
    await management.verify(ROOT_NAMESPACE, group, { ignoreVerified: false, outdatedAfter: 7 });
    await management.verify(ROOT_NAMESPACE, snapshot, { ignoreVerified: true });
  });
  const bodies = seen.map(({ url, body }) => [url.slice(STORE.length), JSON.parse(body)]);
  const name = { 'backup-type': 'host', 'backup-id': 'proto' };
  t.deepEqual(bodies, [
    ['/move-group', { ...name, 'target-ns': 'b', 'merge-group': false }],
    [
      '/move-namespace',
      { ns: 'a', 'target-ns': 'b', 'max-depth': 2, 'delete-source': true, 'merge-groups': false },
    ],
    ['/gc', {}],
    ['/verify', { ns: 'a', 'ignore-verified': true }],
    ['/verify', { ...name, 'ignore-verified': false, 'outdated-after': 7 }],
    ['/verify', { ...name, 'backup-time': 1_702_000_001, 'ignore-verified': true }],
  ]);
});

test('keep options of a prune in a namespace', async (t) => {
  const seen = await asked([], async (management) => {
    const keep = { last: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5, yearly: 6 };
    await management.pruneGroup(parseNamespace('a'), group, keep, { dryRun: false });
  });
  t.deepEqual(JSON.parse(seen[0]!.body), {
    'backup-type': 'host',
    'backup-id': 'proto',
    ns: 'a',
    'keep-last': 1,
    'keep-hourly': 2,
    'keep-daily': 3,
    'keep-weekly': 4,
    'keep-monthly': 5,
    'keep-yearly': 6,
  });
});

test('a log comes in pages, without the times of its lines', async (t) => {
  const text = JSON.stringify({
    data: [
      { n: 1, t: '2026-11-22T12:19:26+00:00: starting garbage collection' },
      { n: 2, t: 'TASK OK' },
    ],
    total: 3,
    success: 1,
    active: true,
  });
  const seen = await whole(text, async ({ tasks }) => {
    const log = await tasks.log(UPID, 1);
    t.deepEqual(log, { lines: ['starting garbage collection', 'TASK OK'], next: 3, total: 3, active: true });
  });
  t.deepEqual(lines(seen), [`GET ${TASK}/log?limit=500&start=1&test-status=true`]);
});

test('a page without lines goes on where it was', async (t) => {
  await whole('{"data":[],"total":0,"success":1}', async ({ tasks }) => {
    t.deepEqual(await tasks.log(UPID, 7), { lines: [], next: 7, total: 0, active: false });
  });
});

test('a task has a result when it has ended', async (t) => {
  await asked({ status: 'running' }, async ({ tasks }) => {
    t.is(await tasks.result(UPID), undefined);
  });
  const stopped = { status: 'stopped', exitstatus: 'WARNINGS: 1' };
  const seen = await asked(stopped, async ({ tasks }) => {
    t.is(await tasks.result(UPID), 'WARNINGS: 1');
    await tasks.stop(UPID);
  });
  t.deepEqual(lines(seen), [`GET ${TASK}/status`, `DELETE ${TASK}`]);
});

test('answers of older servers: no statistics, no backend', (t) => {
  t.is(deletionSchema.parse(null), undefined);
  t.deepEqual(statusSchema.parse({ total: 3, used: 1, avail: 2 }), { total: 3, used: 1, available: 2 });
});

test('a running task has no end', (t) => {
  const item = { upid: UPID, node: 'n', pid: 1, pstart: 2, starttime: 3, worker_type: 'verify', user: 'u' };
  const [task] = tasksSchema.parse([{ ...item, worker_id: null }]);
  t.like(task, { endTime: undefined, status: undefined, worker: undefined });
});

test('nonsense is refused', async (t) => {
  await asked({ total: -1 }, async (management) => {
    await t.throwsAsync(management.status(), { code: 'SERVER_REPLY' });
    await t.throwsAsync(management.collectGarbage(), { code: 'SERVER_REPLY' });
    await t.throwsAsync(management.notes(ROOT_NAMESPACE, snapshot), { code: 'SERVER_REPLY' });
    await t.throwsAsync(management.namespaces(ROOT_NAMESPACE), { code: 'SERVER_REPLY' });
  });
});
