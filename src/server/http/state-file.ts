/** Small files of a server's state: secret, and made once. */
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { native } from '../../native.js';
import { systemCode } from '../../repository/errors.js';
import { syncDirectory } from '../../repository/local/durability.js';
import { readPrivateFile } from '../access/private-file.js';
import { ServeError } from './serve-error.js';

/** Longest file, in bytes. */
const LIMIT = 64 * 1024;

/** A file that only its owner may touch. Throws ServeError `SERVE_STATE` otherwise, and system errors. */
function read(path: string): Promise<string | undefined> {
  const refuse = (message: string): ServeError => new ServeError('SERVE_STATE', message);
  return readPrivateFile(path, { limit: LIMIT, refuse });
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
  const known = await read(path);
  if (known !== undefined) return known;
  await create(path, make());
  return (await read(path)) ?? '';
}
