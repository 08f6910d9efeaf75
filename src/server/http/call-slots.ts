/** How many calls, or sessions, run at once: in all, and of each caller. */
import { CallError } from './call-error.js';

export interface CallSlotsOptions {
  readonly calls: number;
  readonly callsPerCaller: number;
  /** What is said to who comes too much. */
  readonly refusal?: string;
}

export class CallSlots {
  readonly #o: CallSlotsOptions;
  readonly #running = new Map<string, number>();
  #all = 0;

  constructor(options: CallSlotsOptions) {
    this.#o = options;
  }

  /** Runs a call of a caller. Throws CallError 503 where there is no room, and what the call throws. */
  async run<T>(caller: string, call: () => Promise<T>): Promise<T> {
    const own = this.#running.get(caller) ?? 0;
    if (this.#all >= this.#o.calls || own >= this.#o.callsPerCaller)
      throw new CallError(503, this.#o.refusal ?? 'too many calls at once, try again later');
    this.#all += 1;
    this.#running.set(caller, own + 1);
    try {
      return await call();
    } finally {
      this.#all -= 1;
      this.#leave(caller);
    }
  }

  #leave(caller: string): void {
    const left = (this.#running.get(caller) ?? 1) - 1;
    if (left === 0) this.#running.delete(caller);
    else this.#running.set(caller, left);
  }
}
