/** The fixed index: the chunks of an image, all of one size but the last. indexes-blobs-chunks.md §3. */
import { IndexError } from './errors.js';

/** Offsets in the header and its size. §3.1. */
const HEADER = { magic: 0, uuid: 8, ctime: 24, csum: 32, size: 64, chunkSize: 72 } as const;
export const FIXED_HEADER_SIZE = 4096;
const MAGIC = Buffer.from('2f7f41ed91fd0fcd', 'hex');
/** One entry: the digest. §3.2. */
export const FIXED_ENTRY_SIZE = 32;
const UUID_SIZE = 16;

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
  return Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
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
