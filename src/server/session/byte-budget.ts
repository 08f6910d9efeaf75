/** Memory for uploads: who wants more than there is waits, first come, first served. */

interface Waiter {
  readonly bytes: number;
  /** Called when its turn has come. */
  readonly enter: () => void;
}

/** Gives back what was taken; only the first call counts. */
export type GiveBack = () => void;

export class ByteBudget {
  readonly #limit: number;
  readonly #waiting: Waiter[] = [];
  #taken = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are taken now. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes bytes when there is room; more than the limit is taken when nothing else is. Rejects with the signal's reason when that is
   * aborted meanwhile.
   */
  async take(bytes: number, signal: AbortSignal): Promise<GiveBack> {
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, signal);
    else this.#taken += bytes;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= bytes;
      this.#letIn();
    };
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#limit;
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason);
        this.#letIn();
      };
      const waiter: Waiter = {
        bytes,
        enter: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#taken += next.bytes;
      next.enter();
    }
  }
}
