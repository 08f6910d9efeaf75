/** `restat backup`: live trees into a snapshot. */
import { stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { ArchiveSummary } from '../../backup/archive.js';
import { type BackupSummary, runBackup } from '../../backup/backup.js';
import { BackupError } from '../../backup/errors.js';
import { parseExcludes } from '../../backup/exclude.js';
import type { MatchEntry } from '../../backup/match-list.js';
import { CACHE_MARKER, type PresenceMarker, type WalkOptions } from '../../backup/options.js';
import { parseSources } from '../../backup/sources.js';
import { splitNames } from '../../snapshot/archive-names.js';
import {
  backupTime,
  formatSnapshot,
  type GroupName,
  parseBackupId,
  parseBackupType,
} from '../../snapshot/names.js';
import {
  type CommandSpec,
  formatOptions,
  type Invocation,
  lockOptions,
  optionFlag,
  optionNumber,
  optionString,
  optionStrings,
  positionals,
  repositoryOptions,
} from '../command.js';
import { type Context, outputFormat, printablePath, printJson, say } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { formatBytes, formatDuration } from '../output/human.js';
import type { Json } from '../output/json.js';
import { BackupProgress, progressMode, progressOptions } from '../output/progress.js';
import { readPatternFile } from '../pattern-file.js';
import { commandNamespace, commandRepository, lockWait } from '../repository.js';

const ENTRIES_MAX = 1_048_576;
const CHUNK_SIZES = ['64', '128', '256', '512', '1024', '2048', '4096'];
const SYNC_MODES = ['filesystem', 'file', 'none'] as const;

function groupOf(invocation: Invocation): GroupName {
  const id = optionString(invocation, 'backup-id') ?? hostname().split('.')[0]!;
  return { type: parseBackupType(optionString(invocation, 'backup-type') ?? 'host'), id: parseBackupId(id) };
}

/** `NAME[:HEADER]` of `--exclude-if-present`. */
function parseMarker(text: string): PresenceMarker {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  if (name === '' || name.includes('/'))
    throw new UsageError(`--exclude-if-present: '${text}' is not NAME[:HEADER]`);
  const latin1 = (part: string): string => Buffer.from(part).toString('latin1');
  return { name: latin1(name), header: colon < 0 ? '' : latin1(text.slice(colon + 1)) };
}

async function excludesOf(invocation: Invocation): Promise<MatchEntry[]> {
  const patterns = optionStrings(invocation, 'exclude').map((text) => Buffer.from(text).toString('latin1'));
  for (const path of optionStrings(invocation, 'exclude-from'))
    patterns.push(...(await readPatternFile(path)));
  if (optionFlag(invocation, 'skip-lost-and-found')) patterns.push('lost+found');
  return parseExcludes(patterns);
}

async function deviceKey(path: string): Promise<string> {
  const info = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw new BackupError('BACKUP_SOURCE', `--include-dev: unable to access '${path}'`, { cause });
  });
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(info.dev);
  return bytes.toString('latin1');
}

async function walkOptions(invocation: Invocation): Promise<Omit<WalkOptions, 'storedEmpty'>> {
  const devices = optionStrings(invocation, 'include-dev');
  const allFileSystems = optionFlag(invocation, 'all-file-systems');
  if (allFileSystems && devices.length > 0) {
    throw new UsageError('--include-dev and --all-file-systems exclude each other', ['backup']);
  }
  const markers = optionStrings(invocation, 'exclude-if-present').map(parseMarker);
  if (optionFlag(invocation, 'exclude-caches')) markers.push(CACHE_MARKER);
  return {
    excludes: await excludesOf(invocation),
    markers,
    largestFile: optionNumber(invocation, 'exclude-larger-than') ?? Number.POSITIVE_INFINITY,
    allFileSystems,
    includedDevices: new Set(await Promise.all(devices.map(deviceKey))),
    entriesMax: optionNumber(invocation, 'entries-max') ?? ENTRIES_MAX,
  };
}

