/** Options of `restat backup` and what they come to. */
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { BackupError } from '../../backup/errors.js';
import { parseExcludes } from '../../backup/exclude.js';
import type { MatchEntry } from '../../backup/match-list.js';
import { CACHE_MARKER, type PresenceMarker, type WalkOptions } from '../../backup/options.js';
import { type GroupName, parseBackupId, parseBackupType } from '../../snapshot/names.js';
import {
  cryptOptions,
  formatOptions,
  type Invocation,
  lockOptions,
  type OptionSpec,
  optionFlag,
  optionNumber,
  optionString,
  optionStrings,
  repositoryOptions,
} from '../command.js';
import { UsageError } from '../errors.js';
import { progressOptions } from '../output/progress.js';
import { readPatternFile } from '../pattern-file.js';
import { parseWords } from '../usage.js';

const COMMAND = ['backup'];
const ENTRIES_MAX = 1_048_576;
const SYNC_MODES = ['filesystem', 'file', 'none'] as const;

export const backupOptions = {
  ...repositoryOptions,
  ...formatOptions,
  ...lockOptions,
  ...progressOptions,
  ...cryptOptions,
  'master-pubkey-file': {
    type: 'string',
    placeholder: 'PATH',
    description:
      'keep the key with the snapshot, encrypted for this public master key (default: master-public.pem in the configuration directory)',
  },
  'master-pubkey-fd': {
    type: 'integer',
    minimum: 0,
    placeholder: 'FD',
    description: 'the public master key, read from a file descriptor',
  },
  'backup-type': {
    type: 'string',
    choices: ['vm', 'ct', 'host'],
    default: 'host',
    description: 'type of the group',
  },
  'backup-id': {
    type: 'string',
    placeholder: 'ID',
    description: 'id of the group; otherwise the host name up to its first dot',
  },
  'backup-time': {
    type: 'integer',
    minimum: 1,
    placeholder: 'EPOCH',
    description: 'time of the snapshot in seconds since 1970; otherwise now',
  },
  exclude: { type: 'string', array: true, placeholder: 'PATTERN', description: 'leave out what matches' },
  'exclude-from': {
    type: 'string',
    array: true,
    placeholder: 'FILE',
    description: 'read exclude patterns from a file, one a line',
  },
  'exclude-caches': {
    type: 'boolean',
    description: 'leave out the contents of directories with a CACHEDIR.TAG',
  },
  'exclude-if-present': {
    type: 'string',
    array: true,
    placeholder: 'NAME[:HEADER]',
    description: 'leave out the contents of directories that hold a file NAME which begins with HEADER',
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
    description: 'enter mount points on the device that holds PATH, too',
  },
  'all-file-systems': { type: 'boolean', description: 'enter all mount points but virtual file systems' },
  'skip-lost-and-found': { type: 'boolean', description: 'leave out lost+found' },
  'skip-e2big-xattr': {
    type: 'boolean',
    description: 'store a file without its extended attributes when there are too many to list',
  },
  'entries-max': {
    type: 'integer',
    minimum: 1,
    default: String(ENTRIES_MAX),
    placeholder: 'COUNT',
    description: 'most directory entries held in memory along one path',
  },
  'chunk-size': {
    type: 'string',
    choices: ['64', '128', '256', '512', '1024', '2048', '4096'],
    default: '4096',
    description: 'average chunk size in KiB',
  },
  'change-detection-mode': {
    type: 'string',
    default: 'data',
    placeholder: 'MODE',
    description:
      'how unchanged files are found; data reads all files, metadata only those whose metadata changed, metadata:NAME,… does so for these archives; legacy reads all and writes single archives',
  },
  layout: {
    type: 'string',
    choices: ['split', 'single'],
    description:
      'how trees are stored; split, the default, as a pair of archives, single as one archive beside a catalog: with mode metadata unchanged files are chunks behind its end, which only restat reads',
  },
  'max-padding': {
    type: 'string',
    placeholder: 'ALL[,DEAD]',
    default: '30,10',
    description:
      'percent of a payload archive that may be unused parts of old chunks, in all and of no use to anybody',
  },
  'full-every': {
    type: 'integer',
    minimum: 1,
    placeholder: 'N',
    description: 'read everything once after so many runs in mode metadata',
  },
  retries: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    placeholder: 'N',
    default: '3',
    description: 'how often a backup to a server begins anew when the connection is lost',
  },
  'checkpoint-interval': {
    type: 'integer',
    minimum: 1,
    maximum: 2_000_000,
    placeholder: 'SECONDS',
    description:
      "how often the progress of a group's first backup to a server is kept, for a backup that begins anew; otherwise never",
  },
  'stdin-command': {
    type: 'string',
    placeholder: 'COMMAND',
    description:
      'run COMMAND with /bin/sh and store its output instead of standard input, as the archive NAME.img:-; the backup fails when it does',
  },
  'dry-run': { type: 'boolean', description: 'compare and count, but read no contents and store nothing' },
  verbose: { type: 'boolean', description: 'name each file and why it is read' },
  owner: {
    type: 'string',
    placeholder: 'AUTH-ID',
    default: 'root@pam',
    description: 'owner of a group that does not exist yet',
  },
  sync: {
    type: 'string',
    choices: SYNC_MODES,
    default: 'filesystem',
    description: 'how written data gets on disk before the snapshot appears',
  },
} as const satisfies Record<string, OptionSpec>;

