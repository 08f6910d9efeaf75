/** The group that a backup is written into: its directory and its owner. */
import { chown, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { native } from '../../native.js';
import type { GroupName, Namespace } from '../../snapshot/names.js';
import { RepositoryError, systemCode } from '../errors.js';
import { listSnapshots } from './catalogue.js';
import { syncDirectory } from './durability.js';
import { groupDirectory, OWNER } from './layout.js';
import { removeLeftovers } from './removal.js';
import type { SyncMode } from './session-directory.js';
import type { Store } from './store.js';

export interface GroupOptions {
  /** Who becomes the owner of a new group. */
  readonly owner: string;
  readonly sync: SyncMode;
  /** Whether snapshots without an owner get this one, or are left without. */
  readonly orphans: 'adopt' | 'leave';
}

/** A group without owner, in a server's words. */
export function noOwner(directory: string): RepositoryError {
  const path = JSON.stringify(join(directory, OWNER));
  const message = `unable to read ${path} - No such file or directory (os error 2)`;
  return new RepositoryError('GROUP_OWNER', message);
}

/** A run that did not sync may have made it: where that counts, its name is put on disk in any case. */
async function makeDirectory(path: string, store: Store, sync: SyncMode): Promise<void> {
  await mkdir(path, { mode: 0o755 }).then(
    () => chown(path, store.uid, store.gid),
    (error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    },
  );
  if (sync !== 'none') await syncDirectory(dirname(path));
}

async function makeParents(namespace: Namespace, store: Store, sync: SyncMode): Promise<void> {
  let path = store.root;
  for (const component of namespace.split('/')) {
    for (const name of ['ns', component]) {
      path = join(path, name);
      await makeDirectory(path, store, sync);
    }
  }
}

/** Writes the owner where there is none. */
async function writeOwner(
  { uid, gid }: Store,
  directory: string,
  { owner, sync }: GroupOptions,
): Promise<void> {
  const bytes = Buffer.from(`${owner}\n`);
  const options = { mode: 0o644, uid, gid, sync: sync !== 'none' };
  await native.publishFile(directory, OWNER, bytes, options).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
}

/**
 * Makes the group's directory with its owner where it is new, and clears away what runs that died left. The group is locked. Rejects
 * with the system's error.
 */
export async function prepareGroup(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  options: GroupOptions,
): Promise<string> {
  const { root } = store;
  const { sync, orphans } = options;
  const directory = groupDirectory(root, namespace, group);
  if (namespace !== '') await makeParents(namespace, store, sync);
  for (const path of [dirname(directory), directory]) await makeDirectory(path, store, sync);
  await removeLeftovers(directory);
  // Whoever made the directory may have died before it wrote the owner: without snapshots nobody loses anything.
  const isFree = orphans === 'adopt' || (await listSnapshots(root, namespace, group)).length === 0;
  if (isFree) await writeOwner(store, directory, options);
  if (sync !== 'none') await syncDirectory(directory);
  return directory;
}
