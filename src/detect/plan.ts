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
  /** Of an injected index entry, and of a change from reused to re-encoded where what is read stands between. In bytes. */
  readonly entry: number;
}

export interface PlanOptions {
  readonly prices: Prices;
  /** What is read comes to lie between what is reused: it keeps neighbours from sharing a chunk, and costs an entry. */
  readonly readsBetween: boolean;
}

/** Gets the decision on each file, in the order in which the files were added. */
export type OnDecision = (reuse: boolean) => void;

/** Files that wait for a decision at most. */
export const WINDOW = 65_536;
/** How many more files come between two looks whether the decisions agree. */
const LOOK_EVERY = 1024;
const PAYLOAD_HEADER = 16;
const IMPOSSIBLE = Number.POSITIVE_INFINITY;

/** The two states that a way can be in: the next file may share the entry that was injected last, or not. */
const OPEN = 1;
const CLOSED = 0;
/** For each waiting file: the state that its CLOSED and its OPEN came from, and whether the way to its OPEN reads it. */
const CLOSED_FROM = 0b001;
const OPEN_FROM = 0b010;
const OPEN_READS = 0b100;
/** A file that is read in any case and leaves both states as they are. */
const PASSED = OPEN_FROM | OPEN_READS;

export class ReusePlan {
  readonly #map: PayloadMap;
  readonly #decide: OnDecision;
  #prices: Prices;
  readonly #readsBetween: boolean;
  /** Costs of the cheapest ways to both states. */
  #open = IMPOSSIBLE;
  #closed = 0;
  readonly #ways = new Uint8Array(WINDOW);
  #waiting = 0;
  #nextLook = LOOK_EVERY;
  /** Last index entry and offset of the candidate before, while the next one may share that entry. */
  #lastEntry = -1;
  #lastOffset = -1;

  constructor(map: PayloadMap, { prices, readsBetween }: PlanOptions, decide: OnDecision) {
    this.#map = map;
    this.#prices = prices;
    this.#readsBetween = readsBetween;
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
    this.#open = 0;
    this.#closed = IMPOSSIBLE;
    this.#lastEntry = this.#map.entryAt(offset + PAYLOAD_HEADER + size - 1);
    this.#lastOffset = offset;
  }

  /** A file that must be read, with so many bytes of content: where it stands between others, everything before it is decided. */
  fresh(size: number): void {
    if (!this.#readsBetween) {
      this.#push(PASSED);
      this.#look();
      return;
    }
    const closing = this.#open + this.#prices.entry;
    this.#push(closing < this.#closed ? CLOSED_FROM : 0);
    this.#closed = Math.min(closing, this.#closed) + PAYLOAD_HEADER + size;
    this.#open = IMPOSSIBLE;
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
    this.#reuseOrRead(alone, shared, length, last === this.#lastEntry);
    this.#lastEntry = last;
    this.#lastOffset = offset;
    this.#look();
  }

  /** Takes both states one file further; `within`: the file lies in the entry that was injected last. */
  #reuseOrRead(alone: number, shared: number, length: number, within: boolean): void {
    const [open, closed] = [this.#open, this.#closed];
    const sharing = open + alone - shared;
    const anew = closed + alone;
    // Of equal costs the one that reads less.
    let way = sharing <= anew ? OPEN_FROM : 0;
    this.#open = Math.min(sharing, anew);
    const reading = !this.#readsBetween && within ? open + length : IMPOSSIBLE;
    if (reading < this.#open) {
      way = OPEN_FROM | OPEN_READS;
      this.#open = reading;
    }
    const closing = open + (this.#readsBetween ? this.#prices.entry : 0) + length;
    if (closing <= closed + length) way |= CLOSED_FROM;
    this.#closed = Math.min(closing, closed + length);
    this.#push(way);
  }

  /** Decides on everything that waits. */
  flush(): void {
    this.#decideUpTo(this.#waiting, this.#open <= this.#closed ? OPEN : CLOSED);
    this.#nextLook = LOOK_EVERY;
  }

  #look(): void {
    if (this.#waiting === WINDOW) this.#settle();
    else if (this.#waiting >= this.#nextLook) this.#decideAgreed();
  }

  /** The window is full: the cheaper way so far is taken, and the other one is closed. */
  #settle(): void {
    const isOpen = this.#open <= this.#closed;
    this.flush();
    if (isOpen) this.#closed = IMPOSSIBLE;
    else this.#open = IMPOSSIBLE;
  }

  #push(way: number): void {
    this.#ways[this.#waiting] = way;
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
    let a: 0 | 1 = OPEN;
    let b: 0 | 1 = CLOSED;
    let i = this.#waiting - 1;
    for (; i >= 0; i -= 1) {
      a = this.#cameFrom(i, a);
      b = this.#cameFrom(i, b);
      if (a === b) break;
    }
    // Both ways are in one state behind file i - 1, and so before it.
    if (i > 0) this.#decideUpTo(i, a);
    this.#nextLook = this.#waiting + LOOK_EVERY;
  }

  #cameFrom(i: number, state: 0 | 1): 0 | 1 {
    const from = state === OPEN ? OPEN_FROM : CLOSED_FROM;
    return (this.#ways[i]! & from) !== 0 ? OPEN : CLOSED;
  }

  /** Hands out the decisions on the first `count` waiting files, behind which the way is in that state. */
  #decideUpTo(count: number, last: 0 | 1): void {
    if (count === 0) return;
    const decisions = new Uint8Array(count);
    let state = last;
    for (let i = count - 1; i >= 0; i -= 1) {
      decisions[i] = state === OPEN && (this.#ways[i]! & OPEN_READS) === 0 ? 1 : 0;
      state = this.#cameFrom(i, state);
    }
    this.#ways.copyWithin(0, count, this.#waiting);
    this.#waiting -= count;
    for (const decision of decisions) this.#decide(decision === 1);
  }
}
