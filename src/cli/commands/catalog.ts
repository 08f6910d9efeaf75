/** `restat catalog dump`. */

import type { SnapshotReader } from '../../repository/repository.js';
import { openArchive } from '../../restore/archive-source.js';
import { dumpLines } from '../../restore/dump.js';
import { parseSnapshot } from '../../snapshot/names.js';
import { type CommandSpec, type Invocation, lockOptions, positional, repositoryOptions } from '../command.js';
import { type Context, writeOut } from '../context.js';
import { ExitCode } from '../errors.js';
import { commandNamespace, commandRepository, lockWait } from '../repository.js';
import { parseWords } from '../usage.js';

/** Archives that hold a tree, sorted by name. */
function treesOf({ manifest }: SnapshotReader): string[] {
  return manifest.files
    .map(({ filename }) => filename)
    .filter((name) => /\.m?pxar\.didx$/.test(name))
    .sort();
}

async function dump(invocation: Invocation, context: Context): Promise<number> {
  const repository = await commandRepository(invocation, context);
  const name = parseWords(['catalog', 'dump'], () => parseSnapshot(positional(invocation, 'snapshot')));
  const snapshot = await repository.open(
    commandNamespace(invocation, context),
    name,
    lockWait(invocation, context),
  );
  try {
    for (const tree of treesOf(snapshot)) await dumpTree(snapshot, tree, context);
    return ExitCode.done;
  } finally {
    await snapshot.close();
  }
}

/** Characters written at once. */
const BLOCK = 64 * 1024;

async function dumpTree(snapshot: SnapshotReader, name: string, context: Context): Promise<void> {
  let block = '';
  for await (const line of dumpLines(await openArchive(snapshot, name))) {
    block += `${line}\n`;
    if (block.length < BLOCK) continue;
    await writeOut(context, block);
    block = '';
  }
  await writeOut(context, block);
}

export const catalogCommands: readonly CommandSpec[] = [
  {
    path: ['catalog', 'dump'],
    description: 'List every entry of all trees of a snapshot.',
    positionals: [{ name: 'snapshot', description: 'type/id/time' }],
    options: { ...repositoryOptions, ...lockOptions },
    run: dump,
  },
];
