/** What was seen of a directory's children, kept to check its goodbye table. pxar.md §5.2. */
import { native } from '../native.js';

const FIRST_CAPACITY = 16;
const KEPT_CAPACITY = 4096;
const NUMBERS = 3;
const POSITION = 0;
const SPAN = 1;
const EXTRA = 2;

/** Rows of one open directory in archive order: name hash, FILENAME position, span, and size of a referenced payload. */
export class Children {
  count = 0;
  /** Hashes as u64, and the same memory as pairs of u32 words (low, high). */
  #hashes = new BigUint64Array(FIRST_CAPACITY);
  #words = new Uint32Array(this.#hashes.buffer);
  #numbers = new Float64Array(FIRST_CAPACITY * NUMBERS);
  #marks = new Uint8Array(FIRST_CAPACITY);

  /** Adds a child whose end is not known yet. `extra` is what a goodbye row's size may add to the span. */
  add(name: Buffer, position: number, extra: number): void {
    if (this.count === this.#marks.length) this.#resize(this.#marks.length * 2);
    const i = this.count++;
    this.#hashes[i] = native.nameHash(name);
    this.#numbers[i * NUMBERS + POSITION] = position;
    this.#numbers[i * NUMBERS + EXTRA] = extra;
    this.#marks[i] = 0;
  }

  /** Says where the child that was added last ends. */
  close(end: number): void {
    const at = (this.count - 1) * NUMBERS;
    this.#numbers[at + SPAN] = end - this.#numbers[at + POSITION]!;
  }

  /** FILENAME position of child i. */
  position(i: number): number {
    return this.#numbers[i * NUMBERS + POSITION]!;
  }

  /** Name hash of child i: its low and high 32 bits, unsigned. */
  low(i: number): number {
    return this.#words[2 * i]!;
  }

  high(i: number): number {
    return this.#words[2 * i + 1]!;
  }

  /** Forgets all children; keeps the memory unless it became large. */
  clear(): void {
    this.count = 0;
    if (this.#marks.length > KEPT_CAPACITY) this.#resize(FIRST_CAPACITY);
  }

  /** True if a row of a goodbye table describes a child, and it is the first row that describes it. Sizes: §5.2. */
  claim(low: number, high: number, position: number, size: number): boolean {
    const i = this.#find(position);
    if (i < 0 || this.#marks[i] !== 0) return false;
    this.#marks[i] = 1;
    const span = this.#numbers[i * NUMBERS + SPAN]!;
    const sizeFits = size === span || size === span + this.#numbers[i * NUMBERS + EXTRA]!;
    return sizeFits && this.#words[2 * i] === low && this.#words[2 * i + 1] === high;
  }

  /** Positions ascend, because children were added in archive order. */
  #find(position: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.position(middle);
      if (found === position) return middle;
      if (found < position) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #resize(capacity: number): void {
    const hashes = new BigUint64Array(capacity);
    hashes.set(this.#hashes.subarray(0, this.count));
    this.#hashes = hashes;
    this.#words = new Uint32Array(hashes.buffer);
    const numbers = new Float64Array(capacity * NUMBERS);
    numbers.set(this.#numbers.subarray(0, this.count * NUMBERS));
    this.#numbers = numbers;
    const marks = new Uint8Array(capacity);
    marks.set(this.#marks.subarray(0, this.count));
    this.#marks = marks;
  }
}
