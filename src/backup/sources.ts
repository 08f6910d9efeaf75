/** What is backed up: `NAME.pxar:PATH` (cli.md §2.1). */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ArchiveName, parseArchiveName } from '../snapshot/archive-names.js';
import { NameError } from '../snapshot/errors.js';
import { BackupError } from './errors.js';

export interface Source {
  readonly archive: ArchiveName;
  /** File-system path as given. */
  readonly path: string;
}

function parseSource(text: string): Source {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const path = colon < 0 ? '' : text.slice(colon + 1);
  try {
    if (path === '') throw new BackupError('BACKUP_SOURCE', `'${text}': a source looks like NAME.pxar:PATH`);
    const archive = parseArchiveName(name);
    if (!archive.endsWith('.pxar')) {
      throw new BackupError('BACKUP_SOURCE', `'${text}': this version backs up .pxar archives only`);
    }
    return { archive, path };
  } catch (cause) {
    if (!(cause instanceof NameError)) throw cause;
    throw new BackupError('BACKUP_SOURCE', `'${text}': ${cause.message}`, { cause });
  }
}

/** Parses sources; an archive name may stand only once. Throws BackupError `BACKUP_SOURCE`. */
export function parseSources(texts: readonly string[]): Source[] {
  const sources = texts.map(parseSource);
  const seen = new Set<string>();
  for (const { archive } of sources) {
    if (seen.has(archive)) throw new BackupError('BACKUP_SOURCE', `got target twice: '${archive}'`);
    seen.add(archive);
  }
  return sources;
}

async function checkSource({ path }: Source): Promise<void> {
  const info = await stat(path).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError('BACKUP_UNREADABLE', `unable to access '${path}' - ${reason}`, { cause });
  });
  if (info.isDirectory()) return;
  throw new BackupError('BACKUP_UNREADABLE', `got unexpected file type (expected directory): '${path}'`);
}

/** Sees that every source is a directory, before anything is begun. Throws BackupError `BACKUP_UNREADABLE`. */
export async function checkSources(sources: readonly Source[]): Promise<void> {
  for (const source of sources) await checkSource(source);
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
  for (const { path } of sources) {
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
