/** The beginning of a body, copied: a part as it came holds memory of the connection, a hundred times its own size where parts are tiny. */

/** Bytes that are copied into one buffer. */
const BLOCK = 64 * 1024;

export class KeptBytes {
  readonly #limit: number;
  readonly #full: Buffer[] = [];
  #block: Buffer = Buffer.alloc(0);
  /** Bytes of the block that are used. */
  #used = 0;
  #length = 0;

  /** Keeps so many bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds what follows; what is too much is left out. */
  add(part: Buffer): void {
    const end = Math.min(part.length, this.#limit - this.#length);
    for (let at = 0; at < end; ) {
      if (this.#used === this.#block.length) this.#begin();
      const copied = part.copy(this.#block, this.#used, at, end);
      at += copied;
      this.#used += copied;
      this.#length += copied;
    }
  }

  /** What is kept. */
  parts(): readonly Buffer[] {
    return [...this.#full, this.#block.subarray(0, this.#used)];
  }

  #begin(): void {
    if (this.#used > 0) this.#full.push(this.#block);
    this.#block = Buffer.allocUnsafeSlow(Math.min(BLOCK, this.#limit - this.#length));
    this.#used = 0;
  }
}
