/** Lets a client of a server begin a backup: every check in its order, in the words of a server. protocol.md §4.2, rows 9 to 13. */
import { join } from 'node:path';
import type { NativeChunkReceiver } from '../../native-chunk.js';
import { MANIFEST_NAME } from '../../snapshot/archive-names.js';
import { BlobError } from '../../snapshot/errors.js';
import {
  formatGroup,
  formatSnapshot,
  type GroupName,
  type Namespace,
  type SnapshotName,
} from '../../snapshot/names.js';
import { failedVerification } from '../../snapshot/verify-state.js';
import { RepositoryError, systemCode } from '../errors.js';
import { readManifest, readOwner } from './catalogue.js';
import { OpenFileSystems } from './durability.js';
import { CHUNKS, groupDirectory, snapshotDirectory } from './layout.js';
import type { Lock } from './locks.js';
import { lockName, lockPath } from './name-lock.js';
import { exists } from './removal.js';
import { newestFinished } from './session-base.js';
import { letGoAfter } from './session-close.js';
import type { SyncMode } from './session-directory.js';
import { noOwner, prepareGroup } from './session-group.js';
import { type ReceivedBase, ReceivedSession } from './session-received.js';
import type { Store } from './store.js';

export interface ReceiveOptions {
  /** Who becomes the owner of a new group. */
  readonly owner: string;
  /** Whether the client may write into a group of this owner. */
  readonly mayUse: (owner: string) => boolean;
  /** Nothing of a benchmark stays, and it gets no base: it may take place in any group. §5.9. */
  readonly benchmark: boolean;
}

export interface ReceivePlace {
  readonly store: Store;
  readonly sync: SyncMode;
  readonly chunks: NativeChunkReceiver;
}

const NO_WAIT = { waitSeconds: 0 };

/** Takes a lock without waiting; `problem` is said where somebody else has it. */
async function lockNow(attempt: Promise<Lock>, problem: string): Promise<Lock> {
  return attempt.catch((cause: unknown) => {
    if (systemCode(cause) !== 'REPOSITORY_LOCKED') throw cause;
    throw new RepositoryError('REPOSITORY_LOCKED', problem, { cause });
  });
}

/** What is wrong with a manifest, in a server's words. */
function unreadable(path: string, cause: unknown): RepositoryError {
  const isWrongCrc = cause instanceof BlobError && cause.code === 'BLOB_CRC';
  const reason = isWrongCrc
    ? 'Data blob has wrong CRC checksum.'
    : cause instanceof Error
      ? cause.message
      : '';
  return new RepositoryError('ARCHIVE_DAMAGED', `unable to load blob '${JSON.stringify(path)}' - ${reason}`, {
    cause,
  });
}

/** The newest finished snapshot, unless its verification failed. ARCHIVE_DAMAGED. */
async function baseOf(
  store: Store,
  namespace: Namespace,
  group: GroupName,
): Promise<ReceivedBase | undefined> {
  const newest = await newestFinished(store, namespace, group);
  if (newest === undefined) return undefined;
  const { snapshot, directory, manifest, problem } = newest;
  if (manifest === undefined) throw unreadable(join(directory, MANIFEST_NAME), problem);
  return failedVerification(manifest) ? undefined : { snapshot, directory, manifest };
}

/** The same name for the time as text: the directory must be free. */
async function checkTime(
  { root }: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  base: ReceivedBase | undefined,
): Promise<void> {
  if (base !== undefined && snapshot.time <= base.snapshot.time)
    throw new RepositoryError('SNAPSHOT_TIME', 'backup timestamp is older than last backup.');
  if (await exists(snapshotDirectory(root, namespace, snapshot)))
    throw new RepositoryError('SNAPSHOT_EXISTS', 'backup directory already exists.');
}

async function lockGroup(store: Store, namespace: Namespace, snapshot: SnapshotName): Promise<Lock> {
  const name = formatGroup(snapshot);
  const path = lockPath(store, namespace, name);
  const directory = groupDirectory(store.root, namespace, snapshot);
  return lockNow(
    lockName(store, namespace, name, { ...NO_WAIT, exclusive: true }),
    `unable to acquire backup group lock "${path}" while creating locked backup group "${directory}"`,
  );
}

