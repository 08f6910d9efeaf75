/** The group that a backup is written into: its directory, and what its newest snapshot says. */
import { chown, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { native } from '../../native.js';
import type { GroupName, Namespace } from '../../snapshot/names.js';
import { systemCode } from '../errors.js';
import { syncDirectory } from './durability.js';
import { groupDirectory, OWNER } from './layout.js';
import { removeLeftovers } from './removal.js';
import type { SyncMode } from './session-directory.js';
import type { Store } from './store.js';

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

/**
 * Makes the group's directory with its owner where it is new, and clears away what runs that died left. The group is locked. Rejects
 * with the system's error.
 */
export async function prepareGroup(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  { owner, sync }: { readonly owner: string; readonly sync: SyncMode },
): Promise<string> {
  const { root, uid, gid } = store;
  const directory = groupDirectory(root, namespace, group);
  if (namespace !== '') await makeParents(namespace, store, sync);
  for (const path of [dirname(directory), directory]) await makeDirectory(path, store, sync);
  await removeLeftovers(directory);
  const bytes = Buffer.from(`${owner}\n`);
  await native
    .publishFile(directory, OWNER, bytes, { mode: 0o644, uid, gid, sync: sync !== 'none' })
    .catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
  if (sync !== 'none') await syncDirectory(directory);
  return directory;
}
