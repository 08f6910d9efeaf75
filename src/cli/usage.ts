/** Turns what is wrong with a word of the command line into a usage error. */
import { BackupError } from '../backup/errors.js';
import { RepositoryError } from '../repository/errors.js';
import { NameError } from '../snapshot/errors.js';
import { UsageError } from './errors.js';

function isAboutWords(error: unknown): error is Error {
  if (error instanceof NameError) return error.code !== 'NAME_ARCHIVE_UNKNOWN';
  if (error instanceof BackupError) return error.code === 'BACKUP_SOURCE' || error.code === 'BACKUP_PATTERN';
  return error instanceof RepositoryError && error.code === 'REPOSITORY_SPEC';
}

/**
 * Runs a parser of command-line words. Names, sources, patterns and repositories that break their grammar become UsageError
 * (exit code 2) for the command; everything else passes.
 */
export function parseWords<T>(command: readonly string[], parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (isAboutWords(cause)) throw new UsageError(cause.message, command, { cause });
    throw cause;
  }
}
