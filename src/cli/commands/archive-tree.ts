/** What commands share that look into one archive: which one it is, and how long it stays open. */
import type { Repository, SnapshotReader } from '../../repository/repository.js';
import { openArchive } from '../../restore/archive-source.js';
import { ArchiveTree } from '../../restore/archive-tree.js';
import type { Namespace } from '../../snapshot/names.js';
import { type Invocation, type PositionalSpec, positional } from '../command.js';
import type { Context } from '../context.js';
import { withCommandKey } from '../keys.js';
import { commandNamespace, commandRepository, findSnapshot, lockWait } from '../repository.js';

export const snapshotArgument: PositionalSpec = {
  name: 'snapshot',
  description: 'type/id/time, or type/id for the newest finished snapshot',
};

export const archiveArgument: PositionalSpec = {
  name: 'archive-name',
  description: 'a pxar archive of it, as root.pxar',
};

/** Files of a snapshot whose names end so, sorted. */
export function filesOf({ manifest }: SnapshotReader, end: RegExp): string[] {
  return manifest.files
    .map(({ filename }) => filename)
    .filter((name) => end.test(name))
    .sort();
}

/** Archives that hold a tree, by the names they are stored under, sorted. */
export function treesOf(snapshot: SnapshotReader): string[] {
  return filesOf(snapshot, /\.m?pxar\.didx$/);
}

/** The name that users give an archive. */
export function userName(stored: string): string {
  return stored.replace(/\.m?pxar\.didx$/, '.pxar');
}

/** The repository and namespace of a command. */
export async function commandPlace(
  invocation: Invocation,
  context: Context,
): Promise<{ readonly repository: Repository; readonly namespace: Namespace }> {
  const namespace = commandNamespace(invocation, context);
  return { namespace, repository: await commandRepository(invocation, context) };
}

/** Runs `use` with the snapshot and the archive's name of a command, which usage errors name. A connection that was lost is the error, whatever came of it. */
export async function withSnapshot<T>(
  command: readonly string[],
  invocation: Invocation,
  context: Context,
  use: (snapshot: SnapshotReader, archive: string) => Promise<T>,
): Promise<T> {
  return withCommandKey(invocation, context, command, async (keys) => {
    const { repository, namespace } = await commandPlace(invocation, context);
    const name = await findSnapshot(repository, namespace, positional(invocation, 'snapshot'));
    const snapshot = await repository.open(namespace, name, { ...lockWait(invocation, context), keys });
    try {
      return await use(snapshot, positional(invocation, 'archive-name'));
    } catch (error) {
      throw snapshot.failure ?? error;
    } finally {
      await snapshot.close();
    }
  });
}

/** Runs `use` with the tree of the archive that the command names. */
export function withArchive<T>(
  command: readonly string[],
  invocation: Invocation,
  context: Context,
  use: (tree: ArchiveTree, archive: string) => Promise<T>,
): Promise<T> {
  return withSnapshot(command, invocation, context, async (snapshot, name) => {
    const archive = await openArchive(snapshot, name);
    return use(await ArchiveTree.open(archive), archive.name);
  });
}
