/** Reads index files piece by piece, however long they are. indexes-blobs-chunks.md §2, §3. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ENTRY_SIZE, HEADER_SIZE } from '../../snapshot/dynamic-index.js';
import { IndexError } from '../../snapshot/errors.js';
import { decodeFixedHeader, FIXED_ENTRY_SIZE } from '../../snapshot/fixed-index.js';
import { MAX_PLAIN } from './session-limits.js';

const DYNAMIC_MAGIC = '1c914ea519bab3cd';
/** Entries that are in memory at one time. */
const ENTRIES = 4096;

/** One chunk of an index; `digest` is valid until the next one. */
export interface ListedChunk {
  readonly digest: Buffer;
  readonly size: number;
}

export interface IndexSummary {
  /** SHA-256 of the entries in hex, computed from them. */
  readonly csum: string;
  /** Length of the archive. */
  readonly size: number;
}

async function* entriesOf(file: FileHandle, size: number, length: number): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(ENTRIES * size);
  for (let at = HEADER_SIZE; at < length; ) {
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, length - at), at);
    const whole = bytesRead - (bytesRead % size);
    if (whole === 0) return;
    yield piece.subarray(0, whole);
    at += whole;
  }
}

/** The end of a chunk must lie behind its start, and not too far. */
function dynamicSize(entry: Buffer, start: number, name: string): number {
  const size = Number(entry.readBigUInt64LE(0)) - start;
  if (size >= 1 && size <= MAX_PLAIN) return size;
  throw new IndexError('INDEX_ENTRY', name, HEADER_SIZE, `a chunk of ${size} bytes`);
}

async function readHeader(file: FileHandle, name: string): Promise<{ header: Buffer; length: number }> {
  const header = Buffer.alloc(HEADER_SIZE);
  const { bytesRead } = await file.read(header, 0, HEADER_SIZE, 0);
  const { size } = await file.stat();
  if (bytesRead === HEADER_SIZE) return { header, length: size };
  throw new IndexError('INDEX_LENGTH', name, bytesRead, 'shorter than a header');
}

async function scanDynamic(
  file: FileHandle,
  name: string,
  each: (chunk: ListedChunk) => void,
): Promise<IndexSummary> {
  const { header, length } = await readHeader(file, name);
  if (header.toString('hex', 0, 8) !== DYNAMIC_MAGIC)
    throw new IndexError('INDEX_MAGIC', name, 0, 'not a dynamic index');
  const hash = createHash('sha256');
  let end = 0;
  for await (const piece of entriesOf(file, ENTRY_SIZE, length)) {
    hash.update(piece);
    for (let at = 0; at < piece.length; at += ENTRY_SIZE) {
      const entry = piece.subarray(at, at + ENTRY_SIZE);
      const size = dynamicSize(entry, end, name);
      end += size;
      each({ digest: entry.subarray(ENTRY_SIZE - FIXED_ENTRY_SIZE), size });
    }
  }
  return { csum: hash.digest('hex'), size: end };
}

async function scanFixed(
  file: FileHandle,
  name: string,
  each: (chunk: ListedChunk) => void,
): Promise<IndexSummary> {
  const { header, length } = await readHeader(file, name);
  const { size, chunkSize } = decodeFixedHeader(header, length, name);
  if (chunkSize > MAX_PLAIN) throw new IndexError('INDEX_ENTRY', name, 0, `chunks of ${chunkSize} bytes`);
  const hash = createHash('sha256');
  let start = 0;
  for await (const piece of entriesOf(file, FIXED_ENTRY_SIZE, length)) {
    hash.update(piece);
    for (let at = 0; at < piece.length; at += FIXED_ENTRY_SIZE) {
      each({ digest: piece.subarray(at, at + FIXED_ENTRY_SIZE), size: Math.min(chunkSize, size - start) });
      start += chunkSize;
    }
  }
  return { csum: hash.digest('hex'), size };
}

/** The digests of a fixed index in pieces, each valid until the next one. Throws system errors. */
export async function* fixedDigests(file: FileHandle): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  yield* entriesOf(file, FIXED_ENTRY_SIZE, size);
}

/** Goes through the chunks of `NAME.didx` or `NAME.fidx`. Throws IndexError, what `each` throws, and system errors. */
export function scanIndex(
  file: FileHandle,
  name: string,
  each: (chunk: ListedChunk) => void,
): Promise<IndexSummary> {
  return name.endsWith('.fidx') ? scanFixed(file, name, each) : scanDynamic(file, name, each);
}
