/** Room for the bodies of calls: who comes when there is none is sent away. */
import { CallError } from './call-error.js';

export class BodyRoom {
  readonly #limit: number;
  #used = 0;

  /** In bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are held now. */
  get used(): number {
    return this.#used;
  }

  /** Throws CallError 503 where there is no room. */
  take(bytes: number): void {
    if (this.#used + bytes > this.#limit) throw new CallError(503, 'too much data at once, try again later');
    this.#used += bytes;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}
