import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { native } from '../../src/native.js';
import { LocalRepository } from '../../src/repository/local/local-repository.js';
import { parseServerConfiguration } from '../../src/repository/local/server-configuration.js';
import type { SyncMode } from '../../src/repository/local/session.js';
import { createStore } from '../../src/repository/local/store.js';
import { parseRepository } from '../../src/repository/open.js';
import type { BackupSession } from '../../src/repository/repository.js';
import { Seal } from '../../src/repository/seal.js';
import { parseServerName } from '../../src/snapshot/archive-names.js';
import {
  backupTime,
  formatTime,
  parseGroup,
  parseNamespace,
  ROOT_NAMESPACE,
} from '../../src/snapshot/names.js';

const group = parseGroup('host/a');
const wait = { waitSeconds: 0 };
const options = { ...wait, owner: 'root@pam', seal: Seal.none, now: 1_700_000_000 };
const index = parseServerName('root.mpxar.didx');

async function withStore(
  t: ExecutionContext,
  sync: SyncMode = 'none',
): Promise<{ root: string; repository: LocalRepository }> {
  const root = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  await createStore(root, { forServer: false });
  return { root, repository: await LocalRepository.open(root, { sync }) };
}

/** Directories below `root` that this process has open. Chunk stores keep `.chunks` open until they are collected. */
function openDirectories(root: string): string[] {
  const paths = readdirSync('/proc/self/fd').flatMap((fd) => {
    const link = `/proc/self/fd/${fd}`;
    // The listing's own descriptor is gone by now.
    if (!existsSync(link)) return [];
    const path = readlinkSync(link, 'utf8');
    return path.startsWith(root) && statSync(link).isDirectory() ? [path] : [];
  });
  return paths.sort();
}

async function store(session: BackupSession, bytes: Buffer): Promise<void> {
  const ingest = new native.Ingest({ store: await session.sink(index), averageSize: 65536, payload: false });
  await ingest.write(bytes);
  await session.putIndex(index, await ingest.finish());
}

async function backup(
  repository: LocalRepository,
  time: number,
  bytes: Buffer,
  namespace = ROOT_NAMESPACE,
): Promise<void> {
  const session = await repository.begin(namespace, group, backupTime(time), options);
  await store(session, bytes);
  await session.finish({});
}

test('a finished snapshot can be read back, with owner and manifest', async (t) => {
  const { root, repository } = await withStore(t);
  await backup(repository, 1000, Buffer.from('content'), parseNamespace('x/y'));
  const [info] = await repository.snapshots(parseNamespace('x/y'));
  t.is(info?.owner, 'root@pam');
  t.true(info?.finished);
  t.is(readFileSync(join(root, 'ns/x/ns/y/host/a/owner'), 'utf8'), 'root@pam\n');
  const reader = await repository.open(parseNamespace('x/y'), info!.snapshot, wait);
  const bytes = await reader.open(await reader.index(index), 0).read(0, 7);
  t.is(bytes.toString(), 'content');
  await reader.close();
});

test('nothing of a snapshot can be seen before it is finished, nor after it is aborted', async (t) => {
  const { root, repository } = await withStore(t);
  const session = await repository.begin(ROOT_NAMESPACE, group, backupTime(1000), options);
  await store(session, Buffer.from('content'));
  t.deepEqual(await repository.snapshots(ROOT_NAMESPACE), []);
  await session.abort();
  t.deepEqual(readdirSync(join(root, 'host/a')), ['owner']);
});

test('the next backup of a group removes what a killed one left', async (t) => {
  const { root, repository } = await withStore(t);
  mkdirSync(join(root, 'host/a/.restat-1970-01-01T00:00:01Z-abc'), { recursive: true });
  writeFileSync(join(root, 'host/a/.restat-1970-01-01T00:00:01Z-abc/root.mpxar.didx'), 'x');
  await backup(repository, 1000, Buffer.from('content'));
  t.deepEqual(readdirSync(join(root, 'host/a')).sort(), [formatTime(backupTime(1000)), 'owner']);
});

test('a backup time that is not newer than the last snapshot is refused', async (t) => {
  const { repository } = await withStore(t);
  await backup(repository, 1000, Buffer.from('content'));
  for (const time of [999, 1000]) {
    await t.throwsAsync(repository.begin(ROOT_NAMESPACE, group, backupTime(time), options), {
      code: 'SNAPSHOT_TIME',
    });
  }
  await backup(repository, 1001, Buffer.from('content'));
});

test('a second backup of the group at the same time is refused by name', async (t) => {
  const { root, repository } = await withStore(t);
  const session = await repository.begin(ROOT_NAMESPACE, group, backupTime(1000), options);
  const other = await LocalRepository.open(root, { sync: 'none' });
  await t.throwsAsync(other.begin(ROOT_NAMESPACE, group, backupTime(1001), options), {
    code: 'REPOSITORY_LOCKED',
  });
  await session.abort();
});

test('a snapshot that appeared in the meantime is not replaced', async (t) => {
  const { root, repository } = await withStore(t);
  const session = await repository.begin(ROOT_NAMESPACE, group, backupTime(1000), options);
  await store(session, Buffer.from('content'));
  mkdirSync(join(root, 'host/a', formatTime(backupTime(1000))));
  await t.throwsAsync(session.finish({}), { code: 'SNAPSHOT_EXISTS' });
  await session.abort();
});

