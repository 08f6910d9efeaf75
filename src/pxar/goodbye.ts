/** Goodbye tables: their tail row, and the search tree that their rows form. pxar.md §5. */
import { PxarError } from './errors.js';
import { ROW_SIZE, readU64, TAIL_HIGH, TAIL_LOW } from './format.js';

/** Offsets in a row. */
const HASH = 0;
const OFFSET = 8;
const SIZE = 16;

/** The content of a GOODBYE item: rows of children, then the tail row. */
export class GoodbyeTable {
  /** Number of children. */
  readonly count: number;
  /** Position of the GOODBYE item. */
  readonly goodbye: number;
  readonly #view: DataView;
  readonly #archive: string;

  /** `content` is what follows the item's header at `goodbye`. Throws PxarError if the tail row is not one. */
  constructor(content: Buffer, goodbye: number, archive: string) {
    this.#view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    this.#archive = archive;
    this.goodbye = goodbye;
    if (content.length < ROW_SIZE || content.length % ROW_SIZE !== 0) {
      throw this.fail(`table of ${content.length} bytes is not whole rows of ${ROW_SIZE}`);
    }
    this.count = content.length / ROW_SIZE - 1;
    const tail = this.count * ROW_SIZE;
    if (this.#view.getInt32(tail, true) !== TAIL_LOW || this.#view.getInt32(tail + 4, true) !== TAIL_HIGH) {
      throw this.fail('no tail marker in the last row');
    }
  }

  fail(problem: string): PxarError {
    return new PxarError('PXAR_GOODBYE', this.#archive, this.goodbye, problem);
  }

  /** Name hash of row i as its low and high 32 bits, unsigned. */
  low(i: number): number {
    return this.#view.getUint32(i * ROW_SIZE + HASH, true);
  }

  high(i: number): number {
    return this.#view.getUint32(i * ROW_SIZE + HASH + 4, true);
  }

  /** Position of the FILENAME that row i points to; NaN or negative if the row is damaged. */
  position(i: number): number {
    return this.goodbye - readU64(this.#view, i * ROW_SIZE + OFFSET);
  }

  /** Size in row i; NaN if it is above 2^53 - 1. */
  size(i: number): number {
    return readU64(this.#view, i * ROW_SIZE + SIZE);
  }

  /** Position of the directory that the tail row points to. */
  get start(): number {
    return this.position(this.count);
  }

  /** Full size of the GOODBYE item as the tail row says. */
  get itemSize(): number {
    return this.size(this.count);
  }

  /** Row numbers in the order of the search tree: hashes ascend in a table that is in order. §5.3. */
  *inOrder(): Generator<number> {
    const stack: number[] = [];
    let i = 0;
    while (stack.length > 0 || i < this.count) {
      for (; i < this.count; i = 2 * i + 1) stack.push(i);
      const row = stack.pop();
      if (row === undefined) return;
      yield row;
      i = 2 * row + 2;
    }
  }

  /** Throws PxarError unless every look-up by hash finds its row. §5.3. */
  checkOrder(): void {
    let low = 0;
    let high = 0;
    for (const i of this.inOrder()) {
      const nextLow = this.low(i);
      const nextHigh = this.high(i);
      if (nextHigh < high || (nextHigh === high && nextLow < low))
        throw this.fail(`row ${i} is out of order`);
      low = nextLow;
      high = nextHigh;
    }
  }

  /** Numbers of all rows with this hash. §5.4. */
  find(hash: bigint): number[] {
    const found: number[] = [];
    const pending = [0];
    for (let i = pending.pop(); i !== undefined; i = pending.pop()) {
      if (i >= this.count) continue;
      const row = (BigInt(this.high(i)) << 32n) | BigInt(this.low(i));
      if (row === hash) found.push(i);
      if (hash >= row) pending.push(2 * i + 2);
      if (hash <= row) pending.push(2 * i + 1);
    }
    return found;
  }
}
