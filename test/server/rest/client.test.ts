/** restat's own client at a whole server: what it asks is answered, over TLS, and means what it should. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { followTask } from '../../../src/maintenance/follow-task.js';
import { prune } from '../../../src/maintenance/prune.js';
import { LocalRepository } from '../../../src/repository/local/local-repository.js';
import { createTransport } from '../../../src/repository/pbs/connect-tls.js';
import { PbsRepository } from '../../../src/repository/pbs/pbs-repository.js';
import { pbsSpec } from '../../../src/repository/pbs/repository-string.js';
import { AccessFile } from '../../../src/server/access/access-file.js';
import { type RunningServer, startServer } from '../../../src/server/serve.js';
import { accessFile } from '../../../src/server/state-directory.js';
import { parseGroup, parseNamespace, parseSnapshot, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';
import { withGoldenStore } from '../../support/golden-store.js';
import { pinned } from '../../support/https-server.js';
import { withTemporaryDirectory } from '../../support/world.js';

const LAPTOP = 'ann@pbs!laptop';
const COST = { n: 2, r: 1, p: 1 };
const HANGS_MS = 30_000;
const wait = { waitSeconds: 0 };
const alpha = parseGroup('host/alpha');
const first = parseSnapshot('host/alpha/2023-11-14T22:30:00Z');

/** ann and her token may do everything in the datastore. Returns the token's secret. */
async function addAnn(stateDirectory: string): Promise<string> {
  const file = new AccessFile(accessFile(stateDirectory), { waitSeconds: 60, cost: COST });
  await file.addUser('ann@pbs', {}, undefined);
  const secret = await file.addToken(LAPTOP, {});
  for (const authId of ['ann@pbs', LAPTOP]) {
    const entry = { path: '/datastore/golden', authId, role: 'DatastoreAdmin' };
    await file.setAcl(entry, { propagate: true });
  }
  return secret;
}

function clientOf({ port, fingerprint }: RunningServer, secret: string): Promise<PbsRepository> {
  return PbsRepository.open({
    spec: pbsSpec({ authId: LAPTOP, host: '127.0.0.1', port, store: 'golden' }),
    transport: createTransport(pinned(port, fingerprint)),
    session: {
      headers: () => Promise.resolve({ authorization: `PBSAPIToken ${LAPTOP}:${secret}` }),
      refused: () => false,
      close: () => undefined,
    },
    requestTimeoutMs: HANGS_MS,
    reconnectDelaysMs: [],
  });
}

/** The golden datastore by a server and as a directory. */
function withBoth(
  use: (client: PbsRepository, local: LocalRepository, directory: string) => Promise<void>,
): Promise<void> {
  return withGoldenStore((directory) =>
    withTemporaryDirectory(async (stateDirectory) => {
      const secret = await addAnn(stateDirectory);
      const server = await startServer({
        host: '127.0.0.1',
        port: 0,
        datastores: [{ name: 'golden', directory }],
        stateDirectory,
        names: ['127.0.0.1'],
        openMetrics: false,
        version: '0',
        log: () => undefined,
      });
      const client = await clientOf(server, secret);
      try {
        await use(client, await LocalRepository.open(directory, { sync: 'none' }), directory);
      } finally {
        client.rest.close();
        await server.stop(0);
      }
    }),
  );
}

test('Groups, snapshots, files and namespaces are what the directory has.', (t) =>
  withBoth(async (client, local) => {
    for (const namespace of [ROOT_NAMESPACE, parseNamespace('ns1/ns2')]) {
      const groups = await client.groups(namespace);
      const expected = await local.groups(namespace);
      t.deepEqual(
        groups.map(({ group, owner, comment, count, last }) => [
          group,
          owner,
          comment,
          count,
          last?.snapshot,
        ]),
        expected.map(({ group, owner, comment, count, last }) => [
          group,
          owner,
          comment,
          count,
          last?.snapshot,
        ]),
      );
      t.deepEqual(await client.snapshots(namespace), await local.snapshots(namespace));
    }
    t.deepEqual(
      await client.management().namespaces(ROOT_NAMESPACE),
      await local.management().namespaces(ROOT_NAMESPACE),
    );
    for (const { snapshot } of await local.snapshots(ROOT_NAMESPACE, alpha)) {
      const files = await client.management().files(ROOT_NAMESPACE, snapshot);
      t.deepEqual(files, await local.management().files(ROOT_NAMESPACE, snapshot));
    }
  }));

