/** The entries of one open directory, as bytes. catalog.md §3, §4. */
import type { BlockOutput } from './block-output.js';
import { MAX_I, MAX_U, sizeOfU, writeI, writeU } from './varint.js';

/** Bytes that a table begins with, and the most that it keeps for the next directory of its depth. */
const FIRST_SIZE = 1024;
const KEPT_SIZE = 64 * 1024;
/** Up to here a loop is faster than a call. */
const SHORT_COPY = 64;

/**
 * Collects entries in the order of the calls: type and name, then the tail that the type asks for. The distance to a child's
 * block is known only when this directory's own block is written: until then it is a gap in the bytes.
 */
export class DirectoryTable {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #used = 0;
  #count = 0;
  /** For each gap where it is in the bytes and the position of the child's block. */
  #gaps: number[] = [];

  /** Forgets all entries. */
  clear(): void {
    if (this.#bytes.length > KEPT_SIZE) this.#bytes = Buffer.allocUnsafeSlow(FIRST_SIZE);
    this.#used = 0;
    this.#count = 0;
    this.#gaps = [];
  }

  /** Begins an entry called source[start, end). */
  begin(type: number, source: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#reserve(1 + MAX_U + length);
    this.#bytes[this.#used] = type;
    const at = writeU(this.#bytes, this.#used + 1, length);
    if (length > SHORT_COPY) source.copy(this.#bytes, at, start, end);
    else for (let i = 0; i < length; i++) this.#bytes[at + i] = source[start + i]!;
    this.#used = at + length;
    this.#count++;
  }

  /** Writes U(value) into the tail of the entry. */
  u(value: number): void {
    this.#reserve(MAX_U);
    this.#used = writeU(this.#bytes, this.#used, value);
  }

  /** Writes I(value) into the tail of the entry. */
  i(value: number | bigint): void {
    this.#reserve(MAX_I);
    this.#used = writeI(this.#bytes, this.#used, value);
  }

  /** Leaves a gap for the distance to the child's block at `position`. */
  distance(position: number): void {
    this.#gaps.push(this.#used, position);
  }

  /** Writes the directory's block and says where it begins. */
  write(output: BlockOutput): number {
    const start = output.position;
    output.u(this.#length(start));
    output.u(this.#count);
    let from = 0;
    for (let i = 0; i < this.#gaps.length; i += 2) {
      const gap = this.#gaps[i]!;
      output.copy(this.#bytes, from, gap);
      output.u(start - this.#gaps[i + 1]!);
      from = gap;
    }
    output.copy(this.#bytes, from, this.#used);
    return start;
  }

  /** Bytes of the table in a block that begins at `start`. */
  #length(start: number): number {
    let length = sizeOfU(this.#count) + this.#used;
    for (let i = 1; i < this.#gaps.length; i += 2) length += sizeOfU(start - this.#gaps[i]!);
    return length;
  }

  #reserve(length: number): void {
    const needed = this.#used + length;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#used);
    this.#bytes = grown;
  }
}
