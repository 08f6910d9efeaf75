/** `restat ls`: one directory of an archive. */
import { isDirectory, type Node } from '../../pxar/accessor.js';
import type { ArchiveTree, Found } from '../../restore/archive-tree.js';
import { type EntryRow, entryRow } from '../../restore/entry-row.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  keyOptions,
  lockOptions,
  optionFlag,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, printablePath } from '../context.js';
import { ExitCode } from '../errors.js';
import { entryJson, entryText } from '../output/entry-text.js';
import { rowOutput } from '../output/rows.js';
import { archiveArgument, snapshotArgument, withArchive } from './archive-tree.js';

interface Listed {
  readonly name: Buffer;
  readonly row: EntryRow;
}

/** What is in a directory, or the entry itself. */
async function listed(tree: ArchiveTree, { path, node }: Found, archive: string): Promise<Listed[]> {
  const describe = async ({ entry }: Node, name: Buffer): Promise<Listed> => ({
    name,
    row: entryRow(entry, await tree.content(entry), archive),
  });
  if (!isDirectory(node)) return [await describe(node, path.subarray(path.lastIndexOf('/') + 1))];
  const rows: Listed[] = [];
  for (const each of await tree.list(node)) rows.push(await describe(each, each.entry.name));
  return rows;
}

function longLine({ name, row }: Listed, width: number): string {
  const arrow = row.target === undefined ? '' : ` -> ${printablePath(row.target)}`;
  return `${entryText(row, width)} ${printablePath(name)}${arrow}`;
}

async function print(rows: readonly Listed[], invocation: Invocation, context: Context): Promise<void> {
  // Not spread into arguments: a directory may have more names than a call takes.
  const width = rows.reduce((most, { row }) => Math.max(most, String(row.size ?? '-').length), 1);
  const long = optionFlag(invocation, 'long');
  const output = rowOutput<Listed>(invocation, context, {
    text: (each) => (long ? longLine(each, width) : printablePath(each.name)),
    json: ({ name, row }) => ({ name: printablePath(name), ...entryJson(row) }),
  });
  for (const each of rows) await output.add(each);
  await output.end();
}

function run(invocation: Invocation, context: Context): Promise<number> {
  return withArchive(['ls'], invocation, context, async (tree, archive) => {
    const found = await tree.find(Buffer.from(positional(invocation, 'path')), true);
    await print(await listed(tree, found, archive), invocation, context);
    return ExitCode.done;
  });
}

export const lsCommand: CommandSpec = {
  path: ['ls'],
  description: 'List a directory of an archive.',
  positionals: [
    snapshotArgument,
    archiveArgument,
    { name: 'path', description: 'directory or entry in it (default: all of it)', optional: true },
  ],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    ...keyOptions,
    long: { type: 'boolean', description: 'mode, owner, size and time of modification, too' },
  },
  run,
};
