/** The fixed index: the chunks of an image, all of one size but the last. indexes-blobs-chunks.md §3. */
import { DynamicIndex, type DynamicIndexParts, ENTRY_SIZE, MAX_ENTRIES } from './dynamic-index.js';
import { IndexError } from './errors.js';

/** Offsets in the header and its size. §3.1. */
const HEADER = { magic: 0, uuid: 8, ctime: 24, csum: 32, size: 64, chunkSize: 72 } as const;
export const FIXED_HEADER_SIZE = 4096;
const MAGIC = Buffer.from('2f7f41ed91fd0fcd', 'hex');
/** One entry: the digest. §3.2. */
export const FIXED_ENTRY_SIZE = 32;
const UUID_SIZE = 16;
/** Chunk size of every fixed index that is written, in bytes. §6. */
export const FIXED_CHUNK_SIZE: number = 4 * 1024 * 1024;

/** What the header of a fixed index says. */
export interface FixedHeader {
  /** 16 random bytes. */
  readonly uuid: Buffer;
  /** Creation time, seconds since the epoch. */
  readonly ctime: number;
  /** SHA-256 of the entries. */
  readonly csum: Buffer;
  /** Length of the image in bytes, at least 1. */
  readonly size: number;
  /** A power of two. */
  readonly chunkSize: number;
}

/** How many chunks an image has. */
export function fixedCount({ size, chunkSize }: Pick<FixedHeader, 'size' | 'chunkSize'>): number {
  return Math.ceil(size / chunkSize);
}

/** The 4096 bytes before the entries. */
export function encodeFixedHeader({ uuid, ctime, csum, size, chunkSize }: FixedHeader): Buffer {
  const header = Buffer.alloc(FIXED_HEADER_SIZE);
  MAGIC.copy(header, HEADER.magic);
  uuid.copy(header, HEADER.uuid, 0, UUID_SIZE);
  header.writeBigInt64LE(BigInt(ctime), HEADER.ctime);
  csum.copy(header, HEADER.csum, 0, FIXED_ENTRY_SIZE);
  header.writeBigUInt64LE(BigInt(size), HEADER.size);
  header.writeBigUInt64LE(BigInt(chunkSize), HEADER.chunkSize);
  return header;
}

function isPowerOfTwo(value: number): boolean {
  // The logarithm alone is rounded.
  return Number.isSafeInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;
}

/**
 * Decodes the 4096 bytes before the entries of a file of `length` bytes; the checksum is not to be trusted. `file` is its name for
 * errors. Throws IndexError.
 */
export function decodeFixedHeader(header: Buffer, length: number, file: string): FixedHeader {
  if (!header.subarray(HEADER.magic, MAGIC.length).equals(MAGIC) || header.length < FIXED_HEADER_SIZE)
    throw new IndexError('INDEX_MAGIC', file, HEADER.magic, 'not a fixed index');
  const size = Number(header.readBigUInt64LE(HEADER.size));
  const chunkSize = Number(header.readBigUInt64LE(HEADER.chunkSize));
  if (!isPowerOfTwo(chunkSize) || !Number.isSafeInteger(size) || size < 1)
    throw new IndexError(
      'INDEX_ENTRY',
      file,
      HEADER.size,
      `an image of ${size} bytes in chunks of ${chunkSize}`,
    );
  if (length !== FIXED_HEADER_SIZE + FIXED_ENTRY_SIZE * fixedCount({ size, chunkSize }))
    throw new IndexError('INDEX_LENGTH', file, length, `${length} bytes for an image of ${size} bytes`);
  return {
    uuid: Buffer.from(header.subarray(HEADER.uuid, HEADER.uuid + UUID_SIZE)),
    ctime: Number(header.readBigInt64LE(HEADER.ctime)),
    csum: Buffer.from(header.subarray(HEADER.csum, HEADER.csum + FIXED_ENTRY_SIZE)),
    size,
    chunkSize,
  };
}

/** Entries of a dynamic index with the same chunks. */
function dynamicEntries(digests: Buffer, { size, chunkSize }: FixedHeader): Buffer {
  const count = digests.length / FIXED_ENTRY_SIZE;
  const entries = Buffer.allocUnsafe(count * ENTRY_SIZE);
  for (let i = 0; i < count; i += 1) {
    const end = Math.min((i + 1) * chunkSize, size);
    const at = i * ENTRY_SIZE;
    entries.writeUInt32LE(end % 2 ** 32, at);
    entries.writeUInt32LE(Math.floor(end / 2 ** 32), at + 4);
    digests.copy(entries, at + 8, i * FIXED_ENTRY_SIZE, (i + 1) * FIXED_ENTRY_SIZE);
  }
  return entries;
}

/** Decodes a fixed index file; the header's checksum is not trusted but computed again. `file` is its name. Throws IndexError. */
export function decodeFixedIndex(bytes: Buffer, file: string): DynamicIndex {
  const header = decodeFixedHeader(bytes.subarray(0, FIXED_HEADER_SIZE), bytes.length, file);
  const { uuid, ctime } = header;
  if (!Number.isSafeInteger(ctime))
    throw new IndexError('INDEX_ENTRY', file, HEADER.ctime, `creation time ${ctime}`);
  const digests = bytes.subarray(FIXED_HEADER_SIZE);
  if (digests.length > MAX_ENTRIES * FIXED_ENTRY_SIZE)
    throw new IndexError('INDEX_LENGTH', file, FIXED_HEADER_SIZE, `${digests.length} bytes of entries`);
  return new DynamicIndex({ uuid, ctime, entries: dynamicEntries(digests, header) }, file, digests);
}

/** The digests of an image whose chunks have 4 MiB, but the last. Throws IndexError for others. */
function digestsOf(index: DynamicIndex, file: string): Buffer {
  const { count, entries } = index;
  if (count === 0) throw new IndexError('INDEX_LENGTH', file, FIXED_HEADER_SIZE, 'an image without a byte');
  const digests = Buffer.allocUnsafeSlow(count * FIXED_ENTRY_SIZE);
  for (let i = 0; i < count; i += 1) {
    const at = i * FIXED_ENTRY_SIZE;
    const start = i * FIXED_CHUNK_SIZE;
    if (index.start(i) !== start || index.end(i) > start + FIXED_CHUNK_SIZE)
      throw new IndexError('INDEX_ENTRY', file, FIXED_HEADER_SIZE + at, 'a chunk that is not at its place');
    entries.copy(digests, at, (i + 1) * ENTRY_SIZE - FIXED_ENTRY_SIZE, (i + 1) * ENTRY_SIZE);
  }
  return digests;
}

/** The index of an image whose chunks have 4 MiB, but the last: with the checksum of the fixed index. Throws IndexError for others. */
export function fixedIndex(parts: DynamicIndexParts, file: string): DynamicIndex {
  return new DynamicIndex(parts, file, digestsOf(new DynamicIndex(parts, file), file));
}

/** Encodes the index of an image whose chunks have 4 MiB, but the last. Throws IndexError for others. */
export function encodeFixedIndex(parts: DynamicIndexParts, file: string): Buffer {
  const digests = digestsOf(new DynamicIndex(parts, file), file);
  const { uuid, ctime, csum, size } = new DynamicIndex(parts, file, digests);
  return Buffer.concat([
    encodeFixedHeader({ uuid, ctime, csum, size, chunkSize: FIXED_CHUNK_SIZE }),
    digests,
  ]);
}
