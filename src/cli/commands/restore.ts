/** `restat restore`: an archive back into a directory, a file or standard output. */
import { performance } from 'node:perf_hooks';
import type { ExtractionSummary } from '../../native-extract.js';
import type { SnapshotReader } from '../../repository/repository.js';
import type { KeySource } from '../../repository/snapshot-key.js';
import { type OpenArchive, openArchive } from '../../restore/archive-source.js';
import { RestoreError } from '../../restore/errors.js';
import { type ExtractResult, extractArchive } from '../../restore/extract.js';
import { parseIncludes } from '../../restore/selection.js';
import { pipeTo, replaceFile, wholeFile, writeTo } from '../../restore/whole-file.js';
import { isFixed } from '../../snapshot/archive-index.js';
import { ENCRYPTED_KEY_NAME, serverName } from '../../snapshot/archive-names.js';
import { formatSnapshot } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  keyOptions,
  lockOptions,
  optionFlag,
  optionString,
  optionStrings,
  positional,
  readCryptOptions,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printJson } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { withCommandKey } from '../keys.js';
import { formatBytes, formatDuration } from '../output/human.js';
import { progressMode, progressOptions } from '../output/progress.js';
import { Reporter } from '../output/reporter.js';
import { commandNamespace, commandRepository, findSnapshot, lockWait } from '../repository.js';
import { parseWords } from '../usage.js';
import { exportFormat, exportOptions, runFormatRestore } from './restore-format.js';
import { runImageRestore } from './restore-image.js';

const COMMAND = ['restore'];

function settingsOf(invocation: Invocation): Parameters<typeof extractArchive>[0]['settings'] {
  const flag = (name: string): boolean => optionFlag(invocation, name);
  const overwrite = flag('overwrite');
  return {
    allowExistingDirs: flag('allow-existing-dirs'),
    overwriteFiles: overwrite || flag('overwrite-files'),
    overwriteSymlinks: overwrite || flag('overwrite-symlinks'),
    overwriteHardlinks: overwrite || flag('overwrite-hardlinks'),
    ignoreAcls: flag('ignore-acls'),
    ignoreXattrs: flag('ignore-xattrs'),
    ignoreOwnership: flag('ignore-ownership'),
    ignorePermissions: flag('ignore-permissions'),
    ignoreDeviceErrors: flag('ignore-extract-device-errors'),
    noSpecials: flag('no-specials'),
    noSetuid: flag('no-setuid'),
    strict: flag('strict'),
  };
}

async function restorePrelude(
  prelude: Buffer | undefined,
  target: string | undefined,
  reporter: Reporter,
): Promise<void> {
  if (target === undefined) return;
  if (prelude === undefined) reporter.say('No prelude entry found, skip prelude restore.');
  else await replaceFile(target, prelude);
}

function summaryLines(summary: ExtractionSummary, seconds: number): string[] {
  const { files, directories, symlinks, hardlinks, specials, bytes, skipped, errors, warnings } = summary;
  const rate = formatBytes(Math.round(bytes / Math.max(seconds, 0.001)));
  const entries = `${files} files, ${directories} directories, ${symlinks} symlinks, ${hardlinks} hard links, ${specials} special files`;
  const work = `${formatBytes(bytes)} processed in ${formatDuration(seconds)}, average ${rate}/s`;
  const counts = [
    [skipped, 'skipped'],
    [warnings, 'warnings'],
    [errors, 'errors'],
  ] as const;
  return [
    `restore complete (${entries}; ${work})`,
    ...counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
  ];
}

/** Extracts the archive; what happens on the way goes to the reporter. */
function extraction(
  archive: OpenArchive,
  invocation: Invocation,
  { signal }: Context,
  reporter: Reporter,
): Promise<ExtractResult> {
  const patterns = optionStrings(invocation, 'pattern');
  // With patterns nobody knows the total before the end.
  const total = patterns.length > 0 ? undefined : archive.payload.size();
  return extractArchive({
    archive,
    target: positional(invocation, 'target'),
    includes: parseWords(COMMAND, () => parseIncludes(patterns)),
    settings: settingsOf(invocation),
    signal,
    onEvent: ({ severity, path, message }) => reporter.notice({ kind: severity, path, message }),
    onProgress: ({ files, bytes, path }) => {
      const state = { archive: archive.name, bytes, files, path: path.toString('latin1') };
      reporter.progress({
        ...state,
        total: total === undefined ? undefined : { bytes: total, files: undefined },
      });
    },
  });
}

