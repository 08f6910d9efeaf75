/** The `local` kind: a datastore directory, written as a server would write it. */
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { native } from '../../native.js';
import type { ChunkStoreOptions, NativeChunkReceiver, NativeChunkStore } from '../../native-chunk.js';
import {
  type BackupTime,
  formatGroup,
  formatSnapshot,
  formatTime,
  type GroupName,
  type Namespace,
  namespaceDirectory,
  type SnapshotName,
} from '../../snapshot/names.js';
import { RepositoryError } from '../errors.js';
import type {
  BackupSession,
  BeginOptions,
  GroupInfo,
  LockWait,
  OpenOptions,
  RehearsalOptions,
  Repository,
  SnapshotInfo,
  SnapshotReader,
} from '../repository.js';
import type { KeySource } from '../snapshot-key.js';
import {
  describeGroup,
  describeSnapshot,
  listGroups,
  listSnapshots,
  readOwner,
  snapshotText,
} from './catalogue.js';
import { OpenFileSystems } from './durability.js';
import { CHUNKS, snapshotDirectory } from './layout.js';
import type { Lock } from './locks.js';
import { LocalManagement } from './management.js';
import { lockName } from './name-lock.js';
import { LocalSnapshotReader } from './reader.js';
import { Rehearsal } from './rehearsal.js';
import { exists, forgetSnapshot } from './removal.js';
import { LocalSession, type SyncMode } from './session.js';
import { newestFinished, registerKnown } from './session-base.js';
import { letGoAfter } from './session-close.js';
import { prepareGroup } from './session-group.js';
import { type HeldSnapshot, holdSnapshot, type ReceiveOptions, receiveBackup } from './session-receive.js';
import type { ReceivedSession } from './session-received.js';
import { openStore, type Store } from './store.js';

/** A session decodes chunks one after the other: those of the reference, and those that it finds in its way. */
const SESSION_IDLE = 8 * 1024 * 1024;

export interface LocalOptions {
  readonly sync: SyncMode;
}

export class LocalRepository implements Repository {
  readonly name: string;
  readonly #store: Store;
  readonly #sync: SyncMode;
  #chunkReceiver: NativeChunkReceiver | undefined;

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

  open(namespace: Namespace, snapshot: SnapshotName, options: OpenOptions): Promise<SnapshotReader> {
    return this.#read(namespace, snapshot, this.#chunkStore(), options);
  }

