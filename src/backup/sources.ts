/** What is backed up: `NAME.pxar:PATH`, `NAME.img:PATH`, `NAME.conf:PATH`, `NAME.log:PATH` (cli.md §2.1). */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ArchiveName, parseArchiveName } from '../snapshot/archive-names.js';
import { NameError } from '../snapshot/errors.js';
import { BackupError } from './errors.js';

export interface Source {
  readonly archive: ArchiveName;
  /** File-system path as given, or one of the names of standard input. */
  readonly path: string;
  /** For the shell: its output is the image, instead of standard input. */
  readonly command?: string;
}

/** What a source is, in the words of messages. */
export type SourceKind = 'directory' | 'image' | 'config file' | 'log file';

const KINDS: readonly (readonly [end: string, kind: SourceKind])[] = [
  ['.img', 'image'],
  ['.conf', 'config file'],
  ['.log', 'log file'],
];
const STANDARD_INPUT: readonly string[] = ['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'];

export function sourceKind({ archive }: Pick<Source, 'archive'>): SourceKind {
  return KINDS.find(([end]) => archive.endsWith(end))?.[1] ?? 'directory';
}

/** Whether an image comes from standard input, or a command that stands for it. */
export function isStandardInput(source: Source): boolean {
  return sourceKind(source) === 'image' && STANDARD_INPUT.includes(source.path);
}

function parseSource(text: string): Source {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const path = colon < 0 ? '' : text.slice(colon + 1);
  try {
    if (path === '')
      throw new BackupError(
        'BACKUP_SOURCE',
        `'${text}': a source looks like NAME.pxar:PATH, or NAME.img, NAME.conf, NAME.log`,
      );
    return { archive: parseArchiveName(name), path };
  } catch (cause) {
    if (!(cause instanceof NameError)) throw cause;
    throw new BackupError('BACKUP_SOURCE', `'${text}': ${cause.message}`, { cause });
  }
}

/** The source that reads standard input gets the command. Throws BackupError `BACKUP_SOURCE`. */
function withCommand(sources: readonly Source[], command: string | undefined): Source[] {
  const readers = sources.filter(isStandardInput);
  if (readers.length > 1)
    throw new BackupError('BACKUP_SOURCE', 'only one archive can be made of standard input');
  if (command !== undefined && readers.length === 0)
    throw new BackupError('BACKUP_SOURCE', 'a command needs a source NAME.img:- that it is to be stored as');
  return sources.map((source) =>
    command !== undefined && source === readers[0] ? { ...source, command } : source,
  );
}

/**
 * Parses sources; an archive name may stand only once. With `command` its output stands for standard input. Throws BackupError
 * `BACKUP_SOURCE`.
 */
export function parseSources(texts: readonly string[], command?: string): Source[] {
  const sources = texts.map(parseSource);
  const seen = new Set<string>();
  for (const { archive } of sources) {
    if (seen.has(archive)) throw new BackupError('BACKUP_SOURCE', `got target twice: '${archive}'`);
    seen.add(archive);
  }
  return withCommand(sources, command);
}

/** Identity of a directory as `Repository.ownDirectories` gives it. */
async function identityOf(path: string): Promise<string | undefined> {
  const info = await stat(path, { bigint: true }).catch(() => undefined);
  if (info === undefined) return undefined;
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(info.dev, 0);
  bytes.writeBigUInt64LE(info.ino, 8);
  return bytes.toString('latin1');
}

/**
 * Refuses a source that is one of the repository's own directories or lies in one: it would grow while it is read, and reading its
 * lock files would drop the locks. Throws BackupError `BACKUP_SOURCE`.
 */
export async function refuseOwn(sources: readonly Source[], own: ReadonlySet<string>): Promise<void> {
  for (const source of sources) {
    if (isStandardInput(source)) continue;
    const { path } = source;
    let at = await realpath(path).catch(() => path);
    for (let above = dirname(at); ; at = above, above = dirname(at)) {
      const identity = await identityOf(at);
      if (identity !== undefined && own.has(identity)) {
        throw new BackupError('BACKUP_SOURCE', `'${path}' belongs to the repository`);
      }
      if (above === at) break;
    }
  }
}