async function extract(snapshot: SnapshotReader, invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const archive = await openArchive(snapshot, positional(invocation, 'archive-name'));
  const reporter = new Reporter(context, progressMode(invocation, context));
  const started = performance.now();
  try {
    const { summary, prelude } = await extraction(archive, invocation, context, reporter);
    await restorePrelude(prelude, optionString(invocation, 'prelude-target'), reporter);
    const seconds = (performance.now() - started) / 1000;
    const duration = Number(seconds.toFixed(3));
    const json = { snapshot: formatSnapshot(snapshot.snapshot), archive: archive.name, duration, ...summary };
    reporter.summary(summaryLines(summary, seconds), json);
    if (format !== 'text') printJson(context, format, json);
    return summary.errors > 0 ? ExitCode.incomplete : ExitCode.done;
  } finally {
    reporter.stop();
  }
}

function isTree(name: string): boolean {
  return /\.[mp]?pxar\.didx$/.test(parseWords(COMMAND, () => serverName(name)));
}

async function restore(keys: KeySource, invocation: Invocation, context: Context): Promise<number> {
  const name = positional(invocation, 'archive-name');
  const target = positional(invocation, 'target');
  const stored = parseWords(COMMAND, () => serverName(name));
  const toStdout = target === '-';
  const format = exportFormat(invocation, { tree: isTree(name) });
  if (toStdout && format === undefined && optionStrings(invocation, 'pattern').length > 0) {
    throw new UsageError("--pattern cannot be used with the target '-' without --format", COMMAND);
  }
  const namespace = commandNamespace(invocation, context);
  const repository = await commandRepository(invocation, context);
  const found = await findSnapshot(repository, namespace, positional(invocation, 'snapshot'));
  // What the master key opens can be had without the key that it holds, unless somebody names one.
  const needed = stored === ENCRYPTED_KEY_NAME && !keys.isNamed ? undefined : keys;
  const wait = lockWait(invocation, context);
  const snapshot = await repository.open(namespace, found, { ...wait, keys: needed });
  try {
    if (!toStdout && format === undefined && isTree(name))
      return await extract(snapshot, invocation, context);
    if (toStdout && context.stdout.isTTY && (isTree(name) || isFixed(stored))) {
      throw new RestoreError('RESTORE_PIPE', 'an archive is not written to a terminal');
    }
    if (format !== undefined) return await runFormatRestore(snapshot, format, invocation, context);
    if (isFixed(stored)) return await runImageRestore(snapshot, stored, target, invocation, context);
    const file = await wholeFile(snapshot, name);
    if (toStdout) await pipeTo(file, context.stdout, context.signal);
    else await writeTo(file, target, context.signal);
    return ExitCode.done;
  } finally {
    await snapshot.close();
  }
}

function run(invocation: Invocation, context: Context): Promise<number> {
  return withCommandKey(invocation, context, COMMAND, (keys) => restore(keys, invocation, context));
}

export const restoreCommand: CommandSpec = {
  path: ['restore'],
  description: 'Restore an archive of a snapshot.',
  positionals: [
    { name: 'snapshot', description: 'type/id/time, or type/id for the newest finished snapshot' },
    { name: 'archive-name', description: 'root.pxar, disk.img, fstab.conf, index.json, …' },
    {
      name: 'target',
      description:
        "directory (pxar archives) or new file, for images also a block device; '-' for standard output",
    },
  ],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    ...progressOptions,
    ...readCryptOptions,
    ...keyOptions,
    pattern: {
      type: 'string',
      array: true,
      placeholder: 'PATTERN',
      description: 'restore only what matches',
    },
    ...exportOptions,
    'allow-existing-dirs': { type: 'boolean', description: 'existing directories are no error' },
    overwrite: { type: 'boolean', description: 'all three of the following' },
    'overwrite-files': { type: 'boolean', description: 'replace existing files' },
    'overwrite-symlinks': { type: 'boolean', description: 'replace existing entries by symbolic links' },
    'overwrite-hardlinks': { type: 'boolean', description: 'replace existing entries by hard links' },
    'ignore-acls': { type: 'boolean', description: 'do not restore ACLs' },
    'ignore-xattrs': { type: 'boolean', description: 'do not restore extended attributes' },
    'ignore-ownership': { type: 'boolean', description: 'do not restore owner and group' },
    'ignore-permissions': { type: 'boolean', description: 'do not restore permission bits' },
    'ignore-extract-device-errors': {
      type: 'boolean',
      description: 'device nodes that cannot be made are warnings',
    },
    'no-specials': { type: 'boolean', description: 'no devices, FIFOs and sockets' },
    'no-setuid': { type: 'boolean', description: 'no setuid and setgid bits, no capabilities' },
    'prelude-target': {
      type: 'string',
      placeholder: 'FILE',
      description: 'write the prelude of a split archive there',
    },
    strict: { type: 'boolean', description: 'stop at the first error' },
  },
  run,
};
