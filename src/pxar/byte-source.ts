/** Where archive bytes come from, and the block of them that a parser works on. */
import { PxarError } from './errors.js';

/** Random access to an archive's bytes: a file, a buffer, or chunks behind an index. */
export interface ByteSource {
  /** Length of the archive in bytes. */
  readonly size: number;
  /** Exactly the bytes [offset, offset + length); both lie within the size. The result must not change later. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** How much is read ahead at once, in bytes. */
const BLOCK_SIZE = 256 * 1024;

/**
 * The part of an archive that is in memory. A parser asks `holds` for what it is about to look at; when that says no, the
 * parser steps back to the start of its entry and the caller awaits `fill` there.
 */
export class Window {
  /** The bytes in memory, and the same as a view. Offsets into them are called `at`, offsets in the archive `position`. */
  block: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Position of block[0]. */
  start = 0;
  /** Position behind the last byte that a parser may look at. Set lower where the tree turns out to end earlier. */
  limit: number;
  readonly #source: ByteSource;
  readonly #archive: string;
  readonly #blockSize: number;
  #wanted = 0;

  /** A window on [0, limit) of a source; `archive` is the name in errors, `blockSize` the least that is read at once. */
  constructor(source: ByteSource, archive: string, limit = source.size, blockSize = BLOCK_SIZE) {
    this.#source = source;
    this.#archive = archive;
    this.#blockSize = blockSize;
    this.limit = limit;
  }

  /** True if block[at, at + length) is there; false if `fill` must be called first. PXAR_EOF beyond the limit. */
  holds(at: number, length: number): boolean {
    const end = at + length;
    if (this.start + end > this.limit) {
      throw new PxarError(
        'PXAR_EOF',
        this.#archive,
        this.start + at,
        `${length} bytes expected, the archive ends at ${this.limit}`,
      );
    }
    if (end <= this.block.length) return true;
    this.#wanted = this.start + end;
    return false;
  }

  /** Moves the window so that it starts at `position` and covers what `holds` missed last. */
  async fill(position: number): Promise<void> {
    // A block that began here already was too short: doubling keeps the re-reading linear.
    const grown = position === this.start ? 2 * this.block.length : 0;
    const length = Math.min(Math.max(this.#blockSize, grown, this.#wanted - position), this.limit - position);
    const block = await this.read(position, length);
    this.block = block;
    this.view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    this.start = position;
    this.#wanted = 0;
  }

  /** Bytes of the source at another place, within its size; the window stays. Throws PXAR_EOF where the source gives fewer. */
  async read(position: number, length: number): Promise<Buffer> {
    const bytes = await this.#source.read(position, length);
    if (bytes.length === length) return bytes;
    throw new PxarError(
      'PXAR_EOF',
      this.#archive,
      position,
      `${length} bytes asked, ${bytes.length} received`,
    );
  }
}

/** A source over bytes in memory. */
export function bufferSource(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}