test('a protected snapshot is not forgotten, the last one takes its group along', async (t) => {
  const { root, repository } = await withStore(t);
  await backup(repository, 1000, Buffer.from('content'));
  const snapshot = { ...group, time: backupTime(1000) };
  const marker = join(root, 'host/a', formatTime(snapshot.time), '.protected');
  writeFileSync(marker, '');
  await t.throwsAsync(repository.forget(ROOT_NAMESPACE, snapshot, wait), { code: 'SNAPSHOT_PROTECTED' });
  rmSync(marker);
  await repository.forget(ROOT_NAMESPACE, snapshot, wait);
  t.false(existsSync(join(root, 'host/a')));
  await t.throwsAsync(repository.forget(ROOT_NAMESPACE, snapshot, wait), { code: 'SNAPSHOT_MISSING' });
});

test('a snapshot that is being read is not forgotten', async (t) => {
  const { repository } = await withStore(t);
  await backup(repository, 1000, Buffer.from('content'));
  const snapshot = { ...group, time: backupTime(1000) };
  const reader = await repository.open(ROOT_NAMESPACE, snapshot, wait);
  await t.throwsAsync(repository.forget(ROOT_NAMESPACE, snapshot, wait), { code: 'REPOSITORY_LOCKED' });
  await reader.close();
});

for (const sync of ['filesystem', 'file'] as const) {
  test(`file systems are open before a group is made and until the end: ${sync}`, async (t) => {
    const { root, repository } = await withStore(t, sync);
    const namespace = parseNamespace('a/b');
    for (const end of ['finish', 'abort'] as const) {
      const session = await repository.begin(namespace, group, backupTime(end === 'finish' ? 1 : 2), options);
      const open = openDirectories(root);
      t.true(open.includes(root));
      t.true(open.includes(join(root, '.chunks')));
      t.true(open.includes(join(root, 'ns/a/ns/b/host/a')));
      await store(session, Buffer.from('content'));
      await (end === 'finish' ? session.finish({}) : session.abort());
      t.deepEqual(
        openDirectories(root).filter((path) => !path.endsWith('/.chunks')),
        [],
      );
    }
    t.is((await repository.snapshots(namespace)).length, 1);
    const late = { ...wait, owner: 'root@pam', seal: Seal.none, now: 0 };
    await t.throwsAsync(repository.begin(namespace, group, backupTime(1), late), { code: 'SNAPSHOT_TIME' });
    t.deepEqual(
      openDirectories(root).filter((path) => !path.endsWith('/.chunks')),
      [],
    );
  });
}

test('new files have the modes that a server expects', async (t) => {
  const { root, repository } = await withStore(t);
  chmodSync(root, 0o700);
  await backup(repository, 1000, Buffer.from('content'));
  const mode = (path: string): number => statSync(join(root, path)).mode & 0o7777;
  t.is(mode('.chunks'), 0o750);
  const chunks = join(root, '.chunks', readdirSync(join(root, '.chunks'))[0]!);
  t.is(statSync(chunks).mode & 0o7777, 0o750);
  t.is(statSync(join(chunks, readdirSync(chunks)[0]!)).mode & 0o7777, 0o640);
  t.is(mode(`host/a/${formatTime(backupTime(1000))}/root.mpxar.didx`), 0o640);
});

test('a store for a server has all chunk directories, also when it existed before', async (t) => {
  const { root } = await withStore(t);
  await createStore(root, { forServer: true });
  t.is(readdirSync(join(root, '.chunks')).length, 65_536);
});

test('a directory with something else in it does not become a datastore', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'precious'), '');
  await t.throwsAsync(createStore(root, { forServer: false }), { code: 'REPOSITORY_REFUSED' });
  await t.throwsAsync(LocalRepository.open(root, { sync: 'none' }), { code: 'REPOSITORY_MISSING' });
});

test('repository values: directories and servers', (t) => {
  t.deepEqual(parseRepository('/a/b', '/home/x'), { kind: 'local', directory: '/a/b' });
  t.deepEqual(parseRepository('~/b', '/home/x'), { kind: 'local', directory: '/home/x/b' });
  t.deepEqual(parseRepository('local:/c', '/home/x'), { kind: 'local', directory: '/c' });
  t.deepEqual(parseRepository('.', '/home/x'), { kind: 'local', directory: process.cwd() });
  for (const server of ['store1', 'host:store1', 'u@pam@host:8007:store1', 'locale:store1'])
    t.like(parseRepository(server, '/home/x'), { kind: 'pbs' });
  for (const neither of ['not a repo', 'dir/store', '~'])
    t.throws(() => parseRepository(neither, '/home/x'), { code: 'REPOSITORY_SPEC' });
});

test('a server configuration names its datastores', (t) => {
  const text =
    'datastore: one\n\tcomment x\n\tpath /srv/one\n\nsync: two\n\tpath /not/a/store\n\ndatastore: three\n  path /srv/with space\n';
  t.deepEqual(parseServerConfiguration(text), [
    { name: 'one', path: '/srv/one' },
    { name: 'three', path: '/srv/with space' },
  ]);
});
