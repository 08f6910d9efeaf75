/** One place that each session has for itself, so that it goes on, if slowly, whoever holds what all share. */
import type { GiveBack, Room } from './byte-budget.js';

export class OwnPlace implements Room {
  readonly #shared: Room;
  readonly #waiting = new Set<() => void>();
  #free = true;

  /** Who comes when the place is taken gets it later, or takes from `shared`, whichever can be had first. */
  constructor(shared: Room) {
    this.#shared = shared;
  }

  async take(bytes: number, signal: AbortSignal): Promise<GiveBack> {
    signal.throwIfAborted();
    if (!this.#free) return this.#takeEither(bytes, signal);
    this.#free = false;
    return this.#giveBack();
  }

  async #takeEither(bytes: number, signal: AbortSignal): Promise<GiveBack> {
    const own = new AbortController();
    const enter = (): void => own.abort();
    this.#waiting.add(enter);
    try {
      const shared = await this.#shared.take(bytes, AbortSignal.any([signal, own.signal]));
      // Both at once: one is enough.
      if (own.signal.aborted) this.#passOn();
      return shared;
    } catch (error) {
      if (!own.signal.aborted) throw error;
      if (!signal.aborted) return this.#giveBack();
      this.#passOn();
      throw signal.reason;
    } finally {
      this.#waiting.delete(enter);
    }
  }

  /** Gives the place back, once. */
  #giveBack(): GiveBack {
    let held = true;
    return () => {
      if (held) this.#passOn();
      held = false;
    };
  }

  #passOn(): void {
    const [next] = this.#waiting;
    this.#free = next === undefined;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