function syncMode(invocation: Invocation): (typeof SYNC_MODES)[number] {
  const text = optionString(invocation, 'sync') ?? 'filesystem';
  return SYNC_MODES.find((mode) => mode === text) ?? 'filesystem';
}

function streamLines(name: string, { size, stats }: ArchiveSummary['payload'], seconds: number): string[] {
  const uploaded = stats.newBytes;
  const reused = size - uploaded;
  const rate = formatBytes(Math.round(uploaded / Math.max(seconds, 0.001)));
  const lines = [
    `${name}: had to backup ${formatBytes(uploaded)} of ${formatBytes(size)} (compressed ${formatBytes(stats.newEncodedBytes)}) in ${seconds.toFixed(2)} s (average ${rate}/s)`,
  ];
  if (reused > 0 && size > 2 ** 20) {
    const percent = ((100 * reused) / size).toFixed(1);
    lines.push(`${name}: backup was done incrementally, reused ${formatBytes(reused)} (${percent}%)`);
  }
  return lines;
}

function summaryJson(summary: BackupSummary, seconds: number): Json {
  const { totals } = summary;
  return {
    snapshot: formatSnapshot(summary.snapshot),
    'backup-type': summary.snapshot.type,
    'backup-id': summary.snapshot.id,
    'backup-time': summary.snapshot.time,
    duration: seconds,
    files: totals.files,
    directories: totals.directories,
    symlinks: totals.symlinks,
    hardlinks: totals.hardlinks,
    specials: totals.specials,
    excluded: totals.excluded,
    bytes: totals.bytes,
    incomplete: summary.incomplete,
    warnings: Object.fromEntries(summary.warnings),
    archives: summary.archives.map(({ archive, payload, metadata }) => ({
      archive,
      payload: { size: payload.size, chunks: payload.chunks, ...payload.stats },
      metadata: { size: metadata.size, chunks: metadata.chunks, ...metadata.stats },
    })),
  };
}

function sayTotals(context: Context, { totals, warnings }: BackupSummary, seconds: number): void {
  const others = totals.symlinks + totals.specials;
  say(
    context,
    `${totals.files} files (${formatBytes(totals.bytes)}), ${totals.directories} directories, ${totals.hardlinks} hard links, ${others} others; ${totals.excluded} excluded`,
  );
  for (const [kind, count] of warnings) say(context, `${count} × ${kind}`);
  say(context, `Duration: ${formatDuration(seconds)}`);
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const format = outputFormat(invocation, context);
  const sources = parseSources(positionals(invocation, 'backupspec'));
  const walk = await walkOptions(invocation);
  const namespace = commandNamespace(invocation, context);
  const group = groupOf(invocation);
  const started = performance.now();
  const time = backupTime(optionNumber(invocation, 'backup-time') ?? context.clock().seconds);
  const repository = await commandRepository(invocation, context, {
    create: true,
    sync: syncMode(invocation),
  });
  const progress = new BackupProgress(context, progressMode(invocation, context));
  let archiveStart = started;
  const times: number[] = [];
  const noteArchive = (): void => {
    times.push((performance.now() - archiveStart) / 1000);
    archiveStart = performance.now();
  };
  try {
    const summary = await runBackup({
      repository,
      namespace,
      group,
      time,
      sources,
      walk,
      averageSize: Number(optionString(invocation, 'chunk-size') ?? '4096') * 1024,
      skipE2bigXattr: optionFlag(invocation, 'skip-e2big-xattr'),
      owner: optionString(invocation, 'owner') ?? 'root@pam',
      lockWaitSeconds: lockWait(invocation, context).waitSeconds,
      temporaryDirectory: tmpdir(),
      clock: context.clock,
      signal: context.signal,
      onStart: ({ snapshot, previous }) => {
        const text = formatSnapshot(snapshot);
        say(context, `Starting backup: ${namespace === '' ? '' : `[${namespace}]:`}${text}`);
        if (previous === undefined) say(context, 'No previous snapshot in this group.');
      },
      onArchive: ({ archive, path }) => {
        if (times.length > 0 || archiveStart !== started) noteArchive();
        archiveStart = performance.now();
        say(
          context,
          `Backing up directory '${path}' to '${repository.name}' as ${splitNames(archive).metadata}`,
        );
      },
      onWarning: ({ kind, path, message }) => {
        progress.interrupt(() =>
          say(context, `${kind === 'notice' ? '' : 'warning: '}"${printablePath(path)}": ${message}`),
        );
      },
      onProgress: (state) => progress.update(state),
    });
    noteArchive();
    progress.stop();
    const seconds = (performance.now() - started) / 1000;
    summary.archives.forEach(({ archive, payload, metadata }, i) => {
      const names = splitNames(archive);
      for (const line of streamLines(names.payload.slice(0, -5), payload, times[i] ?? seconds))
        say(context, line);
      for (const line of streamLines(names.metadata.slice(0, -5), metadata, times[i] ?? seconds))
        say(context, line);
    });
    sayTotals(context, summary, seconds);
    if (format !== 'text') printJson(context, format, summaryJson(summary, seconds));
    return summary.incomplete ? ExitCode.incomplete : ExitCode.done;
  } finally {
    progress.stop();
  }
}

