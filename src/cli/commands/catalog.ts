/** `restat catalog dump`, and the list of the catalog's commands. */

import { CatalogReader } from '../../catalog/reader.js';
import type { SnapshotReader } from '../../repository/repository.js';
import { byteSource, openArchive } from '../../restore/archive-source.js';
import { catalogLines, dumpLines } from '../../restore/dump.js';
import { CATALOG_NAME } from '../../snapshot/archive-names.js';
import { parseSnapshot } from '../../snapshot/names.js';
import {
  type CommandSpec,
  type Invocation,
  keyOptions,
  lockOptions,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, writeOut } from '../context.js';
import { ExitCode } from '../errors.js';
import { withCommandKey } from '../keys.js';
import { commandNamespace, commandRepository, lockWait } from '../repository.js';
import { parseWords } from '../usage.js';
import { filesOf, treesOf } from './archive-tree.js';
import { catalogShellCommand } from './catalog-shell.js';

const DUMP = ['catalog', 'dump'];

/** Bytes of decoded chunks that are kept while a catalog is read: two of the longest. */
const CATALOG_CACHE = 4 * 1024 * 1024;

async function openCatalog(snapshot: SnapshotReader): Promise<CatalogReader> {
  const chunks = snapshot.open(await snapshot.index(CATALOG_NAME), CATALOG_CACHE);
  return CatalogReader.open(byteSource(chunks), CATALOG_NAME);
}

/** All lines of a snapshot. A catalog knows single archives only; without one, those are read themselves. */
async function* linesOf(snapshot: SnapshotReader): AsyncGenerator<string> {
  const hasCatalog = snapshot.manifest.files.some(({ filename }) => filename === CATALOG_NAME);
  if (hasCatalog) yield* catalogLines(await openCatalog(snapshot));
  const trees = hasCatalog ? filesOf(snapshot, /\.mpxar\.didx$/) : treesOf(snapshot);
  for (const tree of trees) yield* dumpLines(await openArchive(snapshot, tree));
}

function dump(invocation: Invocation, context: Context): Promise<number> {
  return withCommandKey(invocation, context, DUMP, async (keys) => {
    const repository = await commandRepository(invocation, context);
    const name = parseWords(DUMP, () => parseSnapshot(positional(invocation, 'snapshot')));
    const wait = lockWait(invocation, context);
    const snapshot = await repository.open(commandNamespace(invocation, context), name, { ...wait, keys });
    try {
      await writeLines(linesOf(snapshot), context);
      return ExitCode.done;
    } finally {
      await snapshot.close();
    }
  });
}

/** Characters written at once. */
const BLOCK = 64 * 1024;

async function writeLines(lines: AsyncIterable<string>, context: Context): Promise<void> {
  let block = '';
  for await (const line of lines) {
    block += `${line}\n`;
    if (block.length < BLOCK) continue;
    await writeOut(context, block);
    block = '';
  }
  await writeOut(context, block);
}

export const catalogCommands: readonly CommandSpec[] = [
  {
    path: DUMP,
    description: 'List every entry of all trees of a snapshot.',
    positionals: [{ name: 'snapshot', description: 'type/id/time' }],
    options: { ...repositoryOptions, ...lockOptions, ...keyOptions },
    run: dump,
  },
  catalogShellCommand,
];
