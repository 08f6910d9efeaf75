/** Restores of files that are neither extracted nor images: the manifest, blobs, the raw stream of a single archive. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { native } from '../native.js';
import type { SnapshotReader } from '../repository/repository.js';
import { MANIFEST_NAME, serverName } from '../snapshot/archive-names.js';
import { RestoreError } from './errors.js';
import { streamBytes } from './stream.js';

export type WholeFile =
  | { readonly bytes: AsyncIterable<Buffer> | readonly Buffer[]; readonly replace: false }
  /** An existing target is replaced as a whole, not an error. */
  | { readonly bytes: readonly [Buffer]; readonly replace: true };

/**
 * The bytes that `name` comes to: `index.json` the manifest's text, blobs their content, `.didx` archives their stream. Throws
 * RestoreError `RESTORE_PIPE` for a split archive.
 */
export async function wholeFile(snapshot: SnapshotReader, name: string): Promise<WholeFile> {
  const stored = serverName(name);
  if (stored === MANIFEST_NAME) return { bytes: [snapshot.manifestText], replace: true };
  if (stored.endsWith('.blob')) return { bytes: [await snapshot.blob(stored)], replace: false };
  const files = snapshot.files(name);
  if (files.kind === 'split')
    throw new RestoreError('RESTORE_PIPE', 'unable to pipe split archive - use --format tar|zip');
  return { bytes: streamBytes(snapshot.open(await snapshot.index(files.name), 0)), replace: false };
}

/** Puts a new file in the place of `path`: links are not followed, and nothing is lost when writing fails. */
export async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const whole = resolve(path);
  try {
    await native.publishFile(dirname(whole), basename(whole), bytes, { mode: 0o600, replace: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RestoreError('RESTORE_TARGET', `unable to create target file '${path}' - ${reason}`, { cause });
  }
}

/** From a system call, as all errors of a file that is written are. */
function isSystemError(error: unknown): boolean {
  return (
    error instanceof Error && 'syscall' in error && (error.syscall === 'open' || error.syscall === 'write')
  );
}

/** Writes to a stream that stays open (standard output). */
export async function pipeTo(file: WholeFile, output: Writable, signal: AbortSignal): Promise<void> {
  await pipeline(Readable.from(file.bytes), output, { signal, end: false });
}

/**
 * Writes a file; one that could not be completed is removed. Throws RestoreError `RESTORE_TARGET` where the file is to blame, and what
 * making its bytes throws.
 */
export async function writeTo(file: WholeFile, path: string, signal: AbortSignal): Promise<void> {
  if (file.replace) return replaceFile(path, file.bytes[0]);
  const output = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  let created = false;
  output.once('open', () => {
    created = true;
  });
  try {
    await pipeline(Readable.from(file.bytes), output, { signal });
  } catch (cause) {
    if (created) await rm(path, { force: true });
    if (signal.aborted || output.errored !== cause || !isSystemError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RestoreError('RESTORE_TARGET', `unable to create target file '${path}' - ${reason}`, { cause });
  }
}
