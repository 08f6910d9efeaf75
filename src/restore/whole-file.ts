/** Restores of files that are not extracted: the manifest, blobs, the raw stream of a single archive. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SnapshotReader } from '../repository/repository.js';
import { MANIFEST_NAME, serverName } from '../snapshot/archive-names.js';
import { RestoreError } from './errors.js';
import { streamBytes } from './stream.js';

export interface WholeFile {
  readonly bytes: AsyncIterable<Buffer> | readonly Buffer[];
  /** An existing target is replaced, not an error. */
  readonly replace: boolean;
}

/**
 * The bytes that `name` comes to: `index.json` the manifest's text, blobs their content, `.didx` archives their stream. Throws
 * RestoreError `RESTORE_PIPE` for a split archive.
 */
export async function wholeFile(snapshot: SnapshotReader, name: string): Promise<WholeFile> {
  const stored = serverName(name);
  if (stored === MANIFEST_NAME) return { bytes: [snapshot.manifestText], replace: true };
  if (stored.endsWith('.blob')) return { bytes: [await snapshot.blob(stored)], replace: false };
  if (stored.endsWith('.fidx')) {
    throw new RestoreError('RESTORE_ARCHIVE', `${stored}: this version does not restore images`);
  }
  const files = snapshot.files(name);
  if (files.kind === 'split') throw new RestoreError('RESTORE_PIPE', 'unable to pipe split archive');
  return { bytes: streamBytes(snapshot.open(await snapshot.index(files.name), 0)), replace: false };
}

/** Writes to a stream that stays open (standard output). */
export async function pipeTo(file: WholeFile, output: Writable, signal: AbortSignal): Promise<void> {
  await pipeline(Readable.from(file.bytes), output, { signal, end: false });
}

/** Writes a file; one that could not be completed is removed. Throws RestoreError `RESTORE_TARGET`. */
export async function writeTo(file: WholeFile, path: string, signal: AbortSignal): Promise<void> {
  const output = createWriteStream(path, { flags: file.replace ? 'w' : 'wx', mode: 0o600 });
  let created = false;
  output.once('open', () => {
    created = true;
  });
  try {
    await pipeline(Readable.from(file.bytes), output, { signal });
  } catch (cause) {
    if (created) await rm(path, { force: true });
    if (signal.aborted) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RestoreError('RESTORE_TARGET', `unable to create target file '${path}' - ${reason}`, { cause });
  }
}
