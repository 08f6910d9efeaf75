/** `restat restore`: an archive back into a directory, a file or standard output. */
import { writeFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { ExtractionSummary } from '../../native-extract.js';
import type { SnapshotReader } from '../../repository/repository.js';
import { openArchive } from '../../restore/archive-source.js';
import { RestoreError } from '../../restore/errors.js';
import { extractArchive } from '../../restore/extract.js';
import { parseIncludes } from '../../restore/selection.js';
import { pipeTo, wholeFile, writeTo } from '../../restore/whole-file.js';
import { serverName } from '../../snapshot/archive-names.js';
import { formatSnapshot } from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  optionFlag,
  optionString,
  optionStrings,
  positional,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printablePath, printJson, say } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { formatBytes, formatDuration } from '../output/human.js';
import { ProgressDisplay, progressMode, progressOptions } from '../output/progress.js';
import { commandNamespace, commandRepository, findSnapshot, lockWait } from '../repository.js';

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
  context: Context,
): Promise<void> {
  if (target === undefined) return;
  if (prelude === undefined) say(context, 'No prelude entry found, skip prelude restore.');
  else await writeFile(target, prelude);
}

function saySummary(context: Context, summary: ExtractionSummary, seconds: number): void {
  const { files, directories, symlinks, hardlinks, specials, bytes, skipped, errors, warnings } = summary;
  const rate = formatBytes(Math.round(bytes / Math.max(seconds, 0.001)));
  say(
    context,
    `restore complete (${files} files, ${directories} directories, ${symlinks} symlinks, ${hardlinks} hard links, ${specials} special files; ${formatBytes(bytes)} processed in ${formatDuration(seconds)}, average ${rate}/s)`,
  );
  if (skipped > 0) say(context, `${skipped} skipped`);
  if (warnings > 0) say(context, `${warnings} warnings`);
  if (errors > 0) say(context, `${errors} errors`);
}

async function extract(snapshot: SnapshotReader, invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const archive = await openArchive(snapshot, positional(invocation, 'archive-name'));
  const display = new ProgressDisplay(context, progressMode(invocation, context));
  const started = performance.now();
  try {
    const { summary, prelude } = await extractArchive({
      archive,
      target: positional(invocation, 'target'),
      includes: parseIncludes(optionStrings(invocation, 'pattern')),
      settings: settingsOf(invocation),
      signal: context.signal,
      onEvent: ({ severity, path, message }) => {
        display.interrupt(() => say(context, `${severity}: "${printablePath(path)}": ${message}`));
      },
      onProgress: ({ files, bytes, path }) => {
        const { name, payload } = archive;
        display.update({ what: name, bytes, total: payload.size(), files, path: path.toString('latin1') });
      },
    });
    display.stop();
    await restorePrelude(prelude, optionString(invocation, 'prelude-target'), context);
    const seconds = (performance.now() - started) / 1000;
    saySummary(context, summary, seconds);
    if (format !== 'text') {
      printJson(context, format, {
        snapshot: formatSnapshot(snapshot.snapshot),
        duration: seconds,
        ...summary,
      });
    }
    return summary.errors > 0 ? ExitCode.incomplete : ExitCode.done;
  } finally {
    display.stop();
  }
}

function isTree(name: string): boolean {
  return /\.[mp]?pxar\.didx$/.test(serverName(name));
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const name = positional(invocation, 'archive-name');
  const target = positional(invocation, 'target');
  const toStdout = target === '-';
  if (toStdout && optionStrings(invocation, 'pattern').length > 0) {
    throw new UsageError("--pattern cannot be used with the target '-'", ['restore']);
  }
  const namespace = commandNamespace(invocation, context);
  const repository = await commandRepository(invocation, context);
  const found = await findSnapshot(repository, namespace, positional(invocation, 'snapshot'));
  const snapshot = await repository.open(namespace, found, lockWait(invocation, context));
  try {
    if (!toStdout && isTree(name)) return await extract(snapshot, invocation, context);
    const file = await wholeFile(snapshot, name);
    if (toStdout && context.stdout.isTTY && isTree(name)) {
      throw new RestoreError('RESTORE_PIPE', 'an archive is not written to a terminal');
    }
    if (toStdout) await pipeTo(file, context.stdout, context.signal);
    else await writeTo(file, target, context.signal);
    return ExitCode.done;
  } finally {
    await snapshot.close();
  }
}

export const restoreCommand: CommandSpec = {
  path: ['restore'],
  description: 'Restore an archive of a snapshot.',
  positionals: [
    { name: 'snapshot', description: 'type/id/time, or type/id for the newest finished snapshot' },
    { name: 'archive-name', description: 'root.pxar, fstab.conf, index.json, …' },
    { name: 'target', description: "directory (pxar archives) or new file; '-' for standard output" },
  ],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    ...progressOptions,
    pattern: {
      type: 'string',
      array: true,
      placeholder: 'PATTERN',
      description: 'restore only what matches',
    },
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