/** The group of the snapshot. Throws UsageError. */
export function groupOf(invocation: Invocation): GroupName {
  const id = optionString(invocation, 'backup-id') ?? hostname().split('.')[0]!;
  const type = optionString(invocation, 'backup-type') ?? 'host';
  return parseWords(COMMAND, () => ({ type: parseBackupType(type), id: parseBackupId(id) }));
}

export function syncMode(invocation: Invocation): (typeof SYNC_MODES)[number] {
  const text = optionString(invocation, 'sync') ?? 'filesystem';
  return SYNC_MODES.find((mode) => mode === text) ?? 'filesystem';
}

/** Average chunk size in bytes. */
export function averageSize(invocation: Invocation): number {
  return Number(optionString(invocation, 'chunk-size') ?? '4096') * 1024;
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** `NAME[:HEADER]` of `--exclude-if-present`. */
function parseMarker(text: string): PresenceMarker {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  if (name === '' || name.includes('/'))
    throw new UsageError(`--exclude-if-present: '${text}' is not NAME[:HEADER]`, COMMAND);
  return { name: latin1(name), header: colon < 0 ? '' : latin1(text.slice(colon + 1)) };
}

function markersOf(invocation: Invocation): PresenceMarker[] {
  const markers = optionStrings(invocation, 'exclude-if-present').map(parseMarker);
  return optionFlag(invocation, 'exclude-caches') ? [...markers, CACHE_MARKER] : markers;
}

async function excludesOf(invocation: Invocation): Promise<MatchEntry[]> {
  const patterns = optionStrings(invocation, 'exclude').map(latin1);
  for (const path of optionStrings(invocation, 'exclude-from'))
    patterns.push(...(await readPatternFile(path)));
  if (optionFlag(invocation, 'skip-lost-and-found')) patterns.push('lost+found');
  return parseWords(COMMAND, () => parseExcludes(patterns));
}

async function deviceKey(path: string): Promise<string> {
  const info = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw new BackupError('BACKUP_UNREADABLE', `--include-dev: unable to access '${path}'`, { cause });
  });
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(info.dev);
  return bytes.toString('latin1');
}

/** What is walked. Throws UsageError for options that contradict each other, and bad patterns. */
export async function walkOptions(invocation: Invocation): Promise<Omit<WalkOptions, 'storedEmpty'>> {
  const devices = optionStrings(invocation, 'include-dev');
  const allFileSystems = optionFlag(invocation, 'all-file-systems');
  if (allFileSystems && devices.length > 0) {
    throw new UsageError('--include-dev and --all-file-systems exclude each other', COMMAND);
  }
  return {
    excludes: await excludesOf(invocation),
    markers: markersOf(invocation),
    largestFile: optionNumber(invocation, 'exclude-larger-than') ?? Number.POSITIVE_INFINITY,
    allFileSystems,
    includedDevices: new Set(await Promise.all(devices.map(deviceKey))),
    entriesMax: optionNumber(invocation, 'entries-max') ?? ENTRIES_MAX,
  };
}
