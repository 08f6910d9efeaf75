/** The `local` kind: a datastore directory, written as a server would write it. */
import { chown, mkdir, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { native } from '../../native.js';
import type { NativeChunkStore } from '../../native-chunk.js';
import { decodeDynamicIndex, MAX_INDEX_SIZE } from '../../snapshot/dynamic-index.js';
import type { Manifest } from '../../snapshot/manifest.js';
import {
  type BackupTime,
  formatGroup,
  formatSnapshot,
  formatTime,
  type GroupName,
  type Namespace,
  type SnapshotName,
} from '../../snapshot/names.js';
import { failedVerification } from '../../snapshot/verify-state.js';
import { RepositoryError, systemCode } from '../errors.js';
import type {
  BackupSession,
  BeginOptions,
  GroupInfo,
  LockWait,
  Repository,
  SnapshotInfo,
  SnapshotReader,
} from '../repository.js';
import { readBounded } from './bounded-read.js';
import {
  describeGroup,
  describeSnapshot,
  listGroups,
  listSnapshots,
  readManifest,
  readOwner,
  snapshotText,
} from './catalogue.js';
import { OpenFileSystems, syncDirectory } from './durability.js';
import { CHUNKS, groupDirectory, NOTES, OWNER, PROTECTED, snapshotDirectory, UNFINISHED } from './layout.js';
import { type Lock, NO_LOCK } from './locks.js';
import { LocalSnapshotReader } from './reader.js';
import { Rehearsal } from './rehearsal.js';
import { LocalSession, type SyncMode } from './session.js';
import { openStore, type Store } from './store.js';

/** Names that stay in a group's directory when its last snapshot goes. */
const GROUP_FILES = [OWNER, NOTES];

export interface LocalOptions {
  readonly sync: SyncMode;
}

export class LocalRepository implements Repository {
  readonly name: string;
  readonly #store: Store;
  readonly #sync: SyncMode;

  private constructor(store: Store, sync: SyncMode) {
    this.name = store.root;
    this.#store = store;
    this.#sync = sync;
  }

  /** Throws RepositoryError when the directory is no datastore or must not be used. */
  static async open(root: string, { sync }: LocalOptions): Promise<LocalRepository> {
    return new LocalRepository(await openStore(root), sync);
  }

  async groups(namespace: Namespace): Promise<GroupInfo[]> {
    const infos: GroupInfo[] = [];
    for (const group of await listGroups(this.#store.root, namespace)) {
      infos.push(await describeGroup(this.#store.root, namespace, group));
    }
    return infos.filter(({ count }) => count > 0);
  }

  async snapshots(namespace: Namespace, group?: GroupName): Promise<SnapshotInfo[]> {
    const groups = group === undefined ? await listGroups(this.#store.root, namespace) : [group];
    const infos: SnapshotInfo[] = [];
    for (const each of groups) {
      const owner = await readOwner(this.#store.root, namespace, each);
      for (const snapshot of await listSnapshots(this.#store.root, namespace, each)) {
        infos.push(await describeSnapshot(this.#store.root, namespace, snapshot, owner));
      }
    }
    return infos;
  }

  async open(namespace: Namespace, snapshot: SnapshotName, wait: LockWait): Promise<SnapshotReader> {
    const directory = snapshotDirectory(this.#store.root, namespace, snapshot);
    if ((await stat(directory).catch(() => undefined)) === undefined) {
      throw new RepositoryError(
        'SNAPSHOT_MISSING',
        `there is no snapshot ${snapshotText(namespace, snapshot)}`,
      );
    }
    const lock = await this.#lock(namespace, formatSnapshot(snapshot), false, wait);
    try {
      return await LocalSnapshotReader.open(directory, this.#chunkStore(), lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async begin(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    options: BeginOptions,
  ): Promise<BackupSession> {
    const { root, uid, gid } = this.#store;
    const locks: Lock[] = [];
    const fileSystems = new OpenFileSystems();
    try {
      // `.chunks` may be on another one.
      for (const path of [root, join(root, CHUNKS)]) await fileSystems.add(path);
      locks.push(await this.#store.storeLock.acquireShared(options));
      locks.push(await this.#lock(namespace, formatGroup(group), true, options));
      const directory = await this.#prepareGroup(namespace, group, options.owner);
      const previous = await this.#newestFinished(namespace, group);
      await this.#checkTime(namespace, { ...group, time }, previous?.snapshot);
      if (previous !== undefined)
        locks.push(await this.#lock(namespace, formatSnapshot(previous.snapshot), false, options));
      const chunks = this.#chunkStore();
      if (previous !== undefined) await this.#registerKnown(namespace, previous, chunks);
      return await LocalSession.start({
        groupDirectory: directory,
        snapshot: { ...group, time },
        previous: previous?.snapshot,
        chunks,
        sync: this.#sync,
        fileSystems,
        uid,
        gid,
        now: options.now,
        locks,
      });
    } catch (error) {
      await fileSystems.close();
      for (const lock of locks) await lock.release();
      throw error;
    }
  }

  async rehearse(namespace: Namespace, group: GroupName, time: BackupTime): Promise<BackupSession> {
    const previous = await this.#newestFinished(namespace, group);
    await this.#checkTime(namespace, { ...group, time }, previous?.snapshot);
    return new Rehearsal({ ...group, time }, previous?.snapshot, this.#chunkStore());
  }

  async forget(namespace: Namespace, snapshot: SnapshotName, wait: LockWait): Promise<void> {
    const directory = snapshotDirectory(this.#store.root, namespace, snapshot);
    const text = snapshotText(namespace, snapshot);
    if ((await stat(directory).catch(() => undefined)) === undefined) {
      throw new RepositoryError('SNAPSHOT_MISSING', `there is no snapshot ${text}`);
    }
    const group = await this.#lock(namespace, formatGroup(snapshot), true, wait);
    try {
      const lock = await this.#lock(namespace, formatSnapshot(snapshot), true, wait);
      try {
        if ((await stat(join(directory, PROTECTED)).catch(() => undefined)) !== undefined) {
          throw new RepositoryError('SNAPSHOT_PROTECTED', `snapshot ${text} is protected`);
        }
        await this.#removeSnapshot(directory);
        await removeLeftovers(dirname(directory));
        await this.#removeEmptyGroup(namespace, snapshot);
      } finally {
        await lock.release();
      }
    } finally {
      await group.release();
    }
  }

  async ownDirectories(): Promise<ReadonlySet<string>> {
    const { dev, ino } = await stat(this.#store.root, { bigint: true });
    const identity = Buffer.alloc(16);
    identity.writeBigUInt64LE(dev, 0);
    identity.writeBigUInt64LE(ino, 8);
    return new Set([identity.toString('latin1')]);
  }

  #chunkStore(): NativeChunkStore {
    const { root, uid, gid } = this.#store;
    return new native.ChunkStore({ path: root, sync: this.#sync === 'file' ? 'file' : 'none', uid, gid });
  }

  async #lock(namespace: Namespace, name: string, exclusive: boolean, wait: LockWait): Promise<Lock> {
    if (this.#store.readOnly) {
      if (!exclusive) return NO_LOCK;
      throw new RepositoryError('REPOSITORY_REFUSED', `${this.#store.root} is on a read-only file system`);
    }
    const components = namespace === '' ? [] : namespace.split('/');
    return this.#store.locks.acquire(components, name, { ...wait, exclusive });
  }

  /** Makes the group's directory with its owner where it is new, and clears away what runs that died left. */
  async #prepareGroup(namespace: Namespace, group: GroupName, owner: string): Promise<string> {
    const { root, uid, gid } = this.#store;
    const directory = groupDirectory(root, namespace, group);
    if (namespace !== '') await this.#makeParents(namespace);
    for (const path of [dirname(directory), directory]) await this.#makeDirectory(path);
    await removeLeftovers(directory);
    await native
      .publishFile(directory, OWNER, Buffer.from(`${owner}\n`), {
        mode: 0o644,
        uid,
        gid,
        sync: this.#sync !== 'none',
      })
      .catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error;
      });
    if (this.#sync !== 'none') await syncDirectory(directory);
    return directory;
  }

  async #makeParents(namespace: Namespace): Promise<void> {
    let path = this.#store.root;
    for (const component of namespace.split('/')) {
      for (const name of ['ns', component]) {
        path = join(path, name);
        await this.#makeDirectory(path);
      }
    }
  }

  /** A run that did not sync may have made it: where that counts, its name is put on disk in any case. */
  async #makeDirectory(path: string): Promise<void> {
    await mkdir(path, { mode: 0o755 }).then(
      () => chown(path, this.#store.uid, this.#store.gid),
      (error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error;
      },
    );
    if (this.#sync !== 'none') await syncDirectory(dirname(path));
  }

  async #checkTime(
    namespace: Namespace,
    snapshot: SnapshotName,
    last: SnapshotName | undefined,
  ): Promise<void> {
    if (last !== undefined && snapshot.time <= last.time) {
      const message = `backup time ${formatTime(snapshot.time)} is not newer than the last snapshot of the group (${formatTime(last.time)})`;
      throw new RepositoryError('SNAPSHOT_TIME', message);
    }
    const directory = snapshotDirectory(this.#store.root, namespace, snapshot);
    if ((await stat(directory).catch(() => undefined)) !== undefined) {
      throw new RepositoryError('SNAPSHOT_EXISTS', `${snapshotText(namespace, snapshot)} exists already`);
    }
  }

  /** The newest snapshot with a manifest that can be read. */
  async #newestFinished(
    namespace: Namespace,
    group: GroupName,
  ): Promise<{ snapshot: SnapshotName; manifest: Manifest | undefined } | undefined> {
    for (const snapshot of (await listSnapshots(this.#store.root, namespace, group)).reverse()) {
      const directory = snapshotDirectory(this.#store.root, namespace, snapshot);
      try {
        const manifest = await readManifest(directory);
        if (manifest !== undefined) return { snapshot, manifest };
      } catch {
        // A damaged manifest still says that the snapshot was finished: its time counts, its chunks do not.
        return { snapshot, manifest: undefined };
      }
    }
    return undefined;
  }

  /** Chunks of the previous snapshot are known, unless its verification failed; a damaged index makes none known. */
  async #registerKnown(
    namespace: Namespace,
    { snapshot, manifest }: { snapshot: SnapshotName; manifest: Manifest | undefined },
    chunks: NativeChunkStore,
  ): Promise<void> {
    if (manifest === undefined || failedVerification(manifest)) return;
    const directory = snapshotDirectory(this.#store.root, namespace, snapshot);
    for (const { filename, cryptMode, csum, size } of manifest.files) {
      if (!filename.endsWith('.didx') || cryptMode === 'encrypt') continue;
      try {
        const index = decodeDynamicIndex(
          await readBounded(join(directory, filename), MAX_INDEX_SIZE),
          filename,
        );
        index.verify(csum, size);
        chunks.register(index.entries);
      } catch {
        // Its chunks are then verified before they are reused.
      }
    }
  }

  /** Gone at once for everybody, then removed. */
  async #removeSnapshot(directory: string): Promise<void> {
    const gone = join(
      dirname(directory),
      `${UNFINISHED}gone-${directory.slice(dirname(directory).length + 1)}`,
    );
    await rename(directory, gone);
    await rm(gone, { recursive: true, force: true });
  }

  /** A group without snapshots goes too. snapshot-manifest.md §4. */
  async #removeEmptyGroup(namespace: Namespace, group: GroupName): Promise<void> {
    const directory = groupDirectory(this.#store.root, namespace, group);
    const left = (await readdir(directory)).filter((name) => !GROUP_FILES.includes(name));
    if (left.length > 0) return;
    for (const name of GROUP_FILES) await unlink(join(directory, name)).catch(() => undefined);
    await rmdir(directory);
  }
}

/** What runs that died left in a group's directory. The group is locked. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** True for a directory that holds a datastore. */
export async function isStore(root: string): Promise<boolean> {
  return (await stat(join(root, CHUNKS)).catch(() => undefined)) !== undefined;
}
