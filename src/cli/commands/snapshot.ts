/** `restat snapshot …`: list, files and forget; the others have files of their own. */
import type { FileInfo, SnapshotInfo } from '../../repository/repository.js';
import { formatSnapshot, parseGroup } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printTable } from '../context.js';
import { ExitCode } from '../errors.js';
import { formatBytes } from '../output/human.js';
import type { Column } from '../output/table.js';
import { changedRepository, commandNamespace, commandRepository, lockWait } from '../repository.js';
import { parseWords } from '../usage.js';
import { notesCommands } from './notes.js';
import { protectedCommands } from './protected.js';
import { filesJson, shortNames, snapshotJson } from './snapshot-json.js';
import { uploadLogCommand } from './upload-log.js';
import { snapshotOf, snapshotPositional } from './words.js';

const snapshotColumns: readonly Column<SnapshotInfo>[] = [
  { header: 'snapshot', value: ({ snapshot }) => formatSnapshot(snapshot) },
  { header: 'size', align: 'right', value: ({ size }) => formatBytes(size) },
  { header: 'files', value: ({ files }) => shortNames(files) },
];

async function list(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const repository = await commandRepository(invocation, context);
  const text = positional(invocation, 'group');
  const group = text === '' ? undefined : parseWords(['snapshot', 'list'], () => parseGroup(text));
  const snapshots = await repository.snapshots(commandNamespace(invocation, context), group);
  printTable(context, format, snapshots.map(snapshotJson), snapshotColumns, snapshots);
  return ExitCode.done;
}

const fileColumns: readonly Column<FileInfo>[] = [
  { header: 'filename', value: ({ filename }) => filename },
  { header: 'crypt-mode', value: ({ cryptMode }) => cryptMode },
  { header: 'size', align: 'right', value: ({ size }) => size },
];

/** Shown where restat noted it: bytes of old chunks that no file refers to. */
const paddingColumn: Column<FileInfo> = {
  header: 'padding',
  align: 'right',
  value: ({ padding }) => padding,
};

async function files(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const snapshot = snapshotOf(invocation, ['snapshot', 'files']);
  const management = (await commandRepository(invocation, context)).management();
  const all = await management.files(commandNamespace(invocation, context), snapshot);
  const rows = all.toSorted((a, b) => (a.filename < b.filename ? -1 : 1));
  const columns = rows.some(({ padding }) => padding !== undefined)
    ? [...fileColumns, paddingColumn]
    : fileColumns;
  printTable(context, format, filesJson(all), columns, rows);
  return ExitCode.done;
}

async function forget(invocation: Invocation, context: Context): Promise<number> {
  const snapshot = snapshotOf(invocation, ['snapshot', 'forget']);
  const repository = await changedRepository(invocation, context);
  await repository.forget(commandNamespace(invocation, context), snapshot, lockWait(invocation, context));
  return ExitCode.done;
}

export const snapshotCommands: readonly CommandSpec[] = [
  {
    path: ['snapshot', 'list'],
    aliases: [['snapshots']],
    description: 'List snapshots, of all groups of a namespace or of one.',
    positionals: [{ name: 'group', optional: true, description: 'type/id' }],
    options: { ...repositoryOptions, ...formatOptions },
    run: list,
  },
  {
    path: ['snapshot', 'files'],
    aliases: [['files']],
    description: 'List the files of a snapshot.',
    positionals: [snapshotPositional],
    options: { ...repositoryOptions, ...formatOptions },
    run: files,
  },
  {
    path: ['snapshot', 'forget'],
    aliases: [['forget']],
    description: 'Delete a snapshot. Its chunks stay until garbage collection.',
    positionals: [snapshotPositional],
    options: { ...repositoryOptions, ...lockOptions },
    run: forget,
  },
  ...notesCommands,
  ...protectedCommands,
  uploadLogCommand,
];