test('What the client changes is changed in the directory.', (t) =>
  withBoth(async (client, local, directory) => {
    const [management, there] = [client.management(), local.management()];
    await management.setNotes(ROOT_NAMESPACE, first, 'ä & b\n%', wait);
    t.is(await there.notes(ROOT_NAMESPACE, first), 'ä & b\n%');
    t.is(await management.notes(ROOT_NAMESPACE, first), 'ä & b\n%');
    await management.setGroupNotes(ROOT_NAMESPACE, alpha, 'group', wait);
    t.is(await there.groupNotes(ROOT_NAMESPACE, alpha), 'group');
    await management.setProtected(ROOT_NAMESPACE, first, true, wait);
    t.true(await management.isProtected(ROOT_NAMESPACE, first));
    await t.throwsAsync(client.forget(ROOT_NAMESPACE, first), {
      message: /cannot remove protected snapshot/,
    });
    await management.setProtected(ROOT_NAMESPACE, first, false, wait);
    await client.forget(ROOT_NAMESPACE, first);
    t.is((await local.snapshots(ROOT_NAMESPACE, alpha)).length, 4);
    await management.changeOwner(ROOT_NAMESPACE, alpha, 'ann@pbs', wait);
    t.is(readFileSync(join(directory, 'host/alpha/owner'), 'utf8'), 'ann@pbs\n');
    await management.createNamespace(parseNamespace('a'));
    await management.createNamespace(parseNamespace('a/b'));
    t.deepEqual((await there.namespaces(parseNamespace('a'))).length, 2);
    await management.deleteNamespace(parseNamespace('a'), { ...wait, groups: false });
    await t.throwsAsync(there.namespaces(parseNamespace('a')), { code: 'NAMESPACE_MISSING' });
    const gone = await management.forgetGroup(ROOT_NAMESPACE, parseGroup('host/kinds'), wait);
    t.deepEqual(gone, { groups: 1, snapshots: 3, protectedSnapshots: 0 });
  }));

test('The server decides what a prune deletes, as the directory would, and keeps a task of it.', (t) =>
  withBoth(async (client, local) => {
    const keep = { last: 1, yearly: 2 };
    const expected = await prune(local, ROOT_NAMESPACE, alpha, keep, { ...wait, dryRun: true });
    t.deepEqual(await prune(client, ROOT_NAMESPACE, alpha, keep, { ...wait, dryRun: true }), expected);
    t.deepEqual(await prune(client, ROOT_NAMESPACE, alpha, keep, { ...wait, dryRun: false }), expected);
    t.is((await local.snapshots(ROOT_NAMESPACE, alpha)).length, expected.filter((each) => each.keep).length);
    const { tasks } = client.management();
    const [task] = await tasks.list({ limit: 5, finished: true });
    t.like(task, { type: 'prune', worker: 'golden::host/alpha', user: LAPTOP, status: 'OK' });
    const said: string[] = [];
    await followTask(tasks, task!.upid, {
      onLine: async (line) => void said.push(line),
      pollMs: 10,
      onAbort: 'leave',
      signal: new AbortController().signal,
    });
    t.is(said.at(-1), 'TASK OK');
    t.is(await tasks.result(task!.upid), 'OK');
    await tasks.stop(task!.upid);
    t.deepEqual(await tasks.list({ limit: 5, finished: false }), []);
  }));

test('The server says who it is and how much room there is, and what it cannot do yet.', (t) =>
  withBoth(async (client) => {
    const management = client.management();
    t.deepEqual(await management.serverVersion(), { version: '4.2', release: '0', repoid: 'restat' });
    t.regex(await management.serverIdentity(), /^[0-9a-f]{32}$/);
    const { total, used, available, backend } = await management.status();
    t.true(total > 0 && used > 0 && available > 0);
    t.is(backend, 'filesystem');
    await t.throwsAsync(management.collectGarbage(), {
      message: /garbage collection is not implemented yet/,
    });
    await t.throwsAsync(management.moveGroup(ROOT_NAMESPACE, alpha, parseNamespace('ns1'), { merge: true }), {
      message: /moving groups is not implemented yet/,
    });
  }));