/** The owner of a group lets the client in. GROUP_OWNER: it does not, or there is none. */
async function checkOwner(
  { root }: Store,
  namespace: Namespace,
  group: GroupName,
  { owner, mayUse }: ReceiveOptions,
): Promise<void> {
  const found = await readOwner(root, namespace, group);
  if (found === undefined) throw noOwner(groupDirectory(root, namespace, group));
  if (!mayUse(found))
    throw new RepositoryError('GROUP_OWNER', `backup owner check failed (${owner} != ${found})`);
}

/** Prepares the group and finds its base; every lock that is taken is noted at once. */
async function enterGroup(
  { store, sync }: ReceivePlace,
  namespace: Namespace,
  snapshot: SnapshotName,
  options: ReceiveOptions,
  locks: Lock[],
): Promise<{ readonly directory: string; readonly base: ReceivedBase | undefined }> {
  locks.push(await lockGroup(store, namespace, snapshot));
  const { owner, benchmark } = options;
  const directory = await prepareGroup(store, namespace, snapshot, { owner, sync, orphans: 'leave' });
  if (!benchmark) await checkOwner(store, namespace, snapshot, options);
  const base = benchmark ? undefined : await baseOf(store, namespace, snapshot);
  await checkTime(store, namespace, snapshot, base);
  if (base !== undefined) {
    const name = formatSnapshot(base.snapshot);
    const lock = lockName(store, namespace, name, { ...NO_WAIT, exclusive: false });
    locks.push(await lockNow(lock, `unable to acquire shared snapshot lock for '${name}'`));
  }
  return { directory, base };
}

/**
 * Begins a backup, without waiting for anybody. RepositoryError: REPOSITORY_LOCKED, GROUP_OWNER, ARCHIVE_DAMAGED (the manifest of the
 * newest snapshot), SNAPSHOT_TIME, SNAPSHOT_EXISTS; its message is what a client gets to read.
 */
export async function receiveBackup(
  place: ReceivePlace,
  namespace: Namespace,
  snapshot: SnapshotName,
  options: ReceiveOptions,
): Promise<ReceivedSession> {
  const { store, sync, chunks } = place;
  const locks: Lock[] = [];
  const fileSystems = new OpenFileSystems();
  try {
    // `.chunks` may be on another one.
    for (const path of [store.root, join(store.root, CHUNKS)]) await fileSystems.add(path);
    locks.push(
      await lockNow(
        store.storeLock.acquireShared(NO_WAIT),
        'the datastore is locked by a garbage collection',
      ),
    );
    const { directory, base } = await enterGroup(place, namespace, snapshot, options, locks);
    const { uid, gid } = store;
    return await ReceivedSession.start({
      ...{ groupDirectory: directory, snapshot, base, chunks },
      ...{ sync, fileSystems, uid, gid, locks },
    });
  } catch (error) {
    return letGoAfter(error, { fileSystems, locks });
  }
}

/** A snapshot's directory while nobody may delete it. */
export interface HeldSnapshot {
  readonly directory: string;
  /** Undefined for one that is not finished. Throws BlobError and ManifestError. */
  manifest(): Promise<Awaited<ReturnType<typeof readManifest>>>;
  release(): Promise<void>;
}

/** Holds a snapshot for a reader. SNAPSHOT_MISSING, REPOSITORY_LOCKED; the message is what a client gets to read. */
export async function holdSnapshot(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
): Promise<HeldSnapshot> {
  const directory = snapshotDirectory(store.root, namespace, snapshot);
  const name = formatSnapshot(snapshot);
  if (!(await exists(directory)))
    throw new RepositoryError('SNAPSHOT_MISSING', `snapshot ${name} does not exist.`);
  const lock = await lockNow(
    lockName(store, namespace, name, { ...NO_WAIT, exclusive: false }),
    `while reading snapshot '${name}': it is locked`,
  );
  try {
    // Whoever deletes it may have been faster.
    if (!(await exists(directory)))
      throw new RepositoryError('SNAPSHOT_MISSING', `snapshot ${name} does not exist.`);
  } catch (error) {
    await lock.release();
    throw error;
  }
  const manifest = (): ReturnType<HeldSnapshot['manifest']> => readManifest(directory);
  return { directory, manifest, release: () => lock.release() };
}
