/**
 * The reuse plan: which unchanged files keep their old chunks and which are read again, so that the cost is least
 * (design: the reuse plan). Exact, linear, three values per file.
 */
import type { LastInjected, PayloadMap } from './payload-map.js';

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

/**
 * The states that a way can be in, by what the next file may share the chunk injected last with: a file of the archive's tree (or of a
 * payload stream), one of its appendix, or nothing.
 */
const CLOSED = 2;
type State = 0 | 1 | typeof CLOSED;
const STATES: readonly State[] = [0, 1, CLOSED];

/** For each state of a waiting file: which state the cheapest way to it came from, and whether that way reads the file. */
const FROM = 0b011;
const READS = 0b100;
const WIDTH = 3;

/** A file that is read in any case and leaves all states as they are. */
const PASSED: number = STATES.reduce<number>((ways, state) => ways | ((state | READS) << (WIDTH * state)), 0);

export class ReusePlan {
  readonly #map: PayloadMap;
  readonly #decide: OnDecision;
  #prices: Prices;
  readonly #readsBetween: boolean;
  /** Cost of the cheapest way to each state, before and behind the file that is looked at. */
  #cost: [number, number, number] = [IMPOSSIBLE, IMPOSSIBLE, 0];
  #next: [number, number, number] = [IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE];
  #nextWays = 0;
  readonly #ways = new Uint16Array(WINDOW);
  #waiting = 0;
  #nextLook = LOOK_EVERY;
  /** By state: the candidate that the next file may share a chunk with. */
  #last: readonly (LastInjected | undefined)[] = [];

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
    const own = this.#partOf(offset);
    this.#cost = [IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE];
    this.#cost[own] = 0;
    this.#setLast(own, { entry: this.#map.entryAt(offset + PAYLOAD_HEADER + size - 1), offset });
  }

  /** A file that must be read, with so many bytes of content: where it stands between others, everything before it is decided. */
  fresh(size: number): void {
    if (!this.#readsBetween) {
      this.#push(PASSED);
      this.#look();
      return;
    }
    const length = PAYLOAD_HEADER + size;
    this.#consider(CLOSED, CLOSED, length, true);
    this.#consider(0, CLOSED, this.#prices.entry + length, true);
    this.#advance();
    this.#last = [];
    this.flush();
  }

  /** An unchanged file whose old payload is at `offset`, with so many bytes of content. */
  candidate(offset: number, size: number): void {
    const length = PAYLOAD_HEADER + size;
    const first = this.#map.entryAt(offset);
    const last = this.#map.entryAt(offset + length - 1);
    const own = this.#partOf(offset);
    const other = own === 0 ? 1 : 0;
    const follows = this.#map.follows(first, offset, this.#last[own]);
    const alone = this.#spanCost(first, last) - this.#prices.duplicate * length;
    // Of equal costs the way that reads less: it is considered first.
    this.#consider(own, own, alone - (follows ? this.#entryCost(first) : 0), false);
    this.#consider(other, own, alone, false);
    this.#consider(CLOSED, own, alone, false);
    if (this.#readsBetween) {
      this.#consider(own, CLOSED, this.#prices.entry + length, true);
    } else {
      // What lies in a chunk that is there leaves it open, also when it is read.
      this.#consider(own, follows && first === last ? own : CLOSED, length, true);
      this.#consider(other, other, length, true);
    }
    this.#consider(CLOSED, CLOSED, length, true);
    this.#advance();
    this.#setLast(own, { entry: last, offset });
    this.#look();
  }

  /** Decides on everything that waits. */
  flush(): void {
    this.#decideUpTo(this.#waiting, this.#cheapest());
    this.#nextLook = LOOK_EVERY;
  }

  #partOf(offset: number): 0 | 1 {
    return this.#map.isAppendix(offset) ? 1 : 0;
  }

  #setLast(own: 0 | 1, last: LastInjected): void {
    this.#last = own === 0 ? [last, this.#last[1]] : [this.#last[0], last];
  }

  /** A way from one state to another, over the file that is looked at. */
  #consider(from: State, to: State, cost: number, reads: boolean): void {
    const total = this.#cost[from] + cost;
    if (total >= this.#next[to]) return;
    this.#next[to] = total;
    const shift = WIDTH * to;
    this.#nextWays = (this.#nextWays & ~((FROM | READS) << shift)) | ((from | (reads ? READS : 0)) << shift);
  }

  /** All ways over the file have been considered. */
  #advance(): void {
    this.#push(this.#nextWays);
    [this.#cost, this.#next] = [this.#next, this.#cost];
    this.#next.fill(IMPOSSIBLE);
    this.#nextWays = 0;
  }

  #push(ways: number): void {
    this.#ways[this.#waiting] = ways;
    this.#waiting += 1;
  }

  #cheapest(): State {
    return STATES.reduce((best, state) => (this.#cost[state] < this.#cost[best] ? state : best));
  }

  #look(): void {
    if (this.#waiting === WINDOW) this.#settle();
    else if (this.#waiting >= this.#nextLook) this.#decideAgreed();
  }

  /** The window is full: the cheapest way so far is taken, and the others are closed. */
  #settle(): void {
    const best = this.#cheapest();
    this.flush();
    for (const state of STATES) if (state !== best) this.#cost[state] = IMPOSSIBLE;
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

  /** Decides on the files on which the cheapest ways to all states agree. */
  #decideAgreed(): void {
    let states = STATES.filter((state) => this.#cost[state] < IMPOSSIBLE);
    let i = this.#waiting - 1;
    for (; i >= 0; i -= 1) {
      states = states.map((state) => this.#cameFrom(i, state));
      if (states.every((state) => state === states[0])) break;
    }
    // All ways are in one state behind file i - 1, and so before it.
    if (i > 0) this.#decideUpTo(i, states[0]!);
    this.#nextLook = this.#waiting + LOOK_EVERY;
  }

  #cameFrom(i: number, state: State): State {
    return STATES[(this.#ways[i]! >> (WIDTH * state)) & FROM]!;
  }

  /** Hands out the decisions on the first `count` waiting files, behind which the way is in that state. */
  #decideUpTo(count: number, last: State): void {
    if (count === 0) return;
    const decisions = new Uint8Array(count);
    let state = last;
    for (let i = count - 1; i >= 0; i -= 1) {
      decisions[i] = ((this.#ways[i]! >> (WIDTH * state)) & READS) === 0 ? 1 : 0;
      state = this.#cameFrom(i, state);
    }
    this.#ways.copyWithin(0, count, this.#waiting);
    this.#waiting -= count;
    for (const decision of decisions) this.#decide(decision === 1);
  }
}