  async #read(
    namespace: Namespace,
    snapshot: SnapshotName,
    chunks: NativeChunkStore,
    options: OpenOptions,
  ): Promise<SnapshotReader> {
    const directory = snapshotDirectory(this.#store.root, namespace, snapshot);
    if ((await stat(directory).catch(() => undefined)) === undefined) {
      throw new RepositoryError(
        'SNAPSHOT_MISSING',
        `there is no snapshot ${snapshotText(namespace, snapshot)}`,
      );
    }
    const lock = await this.#lock(namespace, formatSnapshot(snapshot), false, options);
    try {
      return await LocalSnapshotReader.open(directory, snapshot, { chunks, lock }, options.keys);
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
    const { seal } = options;
    const locks: Lock[] = [];
    const fileSystems = new OpenFileSystems();
    try {
      // `.chunks` may be on another one.
      for (const path of [root, join(root, CHUNKS)]) await fileSystems.add(path);
      locks.push(await this.#store.storeLock.acquireShared(options));
      locks.push(await this.#lock(namespace, formatGroup(group), true, options));
      const place = { owner: options.owner, sync: this.#sync, orphans: 'adopt' } as const;
      const directory = await prepareGroup(this.#store, namespace, group, place);
      const previous = await newestFinished(this.#store, namespace, group);
      await this.#checkTime(namespace, { ...group, time }, previous?.snapshot);
      if (previous !== undefined)
        locks.push(await this.#lock(namespace, formatSnapshot(previous.snapshot), false, options));
      const chunks = this.#chunkStore({ idleBytes: SESSION_IDLE, key: seal.encryption?.toNative() });
      if (previous !== undefined) await registerKnown(previous, seal, chunks);
      return await LocalSession.start({
        groupDirectory: directory,
        snapshot: { ...group, time },
        previous: previous?.snapshot,
        seal,
        chunks,
        openPrevious: this.#previousReader(namespace, previous?.snapshot, chunks, seal.keys),
        sync: this.#sync,
        fileSystems,
        uid,
        gid,
        now: options.now,
        locks,
      });
    } catch (error) {
      return letGoAfter(error, { fileSystems, locks });
    }
  }

  /** The same for a client of a server. Throws as `receiveBackup`. */
  receive(namespace: Namespace, snapshot: SnapshotName, options: ReceiveOptions): Promise<ReceivedSession> {
    const place = { store: this.#store, sync: this.#sync, chunks: this.#receiver() };
    return receiveBackup(place, namespace, snapshot, options);
  }

  /** A snapshot's files as they are, while nobody may delete it. Throws as `holdSnapshot`. */
  hold(namespace: Namespace, snapshot: SnapshotName): Promise<HeldSnapshot> {
    return holdSnapshot(this.#store, namespace, snapshot);
  }

  /** The owner of a group; undefined where there is no such group. */
  owner(namespace: Namespace, group: GroupName): Promise<string | undefined> {
    return readOwner(this.#store.root, namespace, group);
  }

  hasNamespace(namespace: Namespace): Promise<boolean> {
    return exists(join(this.#store.root, namespaceDirectory(namespace)));
  }

  /** An encoded chunk, open for reading. Rejects with the system's error. */
  openChunk(digest: string): Promise<FileHandle> {
    const path = join(this.#store.root, CHUNKS, digest.slice(0, 4), digest);
    return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  async rehearse(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    { seal }: RehearsalOptions,
  ): Promise<BackupSession> {
    const previous = await newestFinished(this.#store, namespace, group);
    await this.#checkTime(namespace, { ...group, time }, previous?.snapshot);
    const chunks = this.#chunkStore({ idleBytes: SESSION_IDLE });
    const openPrevious = this.#previousReader(namespace, previous?.snapshot, chunks, seal.keys);
    return new Rehearsal({ ...group, time }, seal, previous?.snapshot, chunks, openPrevious);
  }

  /** Does not wait for a lock: what somebody is deleting is no reference. */
  #previousReader(
    namespace: Namespace,
    previous: SnapshotName | undefined,
    chunks: NativeChunkStore,
    keys: KeySource | undefined,
  ): () => Promise<SnapshotReader> {
    return () =>
      previous === undefined
        ? Promise.reject(new RepositoryError('SNAPSHOT_MISSING', 'the group has no previous snapshot'))
        : this.#read(namespace, previous, chunks, { waitSeconds: 0, keys });
  }

  forget(namespace: Namespace, snapshot: SnapshotName, wait: LockWait): Promise<void> {
    return forgetSnapshot(this.#store, namespace, snapshot, wait);
  }

  management(): LocalManagement {
    return new LocalManagement(this.#store, { sync: this.#sync !== 'none' });
  }

  async ownDirectories(): Promise<ReadonlySet<string>> {
    const { dev, ino } = await stat(this.#store.root, { bigint: true });
    const identity = Buffer.alloc(16);
    identity.writeBigUInt64LE(dev, 0);
    identity.writeBigUInt64LE(ino, 8);
    return new Set([identity.toString('latin1')]);
  }

  /** One for all sessions: what they insert under the same digest comes one after the other. */
  #receiver(): NativeChunkReceiver {
    const { root, uid, gid } = this.#store;
    const sync = this.#sync === 'file' ? 'file' : 'none';
    this.#chunkReceiver ??= new native.ChunkReceiver({ path: root, sync, uid, gid });
    return this.#chunkReceiver;
  }

  #chunkStore(options: Pick<ChunkStoreOptions, 'idleBytes' | 'key'> = {}): NativeChunkStore {
    const { root, uid, gid } = this.#store;
    const sync = this.#sync === 'file' ? 'file' : 'none';
    return new native.ChunkStore({ path: root, sync, uid, gid, ...options });
  }

  #lock(namespace: Namespace, name: string, exclusive: boolean, wait: LockWait): Promise<Lock> {
    return lockName(this.#store, namespace, name, { ...wait, exclusive });
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
}

/** True for a directory that holds a datastore. */
export async function isStore(root: string): Promise<boolean> {
  return (await stat(join(root, CHUNKS)).catch(() => undefined)) !== undefined;
}
