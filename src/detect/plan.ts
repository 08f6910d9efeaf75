/**
 * The reuse plan: which unchanged files keep their old chunks and which are read again, so that the cost is least
 * (design: the reuse plan). Exact, linear, two values per file.
 */
import type { PayloadMap } from './payload-map.js';

/** Prices of the plan, per byte and per entry. */
export interface Prices {
  /** Of an injected byte that nothing needs. */
  readonly dead: number;
  /** Of an injected byte that a file elsewhere in the snapshot refers to. */
  readonly duplicate: number;
  /** Of an injected index entry, and of a change from reused to re-encoded. In bytes. */
  readonly entry: number;
}

/** Gets the decision on each file, in the order in which the files were added. */
export type OnDecision = (reuse: boolean) => void;

/** Files that wait for a decision at most. */
export const WINDOW = 65_536;
/** How many more files come between two looks whether the decisions agree. */
const LOOK_EVERY = 1024;
const PAYLOAD_HEADER = 16;
const IMPOSSIBLE = Number.POSITIVE_INFINITY;

/** Which of the two states the cheapest way came from. */
const FROM_REUSED = 1;
const FROM_ENCODED = 0;

export class ReusePlan {
  readonly #map: PayloadMap;
  readonly #decide: OnDecision;
  #prices: Prices;
  /** Cost of the cheapest way that ends with the last file reused or encoded. */
  #reused = IMPOSSIBLE;
  #encoded = 0;
  /** For each waiting file: bit 0, where its `encoded` came from; bit 1, where its `reused` came from. */
  readonly #from = new Uint8Array(WINDOW);
  #waiting = 0;
  #nextLook = LOOK_EVERY;
  /** Last index entry and offset of the file before, while that one may be reused. */
  #lastEntry = -1;
  #lastOffset = -1;

  constructor(map: PayloadMap, prices: Prices, decide: OnDecision) {
    this.#map = map;
    this.#prices = prices;
    this.#decide = decide;
  }

  /** Files that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Prices from the next file on. */
  set prices(prices: Prices) {
    this.#prices = prices;
  }

  /** A file that is reused before the plan begins to decide: the next one may share its last entry. */
  reuseFirst(offset: number, size: number): void {
    this.#reused = 0;
    this.#encoded = IMPOSSIBLE;
    this.#lastEntry = this.#map.entryAt(offset + PAYLOAD_HEADER + size - 1);
    this.#lastOffset = offset;
  }

  /** A file that must be read, with so many bytes of content: everything before it is decided. */
  fresh(size: number): void {
    const viaReused = this.#reused + this.#prices.entry;
    const from = viaReused < this.#encoded ? FROM_REUSED : FROM_ENCODED;
    this.#push(from);
    this.#encoded = Math.min(viaReused, this.#encoded) + PAYLOAD_HEADER + size;
    this.#reused = IMPOSSIBLE;
    this.#lastEntry = -1;
    this.flush();
  }

  /** An unchanged file whose old payload is at `offset`, with so many bytes of content. */
  candidate(offset: number, size: number): void {
    const length = PAYLOAD_HEADER + size;
    const first = this.#map.entryAt(offset);
    const last = this.#map.entryAt(offset + length - 1);
    const sharing = first === this.#lastEntry && offset > this.#lastOffset;
    const shared = sharing ? this.#entryCost(first) : 0;
    const alone = this.#spanCost(first, last) - this.#prices.duplicate * length;

    const reusedFromReused = this.#reused + alone - shared;
    const reusedFromEncoded = this.#encoded + alone;
    const encodedFromReused = this.#reused + this.#prices.entry + length;
    const encodedFromEncoded = this.#encoded + length;
    // Of equal costs the one that reads less.
    const reusedFrom = reusedFromReused <= reusedFromEncoded ? FROM_REUSED : FROM_ENCODED;
    const encodedFrom = encodedFromReused <= encodedFromEncoded ? FROM_REUSED : FROM_ENCODED;
    this.#push(encodedFrom | (reusedFrom << 1));
    this.#reused = Math.min(reusedFromReused, reusedFromEncoded);
    this.#encoded = Math.min(encodedFromReused, encodedFromEncoded);
    this.#lastEntry = last;
    this.#lastOffset = offset;
    if (this.#waiting === WINDOW) this.#settle();
    else if (this.#waiting >= this.#nextLook) this.#decideAgreed();
  }

  /** Decides on everything that waits. */
  flush(): void {
    const reuse = this.#reused <= this.#encoded;
    this.#decideUpTo(this.#waiting, reuse);
    this.#nextLook = LOOK_EVERY;
  }

  /** The window is full: the cheaper way so far is taken, and the other one is closed. */
  #settle(): void {
    const reuse = this.#reused <= this.#encoded;
    this.flush();
    if (reuse) this.#encoded = IMPOSSIBLE;
    else this.#reused = IMPOSSIBLE;
  }

  #push(from: number): void {
    this.#from[this.#waiting] = from;
    this.#waiting += 1;
  }

  #entryCost(entry: number): number {
    const { used, dead } = this.#map.bytes(entry);
    return this.#prices.entry + this.#prices.dead * dead + this.#prices.duplicate * used;
  }

  #spanCost(first: number, last: number): number {
    let cost = 0;
    for (let entry = first; entry <= last; entry += 1) cost += this.#entryCost(entry);
    return cost;
  }

  /** Decides on the files on which the cheapest ways to both states agree. */
  #decideAgreed(): void {
    let a: 0 | 1 = FROM_REUSED;
    let b: 0 | 1 = FROM_ENCODED;
    let i = this.#waiting - 1;
    for (; i >= 0; i -= 1) {
      a = this.#cameFrom(i, a);
      b = this.#cameFrom(i, b);
      if (a === b) break;
    }
    // File i - 1 has the same decision on both ways, and so have all before it.
    if (i > 0) this.#decideUpTo(i, a === FROM_REUSED);
    this.#nextLook = this.#waiting + LOOK_EVERY;
  }

  #cameFrom(i: number, state: 0 | 1): 0 | 1 {
    return ((this.#from[i]! >> state) & 1) === 1 ? FROM_REUSED : FROM_ENCODED;
  }

  /** Hands out the decisions on the first `count` waiting files, of which the last is decided as given. */
  #decideUpTo(count: number, lastReused: boolean): void {
    if (count === 0) return;
    const decisions = new Uint8Array(count);
    let state: 0 | 1 = lastReused ? FROM_REUSED : FROM_ENCODED;
    for (let i = count - 1; i >= 0; i -= 1) {
      decisions[i] = state;
      state = this.#cameFrom(i, state);
    }
    this.#from.copyWithin(0, count, this.#waiting);
    this.#waiting -= count;
    for (const decision of decisions) this.#decide(decision === FROM_REUSED);
  }
}
