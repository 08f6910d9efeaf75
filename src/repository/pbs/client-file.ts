/** Small text files that restat shares with the reference client. protocol.md §1.4. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { readBounded } from '../local/bounded-read.js';

/** Far more than such a file ever has, in bytes. */
const LIMIT = 1024 * 1024;

/** The text of a file; empty where there is none. Throws system errors, and RepositoryError for what is no such file. */
export async function readText(path: string): Promise<string> {
  try {
    return (await readBounded(path, LIMIT)).toString('utf8');
  } catch (error) {
    if (systemCode(error) === 'ARCHIVE_MISSING' || systemCode(error) === 'ENOTDIR') return '';
    throw error;
  }
}

/** Replaces a file in one step; it and directories that are made are for its owner only. Throws system errors. */
export async function replaceText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp_${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
