/** `restat snapshot list|files|forget`. */
import { RepositoryError } from '../../repository/errors.js';
import type { FileInfo, SnapshotInfo } from '../../repository/repository.js';
import { formatSnapshot, parseGroup, parseSnapshot, type SnapshotName } from '../../snapshot/names.js';
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
import { commandNamespace, commandRepository, lockWait } from '../repository.js';
import { parseWords } from '../usage.js';
import { filesJson, shortNames, snapshotJson } from './snapshot-json.js';

const snapshotColumns: readonly Column<SnapshotInfo>[] = [
  { header: 'snapshot', value: ({ snapshot }) => formatSnapshot(snapshot) },
  { header: 'size', align: 'right', value: ({ size }) => formatBytes(size) },
  { header: 'files', value: ({ files }) => shortNames(files) },
];

function snapshotOf(invocation: Invocation, word: string): SnapshotName {
  return parseWords(['snapshot', word], () => parseSnapshot(positional(invocation, 'snapshot')));
}

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
  const repository = await commandRepository(invocation, context);
  const snapshot = snapshotOf(invocation, 'files');
  const all = await repository.snapshots(commandNamespace(invocation, context), snapshot);
  const info = all.find((each) => each.snapshot.time === snapshot.time);
  if (info === undefined) {
    throw new RepositoryError('SNAPSHOT_MISSING', `there is no snapshot ${formatSnapshot(snapshot)}`);
  }
  const rows = info.files.toSorted((a, b) => (a.filename < b.filename ? -1 : 1));
  const columns = rows.some(({ padding }) => padding !== undefined)
    ? [...fileColumns, paddingColumn]
    : fileColumns;
  printTable(context, format, filesJson(info), columns, rows);
  return ExitCode.done;
}

async function forget(invocation: Invocation, context: Context): Promise<number> {
  const repository = await commandRepository(invocation, context);
  const snapshot = snapshotOf(invocation, 'forget');
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
    positionals: [{ name: 'snapshot', description: 'type/id/time' }],
    options: { ...repositoryOptions, ...formatOptions },
    run: files,
  },
  {
    path: ['snapshot', 'forget'],
    aliases: [['forget']],
    description: 'Delete a snapshot. Its chunks stay until garbage collection.',
    positionals: [{ name: 'snapshot', description: 'type/id/time' }],
    options: { ...repositoryOptions, ...lockOptions },
    run: forget,
  },
];
