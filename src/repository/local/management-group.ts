/** Notes and owner of a group. snapshot-manifest.md §2. */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { native } from '../../native.js';
import type { GroupName, Namespace } from '../../snapshot/names.js';
import { RepositoryError, systemCode } from '../errors.js';
import { groupText, readText } from './catalogue.js';
import { syncDirectory } from './durability.js';
import { groupDirectory, NOTES, OWNER } from './layout.js';
import type { ChangeOptions } from './management-snapshot.js';
import { withGroup } from './name-lock.js';
import { exists } from './removal.js';
import type { Store } from './store.js';

/** `user@realm` or `user@realm!token`. */
const AUTH_ID = /^[^\s:/@!\p{Cc}]+@[A-Za-z0-9_][A-Za-z0-9._-]*(?:![A-Za-z0-9_][A-Za-z0-9._-]*)?$/u;

/** The group's directory. GROUP_MISSING. */
async function directoryOf(store: Store, namespace: Namespace, group: GroupName): Promise<string> {
  const directory = groupDirectory(store.root, namespace, group);
  if (await exists(directory)) return directory;
  throw new RepositoryError('GROUP_MISSING', `there is no group ${groupText(namespace, group)}`);
}

/** Replaces a file of the group, whole or not at all. */
async function write(
  { uid, gid }: Store,
  directory: string,
  name: string,
  text: string,
  sync: boolean,
): Promise<void> {
  const options = { mode: 0o644, uid, gid, replace: true, sync };
  await native.publishFile(directory, name, Buffer.from(text), options);
  if (sync) await syncDirectory(directory);
}

/** Notes of a group, empty where there are none. */
export async function groupNotes(store: Store, namespace: Namespace, group: GroupName): Promise<string> {
  return (await readText(join(await directoryOf(store, namespace, group), NOTES))) ?? '';
}

/** Empty notes are removed. */
export async function setGroupNotes(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  text: string,
  options: ChangeOptions,
): Promise<void> {
  await directoryOf(store, namespace, group);
  await withGroup(store, namespace, group, options, async () => {
    const directory = await directoryOf(store, namespace, group);
    if (text !== '') return write(store, directory, NOTES, text, options.sync);
    await unlink(join(directory, NOTES)).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
    });
    if (options.sync) await syncDirectory(directory);
  });
}

/** Gives a group to a user or token. OWNER_NAME, GROUP_MISSING. */
export async function changeOwner(
  store: Store,
  namespace: Namespace,
  group: GroupName,
  owner: string,
  options: ChangeOptions,
): Promise<void> {
  if (!AUTH_ID.test(owner)) {
    const message = `'${owner}' is no owner: that is a user (ann@pbs) or one of its tokens (ann@pbs!laptop)`;
    throw new RepositoryError('OWNER_NAME', message);
  }
  await directoryOf(store, namespace, group);
  await withGroup(store, namespace, group, options, async () => {
    await write(store, await directoryOf(store, namespace, group), OWNER, `${owner}\n`, options.sync);
  });
}
