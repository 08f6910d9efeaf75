/** Files of a server's state that hold secrets: nobody else may read them, write them or put them there. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { systemCode } from '../../repository/errors.js';

export interface PrivateFileOptions {
  /** Longest file, in bytes. */
  readonly limit: number;
  /** Whose the file may be beside root's and this process's: ids of users. */
  readonly owners?: readonly number[];
  /** The error for a file that is not what it should be. */
  refuse(message: string): Error;
}

/** What is wrong with a file, and how to mend it; undefined where nothing is. */
function problemOf(
  path: string,
  stat: Stats,
  { limit, owners = [] }: PrivateFileOptions,
): string | undefined {
  if (!stat.isFile()) return `${path} is not a regular file`;
  if (![0, process.geteuid?.() ?? 0, ...owners].includes(stat.uid))
    return `${path} belongs to user ${stat.uid}, who could change it: run the server as that user, or chown it to the one that it runs as`;
  if ((stat.mode & 0o077) !== 0)
    return `${path} must be for its owner only, or others get to know or change what is in it: chmod 600 ${path}`;
  if (stat.size > limit) return `${path} has ${stat.size} bytes, at most ${limit} are possible`;
  return undefined;
}

/**
 * The file's text; undefined where there is none. What is looked at is what is read; a symbolic link is not followed. Throws what `refuse`
 * makes for a file that is not for its owner only, belongs to somebody else, is too long or no file, and system errors.
 */
export async function readPrivateFile(
  path: string,
  options: PrivateFileOptions,
): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw systemCode(error) === 'ELOOP' ? options.refuse(`${path} is a symbolic link`) : error;
  }
  try {
    const problem = problemOf(path, await file.stat(), options);
    if (problem !== undefined) throw options.refuse(problem);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
