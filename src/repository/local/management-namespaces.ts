/** Namespaces are directories below `ns`. snapshot-manifest.md §1, §2. */
import { chown, mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Namespace, namespaceDirectory, parseNamespace } from '../../snapshot/names.js';
import { RepositoryError, systemCode } from '../errors.js';
import type { DeletionSummary, NamespaceInfo } from '../management.js';
import type { LockWait } from '../repository.js';
import { directoryNames, listGroups, TYPES, tryParse } from './catalogue.js';
import { syncDirectory } from './durability.js';
import { exists, forgetUnprotected } from './removal.js';
import type { Store } from './store.js';

/** Levels below the root. §1. */
const MAX_DEPTH = 7;
/** Longest name of one level that a server makes. rest-api.md §3.2. */
const MAX_NAME = 32;
const NAMESPACES = 'ns';

function directoryOf({ root }: Store, namespace: Namespace): string {
  return join(root, namespaceDirectory(namespace));
}

async function check(store: Store, namespace: Namespace): Promise<void> {
  if (await exists(directoryOf(store, namespace))) return;
  throw new RepositoryError('NAMESPACE_MISSING', `there is no namespace ${namespace}`);
}

/** Namespaces one level below, sorted. Names that cannot be one are ignored. */
async function children(store: Store, parent: Namespace): Promise<Namespace[]> {
  const names = await directoryNames(join(directoryOf(store, parent), NAMESPACES));
  return names
    .sort()
    .map((name) => tryParse(parseNamespace, parent === '' ? name : `${parent}/${name}`))
    .filter((child) => child !== undefined);
}

/** `parent` first, then what is below it, each before what is in it. NAMESPACE_MISSING. */
export async function listNamespaces(
  store: Store,
  parent: Namespace,
  maxDepth: number = MAX_DEPTH,
): Promise<NamespaceInfo[]> {
  await check(store, parent);
  const found: NamespaceInfo[] = [{ namespace: parent }];
  if (maxDepth === 0) return found;
  for (const child of await children(store, parent))
    found.push(...(await listNamespaces(store, child, maxDepth - 1)));
  return found;
}

/** Parent and last level. Throws for the root, which always exists. */
function split(namespace: Namespace): { parent: Namespace; name: string } {
  if (namespace === '')
    throw new RepositoryError('REPOSITORY_REFUSED', 'the root namespace is neither made nor deleted');
  const at = namespace.lastIndexOf('/');
  return { parent: parseNamespace(namespace.slice(0, Math.max(0, at))), name: namespace.slice(at + 1) };
}

async function makeDirectory({ uid, gid }: Store, path: string, sync: boolean): Promise<void> {
  await mkdir(path, { mode: 0o755 }).then(
    () => chown(path, uid, gid),
    (error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    },
  );
  if (sync) await syncDirectory(dirname(path));
}

/** Makes the last level; an existing namespace is no error. NAMESPACE_MISSING for the parent. */
export async function createNamespace(
  store: Store,
  namespace: Namespace,
  { sync }: { readonly sync: boolean },
): Promise<void> {
  const { parent, name } = split(namespace);
  if (name.length > MAX_NAME) {
    const message = `'${name}': a namespace's name has at most ${MAX_NAME} characters`;
    throw new RepositoryError('REPOSITORY_REFUSED', message);
  }
  await check(store, parent);
  const above = join(directoryOf(store, parent), NAMESPACES);
  await makeDirectory(store, above, sync);
  await makeDirectory(store, join(above, name), sync);
}

/** Removes a directory if it is empty. */
async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) throw error;
  });
}

async function deleteGroups(store: Store, namespace: Namespace, wait: LockWait): Promise<DeletionSummary[]> {
  const summaries: DeletionSummary[] = [];
  for (const group of await listGroups(store.root, namespace))
    summaries.push(await forgetUnprotected(store, namespace, group, wait));
  return summaries;
}

/** What became of a namespace that was to be emptied. */
export interface EmptiedNamespace extends DeletionSummary {
  /** False if something had to stay. */
  readonly gone: boolean;
}

/** Deletes a namespace with everything below it, as far as it is empty; with `groups` its groups first. NAMESPACE_MISSING. */
export async function emptyNamespace(
  store: Store,
  namespace: Namespace,
  { groups, ...wait }: LockWait & { readonly groups: boolean },
): Promise<EmptiedNamespace> {
  split(namespace);
  const inside = await listNamespaces(store, namespace);
  const summaries: DeletionSummary[] = [];
  for (const { namespace: each } of inside.reverse()) {
    if (groups) summaries.push(...(await deleteGroups(store, each, wait)));
    const directory = directoryOf(store, each);
    for (const name of [...TYPES, NAMESPACES]) await removeEmpty(join(directory, name));
    await removeEmpty(directory);
  }
  const sum = (field: keyof DeletionSummary): number => summaries.reduce((all, each) => all + each[field], 0);
  return {
    groups: sum('groups'),
    snapshots: sum('snapshots'),
    protectedSnapshots: sum('protectedSnapshots'),
    gone: !(await exists(directoryOf(store, namespace))),
  };
}

/** The same; NAMESPACE_NOT_EMPTY when something had to stay. */
export async function deleteNamespace(
  store: Store,
  namespace: Namespace,
  options: LockWait & { readonly groups: boolean },
): Promise<DeletionSummary> {
  const { gone, ...summary } = await emptyNamespace(store, namespace, options);
  if (!gone) throw notEmpty(namespace, summary.protectedSnapshots, options.groups);
  return summary;
}

function notEmpty(namespace: Namespace, protectedSnapshots: number, groups: boolean): RepositoryError {
  const reason =
    protectedSnapshots > 0
      ? `${protectedSnapshots} snapshots in it are protected`
      : groups
        ? 'there is something else in it'
        : 'there are groups in it (--delete-groups deletes them, too)';
  const message = `namespace ${namespace} was only partially deleted: ${reason}`;
  return new RepositoryError('NAMESPACE_NOT_EMPTY', message);
}
