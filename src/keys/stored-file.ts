/** Files of keys: read with a limit, written whole or not at all, for their owner only. */
import { close, constants, read } from 'node:fs';
import { lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { native } from '../native.js';
import { KeyError } from './errors.js';
import { secretBytes } from './secret-bytes.js';

const PRIVATE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function missing(path: string, cause: unknown): unknown {
  return codeOf(cause) === 'ENOENT'
    ? new KeyError('KEY_FILE_MISSING', `unable to read "${path}" - there is no such file`)
    : cause;
}

function exists(path: string, cause?: unknown): KeyError {
  const options = cause === undefined ? {} : { cause };
  return new KeyError(
    'KEY_EXISTS',
    `unable to store "${path}" - something of this name exists already`,
    options,
  );
}

const [readPart, closeDescriptor] = [promisify(read), promisify(close)];

/**
 * Reads at most `limit` bytes of a descriptor, into one buffer: streams leave copies behind. Undefined where there are more. What is not
 * handed out is overwritten.
 */
async function readAll(fd: number, limit: number): Promise<Buffer | undefined> {
  const bytes = secretBytes(limit + 1);
  let length = 0;
  try {
    while (length <= limit) {
      const { bytesRead } = await readPart(fd, bytes, length, bytes.length - length, null);
      if (bytesRead === 0) return bytes.subarray(0, length);
      length += bytesRead;
    }
  } catch (error) {
    bytes.fill(0);
    throw error;
  }
  bytes.fill(0);
  return undefined;
}

/**
 * The bytes of a file, which may hold a key: the caller wipes them. Symbolic links are followed, nothing is waited for. Throws KeyError
 * `KEY_FILE_MISSING`, `KEY_FILE_TYPE`, `KEY_FILE_SIZE`, and system errors.
 */
export async function readStored(path: string, limit: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw missing(path, cause);
  });
  try {
    if (!(await file.stat()).isFile()) throw new KeyError('KEY_FILE_TYPE', `"${path}" is not a regular file`);
    const bytes = await readAll(file.fd, limit);
    if (bytes === undefined) throw new KeyError('KEY_FILE_SIZE', `"${path}" has more than ${limit} bytes`);
    return bytes;
  } finally {
    await file.close();
  }
}

/** The same from a descriptor, which is closed. Throws KeyError `KEY_FILE_SIZE`, and `KEY_FILE_MISSING` where nothing can be read. */
export async function readDescriptor(fd: number, limit: number): Promise<Buffer> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readAll(fd, limit);
  } catch (cause) {
    throw new KeyError('KEY_FILE_MISSING', `unable to read descriptor ${fd}`, { cause });
  } finally {
    await closeDescriptor(fd).catch(() => undefined);
  }
  if (bytes === undefined)
    throw new KeyError('KEY_FILE_SIZE', `descriptor ${fd} has more than ${limit} bytes`);
  return bytes;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Throws KeyError `KEY_EXISTS` if there is anything of this name, a symbolic link to nowhere, too. */
export async function refuseExisting(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found !== undefined) throw exists(path);
}

export interface CreateOptions {
  /** Permission bits; 0600 unless told. */
  readonly mode?: number;
  /** Makes the directory, for its owner only. */
  readonly makeDirectory?: boolean;
}

/** Writes a new file and never over anything. Throws KeyError `KEY_EXISTS`, `KEY_FILE_MISSING` and system errors, with nothing left behind. */
export async function createStored(path: string, bytes: Buffer, options: CreateOptions = {}): Promise<void> {
  const directory = dirname(path);
  if (options.makeDirectory) await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
  const mode = options.mode ?? PRIVATE;
  try {
    await native.publishFile(directory, basename(path), bytes, { mode, sync: true });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw exists(path, error);
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new KeyError('KEY_FILE_MISSING', `unable to store "${path}" - there is no such directory`);
  }
  await syncDirectory(directory);
}

/**
 * Puts new content in the place of a file in one step, or makes the file. Where a symbolic link leads to the file, that one is replaced;
 * its owner stays, its mode becomes `mode`, 0600 unless told. A kill just before the end leaves a whole new file, with the same owner and mode,
 * beside the old one under a temporary name. Throws KeyError `KEY_FILE_TYPE`, `KEY_FILE_MISSING` and system errors, with the old content in place.
 */
export async function replaceStored(path: string, bytes: Buffer, options: CreateOptions = {}): Promise<void> {
  if (options.makeDirectory) await mkdir(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
  const target = await realpath(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (target === undefined) return createStored(path, bytes, options);
  const old = await stat(target);
  if (!old.isFile()) throw new KeyError('KEY_FILE_TYPE', `"${path}" is not a regular file`);
  const { uid, gid } = old;
  const mode = options.mode ?? PRIVATE;
  await native.publishFile(dirname(target), basename(target), bytes, {
    mode,
    uid,
    gid,
    replace: true,
    sync: true,
  });
  await syncDirectory(dirname(target));
}
