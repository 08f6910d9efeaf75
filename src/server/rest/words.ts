/** What a server says when something is not there or not possible. rest-api.md §1.2, §3.1. */
import { RepositoryError, type RepositoryErrorCode } from '../../repository/errors.js';
import { CallError } from '../http/call-error.js';

export const NO_FILE = 'No such file or directory (os error 2)';
/** What most calls say of a missing group or snapshot. */
export const ENOENT = 'ENOENT: No such file or directory';

/** What a call says for some of the repository's errors. */
export type Words = Readonly<Partial<Record<RepositoryErrorCode, string>>>;

const COMMON: Words = { SNAPSHOT_MISSING: ENOENT, GROUP_MISSING: ENOENT };

/** The error that a client gets: a repository's error in a server's words, anything else as it is. */
export function inWords(error: unknown, words: Words = {}): unknown {
  if (!(error instanceof RepositoryError)) return error;
  const message = words[error.code] ?? COMMON[error.code] ?? error.message;
  return new CallError(400, message, { cause: error });
}

/** The result of `work`; what it throws is said in these words. */
export async function withWords<T>(words: Words, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inWords(error, words);
  }
}

/** A directory that should be there. */
export function noDirectory(path: string): string {
  return `read dir ${JSON.stringify(path)} - ${ENOENT}`;
}
