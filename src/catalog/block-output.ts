/** Collects the bytes of a catalog in blocks of memory and hands full ones on. */
import { MAX_U, writeU } from './varint.js';

/** Bytes handed on at once. */
const BLOCK_SIZE = 256 * 1024;

/** Takes over a piece of the catalog: the writer does not touch it again. */
export type OnBlock = (block: Buffer) => void;

/** Appends bytes and numbers to a stream of buffers of at most 256 KiB. */
export class BlockOutput {
  /** Bytes written so far, handed on or not. */
  position = 0;
  readonly #onBlock: OnBlock;
  #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_SIZE);
  #used = 0;

  constructor(onBlock: OnBlock) {
    this.#onBlock = onBlock;
  }

  /** Copies source[start, end). */
  copy(source: Buffer, start: number, end: number): void {
    for (let from = start; from < end; ) {
      if (this.#used === BLOCK_SIZE) this.flush();
      const length = Math.min(end - from, BLOCK_SIZE - this.#used);
      source.copy(this.#block, this.#used, from, from + length);
      this.#advance(length);
      from += length;
    }
  }

  /** Writes U(value) of a non-negative whole number. */
  u(value: number): void {
    if (this.#used + MAX_U > BLOCK_SIZE) this.flush();
    this.#advance(writeU(this.#block, this.#used, value) - this.#used);
  }

  /** Hands on what is left. */
  flush(): void {
    if (this.#used === 0) return;
    const block = this.#block.subarray(0, this.#used);
    this.#block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
    this.#used = 0;
    this.#onBlock(block);
  }

  #advance(length: number): void {
    this.#used += length;
    this.position += length;
  }
}
