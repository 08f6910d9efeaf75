/** Deleting snapshots and groups. Chunks stay. snapshot-manifest.md §4, §5. */
import { readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { GroupName, Namespace, SnapshotName } from '../../snapshot/names.js';
import { RepositoryError } from '../errors.js';
import type { DeletionSummary } from '../management.js';
import type { LockWait } from '../repository.js';
import { groupText, listSnapshots, snapshotText } from './catalogue.js';
import { groupDirectory, NOTES, OWNER, PROTECTED, snapshotDirectory, UNFINISHED } from './layout.js';
import { withGroup, withSnapshot } from './name-lock.js';
import type { Store } from './store.js';

/** Names that stay in a group's directory when its last snapshot goes. */
const GROUP_FILES = [OWNER, NOTES];

/** True if there is something of that name. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Deletes one snapshot. SNAPSHOT_MISSING, SNAPSHOT_PROTECTED, REPOSITORY_LOCKED. */
export async function forgetSnapshot(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  wait: LockWait,
): Promise<void> {
  const directory = snapshotDirectory(store.root, namespace, snapshot);
  const text = snapshotText(namespace, snapshot);
  const check = async (): Promise<void> => {
    if (!(await exists(directory)))
      throw new RepositoryError('SNAPSHOT_MISSING', `there is no snapshot ${text}`);
  };
  await check();
  await withGroup(store, namespace, snapshot, wait, async () => {
    // Somebody else may have deleted it while this one waited.
    await check();
    if (!(await removeUnprotected(store, namespace, snapshot, wait)))
      throw new RepositoryError('SNAPSHOT_PROTECTED', `snapshot ${text} is protected`);
    await removeLeftovers(dirname(directory));
    await removeEmptyGroup(store.root, namespace, snapshot);
  });
}

/** Deletes what is not protected of a group, and the group if nothing stays. GROUP_MISSING, SNAPSHOT_PROTECTED. */
export async function forgetGroup(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  wait: LockWait,
): Promise<DeletionSummary> {
  const summary = await forgetUnprotected(store, namespace, group, wait);
  if (summary.protectedSnapshots === 0) return summary;
  const text = groupText(namespace, group);
  throw new RepositoryError(
    'SNAPSHOT_PROTECTED',
    `group ${text} was only partially deleted: ${summary.protectedSnapshots} of its snapshots are protected`,
  );
}

/** The same, but protected snapshots are only counted. */
export async function forgetUnprotected(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  wait: LockWait,
): Promise<DeletionSummary> {
  const directory = groupDirectory(store.root, namespace, group);
  const check = async (): Promise<void> => {
    if (!(await exists(directory)))
      throw new RepositoryError('GROUP_MISSING', `there is no group ${groupText(namespace, group)}`);
  };
  await check();
  return withGroup(store, namespace, group, wait, async () => {
    await check();
    let [snapshots, protectedSnapshots] = [0, 0];
    for (const snapshot of await listSnapshots(store.root, namespace, group)) {
      if (await removeUnprotected(store, namespace, snapshot, wait)) snapshots += 1;
      else protectedSnapshots += 1;
    }
    await removeLeftovers(directory);
    const gone = await removeEmptyGroup(store.root, namespace, group);
    return { groups: gone ? 1 : 0, snapshots, protectedSnapshots };
  });
}

/** False if the snapshot is protected. The group is locked. */
function removeUnprotected(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  wait: LockWait,
): Promise<boolean> {
  const directory = snapshotDirectory(store.root, namespace, snapshot);
  return withSnapshot(store, namespace, snapshot, wait, async () => {
    if (await exists(join(directory, PROTECTED))) return false;
    // Gone at once for everybody, then removed.
    const gone = join(dirname(directory), `${UNFINISHED}gone-${basename(directory)}`);
    await rename(directory, gone);
    await rm(gone, { recursive: true, force: true });
    return true;
  });
}

/** What runs that died left in a group's directory. The group is locked. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** A group without snapshots goes too; true if it did. snapshot-manifest.md §4. */
async function removeEmptyGroup(root: string, namespace: Namespace, group: GroupName): Promise<boolean> {
  const directory = groupDirectory(root, namespace, group);
  const left = (await readdir(directory)).filter((name) => !GROUP_FILES.includes(name));
  if (left.length > 0) return false;
  for (const name of GROUP_FILES) await unlink(join(directory, name)).catch(() => undefined);
  await rmdir(directory);
  return true;
}