export const backupCommand: CommandSpec = {
  path: ['backup'],
  description: 'Back up directories into a new snapshot.',
  positionals: [{ name: 'backupspec', array: true, description: 'NAME.pxar:PATH, one or more' }],
  options: {
    ...repositoryOptions,
    ...formatOptions,
    ...lockOptions,
    ...progressOptions,
    'backup-type': {
      type: 'string',
      choices: ['vm', 'ct', 'host'],
      default: 'host',
      description: 'type of the group',
    },
    'backup-id': {
      type: 'string',
      placeholder: 'ID',
      description: 'id of the group (default: the host name)',
    },
    'backup-time': {
      type: 'integer',
      minimum: 1,
      placeholder: 'EPOCH',
      description: 'time of the snapshot, seconds since the epoch (default: now)',
    },
    exclude: { type: 'string', array: true, placeholder: 'PATTERN', description: 'leave out what matches' },
    'exclude-from': {
      type: 'string',
      array: true,
      placeholder: 'FILE',
      description: 'read patterns from a file, one a line',
    },
    'exclude-caches': {
      type: 'boolean',
      description: 'leave out the contents of directories with a CACHEDIR.TAG',
    },
    'exclude-if-present': {
      type: 'string',
      array: true,
      placeholder: 'NAME[:HEADER]',
      description: 'leave out the contents of directories with such a file',
    },
    'exclude-larger-than': {
      type: 'bytes',
      placeholder: 'SIZE',
      description: 'leave out larger regular files',
    },
    'include-dev': {
      type: 'string',
      array: true,
      placeholder: 'PATH',
      description: 'enter mount points of this device too',
    },
    'all-file-systems': { type: 'boolean', description: 'enter all mount points' },
    'skip-lost-and-found': { type: 'boolean', description: 'leave out lost+found' },
    'skip-e2big-xattr': {
      type: 'boolean',
      description: 'store a file without extended attributes when there are too many to list',
    },
    'entries-max': {
      type: 'integer',
      minimum: 1,
      default: String(ENTRIES_MAX),
      description: 'most directory entries held in memory along one path',
    },
    'chunk-size': {
      type: 'string',
      choices: CHUNK_SIZES,
      default: '4096',
      description: 'average chunk size in KiB',
    },
    'change-detection-mode': {
      type: 'string',
      choices: ['data'],
      default: 'data',
      description: 'how unchanged files are found: data reads everything',
    },
    owner: {
      type: 'string',
      placeholder: 'AUTH-ID',
      default: 'root@pam',
      description: 'owner of a new group',
    },
    sync: {
      type: 'string',
      choices: SYNC_MODES,
      default: 'filesystem',
      description: 'when written data must be on disk before the snapshot appears',
    },
  },
  run,
};
