/** Lets a few costly computations run at once, and a few more wait. */
import { AccessError } from './errors.js';

export interface GateOptions {
  /** How many run at once. */
  readonly running: number;
  /** How many may wait; who comes then is sent away. */
  readonly waiting: number;
}

export class Gate {
  readonly #o: GateOptions;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(options: GateOptions) {
    this.#o = options;
  }

  /** Runs `work` when there is room, first come, first served. Throws AccessError `ACCESS_BUSY`, and what `work` throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#o.running) {
      this.#running += 1;
      return;
    }
    if (this.#queue.length >= this.#o.waiting)
      throw new AccessError('ACCESS_BUSY', 'too many logins at once, try again later');
    await new Promise<void>((resolve) => {
      this.#queue.push(resolve);
    });
  }

  /** Who waits longest takes the place of who leaves. */
  #leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
