/** Locks on groups and snapshots of a store by their names. snapshot-manifest.md §6. */
import {
  formatGroup,
  formatSnapshot,
  type GroupName,
  type Namespace,
  type SnapshotName,
} from '../../snapshot/names.js';
import { RepositoryError } from '../errors.js';
import type { LockWait } from '../repository.js';
import { type Lock, NO_LOCK } from './locks.js';
import { takeAll } from './session-close.js';
import type { Store } from './store.js';

/** Appended to a snapshot's name: the lock on its manifest. */
const MANIFEST_LOCK = '/.index.json.lck';

export interface NameLockOptions extends LockWait {
  readonly exclusive: boolean;
}

/**
 * Locks `type/id`, `type/id/time`, … of a namespace. REPOSITORY_LOCKED when the wait is over; REPOSITORY_REFUSED for an
 * exclusive lock in a store on a read-only file system, where shared ones need not be taken.
 */
export async function lockName(
  store: Store,
  namespace: Namespace,
  name: string,
  options: NameLockOptions,
): Promise<Lock> {
  if (store.readOnly) {
    if (!options.exclusive) return NO_LOCK;
    throw new RepositoryError('REPOSITORY_REFUSED', `${store.root} is on a read-only file system`);
  }
  const components = namespace === '' ? [] : namespace.split('/');
  return store.locks.acquire(components, name, options);
}

/** The file of such a lock, for messages. */
export function lockPath(store: Store, namespace: Namespace, name: string): string {
  return store.locks.pathOf(namespace === '' ? [] : namespace.split('/'), name);
}

type Taken = readonly [name: string, exclusive: boolean];

/** Runs `work` while the locks are held, which are taken in order. All are released, whatever fails; rejects with what failed first. */
async function whileLocked<T>(
  store: Store,
  namespace: Namespace,
  names: readonly Taken[],
  wait: LockWait,
  work: () => Promise<T>,
): Promise<T> {
  const locks: Lock[] = [];
  const release = (): Promise<void> => takeAll(locks.reverse().map((lock) => () => lock.release()));
  let result: T;
  try {
    for (const [name, exclusive] of names) {
      locks.push(await lockName(store, namespace, name, { ...wait, exclusive }));
    }
    result = await work();
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
  await release();
  return result;
}

/** Nobody else writes into the group. */
export function withGroup<T>(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  wait: LockWait,
  work: () => Promise<T>,
): Promise<T> {
  return whileLocked(store, namespace, [[formatGroup(group), true]], wait, work);
}

/** Nobody else reads or changes the snapshot. */
export function withSnapshot<T>(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  wait: LockWait,
  work: () => Promise<T>,
): Promise<T> {
  return whileLocked(store, namespace, [[formatSnapshot(snapshot), true]], wait, work);
}

/** Nobody else deletes the snapshot or changes its manifest; it may be read. */
export function withManifest<T>(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  wait: LockWait,
  work: () => Promise<T>,
): Promise<T> {
  const name = formatSnapshot(snapshot);
  const names: readonly Taken[] = [
    [name, false],
    [name + MANIFEST_LOCK, true],
  ];
  return whileLocked(store, namespace, names, wait, work);
}
