/** Reads whole files whose size is not to be trusted. */
import { constants, open } from 'node:fs/promises';
import { RepositoryError, systemCode } from '../errors.js';

/** The file's bytes; ARCHIVE_MISSING, or ARCHIVE_DAMAGED when it is longer than `limit` or not a regular file. */
export async function readBounded(path: string, limit: number): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT')
      throw new RepositoryError('ARCHIVE_MISSING', `${path} is missing`, { cause });
    throw cause;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new RepositoryError('ARCHIVE_DAMAGED', `${path} is not a regular file`);
    if (stat.size > limit) {
      throw new RepositoryError(
        'ARCHIVE_DAMAGED',
        `${path} has ${stat.size} bytes, at most ${limit} are possible`,
      );
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}
