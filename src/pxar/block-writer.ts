/** Collects bytes in blocks and hands full blocks on. */
import { HEADER_SIZE, TYPE_HIGH, TYPE_LOW, writeU64 } from './format.js';

/** Bytes of a block. */
const BLOCK_SIZE = 256 * 1024;
/** Up to here a loop is faster than a call that makes a view of the source. */
const SHORT_COPY = 256;

/** Takes over a block: the writer does not touch it again. */
export type OnBlock = (block: Buffer) => void;

/** Appends items to a stream of blocks of at most 256 KiB. */
export class BlockWriter {
  /** Bytes written so far, flushed or not. */
  position = 0;
  readonly #onBlock: OnBlock;
  #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_SIZE);
  #view: DataView = new DataView(this.#block.buffer);
  #used = 0;

  constructor(onBlock: OnBlock) {
    this.#onBlock = onBlock;
  }

  /** Bytes of the block that is being filled. */
  get buffered(): number {
    return this.#used;
  }

  /** Counts bytes that somebody else puts into the stream here. */
  skip(length: number): void {
    this.position += length;
  }

  /** Writes an item header: `content` is the size of what follows. */
  header(item: number, content: number): void {
    this.#reserve(HEADER_SIZE);
    const at = this.#used;
    this.#view.setInt32(at, TYPE_LOW[item]!, true);
    this.#view.setInt32(at + 4, TYPE_HIGH[item]!, true);
    writeU64(this.#view, at + 8, HEADER_SIZE + content);
    this.#advance(HEADER_SIZE);
  }

  number(value: number): void {
    this.#reserve(8);
    writeU64(this.#view, this.#used, value);
    this.#advance(8);
  }

  /** Writes two 32-bit words, the low one first. */
  words(low: number, high: number): void {
    this.#reserve(8);
    this.#view.setInt32(this.#used, low, true);
    this.#view.setInt32(this.#used + 4, high, true);
    this.#advance(8);
  }

  zero(): void {
    this.#reserve(1);
    this.#block[this.#used] = 0;
    this.#advance(1);
  }

  /** Copies source[start, end). */
  copy(source: Buffer, start: number, end: number): void {
    for (let from = start; from < end; ) {
      this.#reserve(1);
      const length = Math.min(end - from, BLOCK_SIZE - this.#used);
      if (length <= SHORT_COPY) this.#copyShort(source, from, length);
      else source.copy(this.#block, this.#used, from, from + length);
      this.#advance(length);
      from += length;
    }
  }

  /** Hands on what is left in the last block. */
  flush(): void {
    if (this.#used === 0) return;
    const block = this.#block.subarray(0, this.#used);
    this.#block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
    this.#view = new DataView(this.#block.buffer);
    this.#used = 0;
    this.#onBlock(block);
  }

  #copyShort(source: Buffer, from: number, length: number): void {
    const block = this.#block;
    const to = this.#used;
    for (let i = 0; i < length; i++) block[to + i] = source[from + i]!;
  }

  #reserve(length: number): void {
    if (this.#used + length > BLOCK_SIZE) this.flush();
  }

  #advance(length: number): void {
    this.#used += length;
    this.position += length;
  }
}
