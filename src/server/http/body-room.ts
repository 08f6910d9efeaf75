/** Room for the bodies of calls: who comes when there is none is sent away. */
import { CallError } from './call-error.js';

/** One caller's share of the room: so many callers have to come before nobody else gets in. */
const CALLERS = 4;

/** What one body holds of the room. */
export interface BodyPlace {
  /** Makes the body longer. Throws CallError 503 where there is no room. */
  take(bytes: number): void;
  /** Gives everything back, once. */
  leave(): void;
}

/** All sizes in bytes. */
export class BodyRoom {
  readonly #limit: number;
  readonly #held = new Map<string, number>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Held now. */
  get used(): number {
    return this.#used;
  }

  /** Room for one body of a caller: all of his have a quarter together, but one alone may be longer. */
  enter(caller: string): BodyPlace {
    let own = 0;
    return {
      take: (bytes) => {
        const others = (this.#held.get(caller) ?? 0) - own;
        const tooMuch = others > 0 && others + own + bytes > this.#limit / CALLERS;
        if (tooMuch || this.#used + bytes > this.#limit)
          throw new CallError(503, 'too much data at once, try again later');
        own += bytes;
        this.#add(caller, bytes);
      },
      leave: () => this.#add(caller, -own),
    };
  }

  #add(caller: string, bytes: number): void {
    this.#used += bytes;
    const held = (this.#held.get(caller) ?? 0) + bytes;
    if (held === 0) this.#held.delete(caller);
    else this.#held.set(caller, held);
  }
}
