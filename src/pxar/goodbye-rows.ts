/** The rows of a directory that is being written. pxar.md §5.2, §5.3. */
import { native } from '../native.js';
import { ROW_SIZE, readU64, writeU64 } from './format.js';

const FIRST_ROWS = 16;
const KEPT_ROWS = 4096;
const OFFSET = 8;
const SIZE = 16;

/** Rows hold FILENAME positions until `order` turns them into distances. The memory is used again for the next directory. */
export class GoodbyeRows {
  count = 0;
  /** Rows 0..count - 1. */
  bytes: Buffer = Buffer.alloc(FIRST_ROWS * ROW_SIZE);
  #view: DataView = viewOf(this.bytes);

  /** Adds a child with its hash (8 bytes at hash[hashOffset]), FILENAME position and size. */
  add(hash: Buffer, hashOffset: number, position: number, size: number): void {
    const at = this.count * ROW_SIZE;
    if (at === this.bytes.length) this.#resize(this.bytes.length * 2);
    for (let i = 0; i < 8; i++) this.bytes[at + i] = hash[hashOffset + i]!;
    writeU64(this.#view, at + OFFSET, position);
    writeU64(this.#view, at + SIZE, size);
    this.count++;
  }

  /** Sets the size of the child that was added last: that of a directory is known when it ends. */
  closeLast(end: number): void {
    const at = (this.count - 1) * ROW_SIZE;
    writeU64(this.#view, at + SIZE, end - readU64(this.#view, at + OFFSET));
  }

  /** Makes offsets distances back from `goodbye` and puts the rows in search-tree order. */
  order(goodbye: number): void {
    const end = this.count * ROW_SIZE;
    for (let at = OFFSET; at < end; at += ROW_SIZE)
      writeU64(this.#view, at, goodbye - readU64(this.#view, at));
    native.goodbyeOrder(this.bytes.subarray(0, end));
  }

  /** Forgets all rows; keeps the memory unless it became large. */
  clear(): void {
    this.count = 0;
    if (this.bytes.length > KEPT_ROWS * ROW_SIZE) this.#resize(FIRST_ROWS * ROW_SIZE);
  }

  #resize(length: number): void {
    const bytes = Buffer.alloc(length);
    this.bytes.copy(bytes, 0, 0, this.count * ROW_SIZE);
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
