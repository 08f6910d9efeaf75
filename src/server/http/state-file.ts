/** Small files of a server's state: secret, and made once. */
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { native } from '../../native.js';
import { systemCode } from '../../repository/errors.js';
import { readBounded } from '../../repository/local/bounded-read.js';
import { syncDirectory } from '../../repository/local/durability.js';
import { ServeError } from './serve-error.js';

/** Longest file, in bytes. */
const LIMIT = 64 * 1024;

/** A file that only its owner may touch. Throws ServeError `SERVE_STATE` otherwise, and system errors. */
async function readPrivate(path: string): Promise<string> {
  const text = (await readBounded(path, LIMIT)).toString('utf8');
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new ServeError('SERVE_STATE', `${path} must be for its owner only (mode 0600)`);
  return text;
}

async function create(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await native.publishFile(directory, basename(path), Buffer.from(text), { mode: 0o600, sync: true });
  } catch (error) {
    // Somebody else was faster, whose file counts.
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  await syncDirectory(directory);
}

/** The text of a file, which is made, with its directory, where there is none. Throws as said above. */
export async function readOrCreate(path: string, make: () => string): Promise<string> {
  try {
    return await readPrivate(path);
  } catch (error) {
    if (systemCode(error) !== 'ARCHIVE_MISSING') throw error;
  }
  await create(path, make());
  return readPrivate(path);
}
