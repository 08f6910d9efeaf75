/** The dynamic index: which chunks, one after the other, make an archive. indexes-blobs-chunks.md §2. */
import { createHash } from 'node:crypto';
import { IndexError } from './errors.js';

/** Offsets in the header and its size. §2.1. */
const HEADER = { magic: 0, uuid: 8, ctime: 24, csum: 32 } as const;
export const HEADER_SIZE = 4096;
const MAGIC = Buffer.from('1c914ea519bab3cd', 'hex');
/** One entry: u64 end offset, 32 bytes digest. §2.2. */
export const ENTRY_SIZE = 40;
const DIGEST = 8;
const UUID_SIZE = 16;
const DIGEST_SIZE = 32;
/** Most entries that are read or written (4 GB of index). restat's own bound. */
export const MAX_ENTRIES = 100_000_000;
/** Longest index file that is worth reading, in bytes. */
export const MAX_INDEX_SIZE: number = HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE;

/** What an index is made of. */
export interface DynamicIndexParts {
  /** 16 random bytes. */
  readonly uuid: Buffer;
  /** Creation time, seconds since the epoch. */
  readonly ctime: number;
  /** Entries of 40 bytes as on disk: end offsets strictly increase. */
  readonly entries: Buffer;
}

/** A decoded index; a fixed one stands in memory as the dynamic one with the same chunks. Entries stay as they are on disk: an index of a million chunks is one buffer, not a million objects. */
export class DynamicIndex implements DynamicIndexParts {
  readonly uuid: Buffer;
  readonly ctime: number;
  readonly entries: Buffer;
  /** Number of chunks. */
  readonly count: number;
  /** Length of the archive in bytes. */
  readonly size: number;
  /** SHA-256 of the entries as the file has them, computed from them. The manifest must name the same. */
  readonly csum: Buffer;
  readonly #file: string;
  readonly #view: DataView;

  /** `file` is the name for errors; `stored` are the entries as the file has them. Throws IndexError. */
  constructor(parts: DynamicIndexParts, file: string, stored: Buffer = parts.entries) {
    this.uuid = parts.uuid;
    this.ctime = parts.ctime;
    this.entries = parts.entries;
    this.#file = file;
    this.#view = viewOf(parts.entries);
    this.count = checkEntries(this.#view, file);
    this.size = this.count === 0 ? 0 : this.end(this.count - 1);
    this.csum = createHash('sha256').update(stored).digest();
  }

  /** Offset behind chunk i. */
  end(i: number): number {
    return endAt(this.#view, i * ENTRY_SIZE);
  }

  /** Offset of chunk i. */
  start(i: number): number {
    return i === 0 ? 0 : this.end(i - 1);
  }

  /** Digest of chunk i: a view of the entries. */
  digest(i: number): Buffer {
    return this.entries.subarray(i * ENTRY_SIZE + DIGEST, (i + 1) * ENTRY_SIZE);
  }

  /** Number of the chunk that holds the byte at `offset`. Throws IndexError `INDEX_OFFSET` outside 0..size - 1. */
  chunkAt(offset: number): number {
    if (!(offset >= 0 && offset < this.size)) {
      throw new IndexError(
        'INDEX_OFFSET',
        this.#file,
        HEADER_SIZE,
        `offset ${offset} of an archive of ${this.size} bytes`,
      );
    }
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (offset < this.end(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Throws IndexError `INDEX_MISMATCH` unless checksum (hex) and size are those of the manifest. §2.2. */
  verify(csum: string, size: number): void {
    const found = this.csum.toString('hex');
    if (found !== csum || this.size !== size) {
      const problem = `${this.size} bytes with checksum ${found}, the manifest says ${size} bytes with ${csum}`;
      throw new IndexError('INDEX_MISMATCH', this.#file, HEADER_SIZE, problem);
    }
  }
}

/** Decodes an index file; the header's checksum is not trusted but computed again. `file` is its name. Throws IndexError. */
export function decodeDynamicIndex(bytes: Buffer, file: string): DynamicIndex {
  if (!bytes.subarray(HEADER.magic, MAGIC.length).equals(MAGIC)) {
    throw new IndexError('INDEX_MAGIC', file, HEADER.magic, 'not a dynamic index');
  }
  const length = bytes.length - HEADER_SIZE;
  if (length < 0 || length % ENTRY_SIZE !== 0) {
    throw new IndexError(
      'INDEX_LENGTH',
      file,
      bytes.length,
      `${bytes.length} bytes are not a header and whole entries`,
    );
  }
  const ctime = Number(bytes.readBigInt64LE(HEADER.ctime));
  if (!Number.isSafeInteger(ctime))
    throw new IndexError('INDEX_ENTRY', file, HEADER.ctime, `creation time ${ctime}`);
  const uuid = Buffer.from(bytes.subarray(HEADER.uuid, HEADER.uuid + UUID_SIZE));
  return new DynamicIndex({ uuid, ctime, entries: bytes.subarray(HEADER_SIZE) }, file);
}

/** The 4096 bytes before the entries. */
export function encodeDynamicHeader(uuid: Buffer, ctime: number, csum: Buffer): Buffer {
  if (uuid.length !== UUID_SIZE || csum.length !== DIGEST_SIZE || !Number.isSafeInteger(ctime)) {
    throw new RangeError(
      'an index header needs a UUID of 16 bytes, a checksum of 32 and a whole number of seconds',
    );
  }
  const header = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(header, HEADER.magic);
  uuid.copy(header, HEADER.uuid);
  header.writeBigInt64LE(BigInt(ctime), HEADER.ctime);
  csum.copy(header, HEADER.csum);
  return header;
}

/** Encodes an index file. Throws IndexError if the entries are not those of an index. */
export function encodeDynamicIndex(parts: DynamicIndexParts, file: string): Buffer {
  const { uuid, ctime, entries, csum } = new DynamicIndex(parts, file);
  return Buffer.concat([encodeDynamicHeader(uuid, ctime, csum), entries]);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The end offset at `at`; NaN above 2^53 - 1. */
function endAt(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + view.getUint32(at, true) : Number.NaN;
}

function checkEntries(view: DataView, file: string): number {
  const count = view.byteLength / ENTRY_SIZE;
  if (!Number.isInteger(count) || count > MAX_ENTRIES) {
    throw new IndexError('INDEX_LENGTH', file, HEADER_SIZE, `${view.byteLength} bytes of entries`);
  }
  let end = 0;
  for (let i = 0; i < count; i++) {
    const next = endAt(view, i * ENTRY_SIZE);
    if (!(next > end)) {
      throw new IndexError(
        'INDEX_ENTRY',
        file,
        HEADER_SIZE + i * ENTRY_SIZE,
        `chunk ends at ${next}, the one before at ${end}`,
      );
    }
    end = next;
  }
  return count;
}
