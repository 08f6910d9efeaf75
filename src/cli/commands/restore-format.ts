/** `restat restore --format`: an archive's tree as a tar or zip archive. */
import { performance } from 'node:perf_hooks';
import type { SnapshotReader } from '../../repository/repository.js';
import { openArchive } from '../../restore/archive-source.js';
import { EXPORT_FORMATS, type ExportFormat, exportArchive } from '../../restore/export/export.js';
import { parseIncludes } from '../../restore/selection.js';
import { pipeTo, writeTo } from '../../restore/whole-file.js';
import { formatSnapshot } from '../../snapshot/names.js';
import {
  type CommandSpec,
  type Invocation,
  optionFlag,
  optionString,
  optionStrings,
  positional,
} from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { formatBytes, formatDuration } from '../output/human.js';
import { progressMode } from '../output/progress.js';
import { Reporter } from '../output/reporter.js';
import { parseWords } from '../usage.js';

const COMMAND = ['restore'];

/** Options that say what happens in a directory. */
const FOR_DIRECTORIES = [
  'allow-existing-dirs',
  'overwrite',
  'overwrite-files',
  'overwrite-symlinks',
  'overwrite-hardlinks',
  'ignore-acls',
  'ignore-xattrs',
  'ignore-ownership',
  'ignore-permissions',
  'ignore-extract-device-errors',
  'no-specials',
  'no-setuid',
  'strict',
] as const;

/** The format that is asked for, if one is; `tree` says whether the archive is one of files. Throws UsageError. */
export function exportFormat(
  invocation: Invocation,
  { tree }: { readonly tree: boolean },
): ExportFormat | undefined {
  const wanted = optionString(invocation, 'format');
  const format = EXPORT_FORMATS.find((known) => known === wanted);
  if (format === undefined) return undefined;
  if (!tree) throw new UsageError('--format is for pxar archives only', COMMAND);
  const unfit = FOR_DIRECTORIES.find((name) => optionFlag(invocation, name));
  const given = optionString(invocation, 'prelude-target') === undefined ? unfit : 'prelude-target';
  if (given !== undefined) throw new UsageError(`--${given} cannot be used with --format`, COMMAND);
  return format;
}

/** Writes the archive to `target`, a new file or `-` for standard output; the exit code. */
export async function runFormatRestore(
  snapshot: SnapshotReader,
  format: ExportFormat,
  invocation: Invocation,
  context: Context,
): Promise<number> {
  const output = outputFormat(invocation, context);
  const target = positional(invocation, 'target');
  const archive = await openArchive(snapshot, positional(invocation, 'archive-name'));
  const reporter = new Reporter(context, progressMode(invocation, context));
  const started = performance.now();
  const { bytes, counts } = exportArchive({
    archive,
    format,
    includes: parseWords(COMMAND, () => parseIncludes(optionStrings(invocation, 'pattern'))),
    signal: context.signal,
    onNotice: ({ path, message }) => reporter.notice({ kind: 'notice', path, message }),
    onProgress: ({ counts: { files, bytes: done }, path }) =>
      reporter.progress({
        archive: archive.name,
        files,
        bytes: done,
        path: path.toString('latin1'),
        total: undefined,
      }),
  });
  try {
    const file = { bytes, replace: false } as const;
    if (target === '-') await pipeTo(file, context.stdout, context.signal);
    else await writeTo(file, target, context.signal);
    const seconds = (performance.now() - started) / 1000;
    const { files, directories, symlinks, hardlinks, specials, skipped } = counts;
    const entries = `${files} files, ${directories} directories, ${symlinks} symlinks, ${hardlinks} hard links, ${specials} special files`;
    const work = `${formatBytes(counts.bytes)} processed in ${formatDuration(seconds)}`;
    const duration = Number(seconds.toFixed(3));
    const json = { snapshot: formatSnapshot(snapshot.snapshot), archive: archive.name, duration, ...counts };
    const leftOut = skipped > 0 ? [`${skipped} left out`] : [];
    reporter.summary([`${format} complete (${entries}; ${work})`, ...leftOut], json);
    if (output !== 'text' && target !== '-') printJson(context, output, json);
    return ExitCode.done;
  } finally {
    reporter.stop();
  }
}

/** The option that asks for it. */
export const exportOptions = {
  format: {
    type: 'string',
    choices: EXPORT_FORMATS,
    placeholder: 'FORMAT',
    description: 'make one file of the tree, of this format: tar or zip',
  },
} as const satisfies CommandSpec['options'];
