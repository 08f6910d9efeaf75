/** Bytes of injected chunks that no file of the new snapshot refers to: counted, and held against a budget. */
import type { LastInjected, PayloadMap } from './payload-map.js';
import type { Prices } from './plan.js';

export interface PaddingTotals {
  /** Injected index entries and their bytes. */
  readonly entries: number;
  readonly injectedBytes: number;
  /** Files reused, and their bytes with headers. */
  readonly files: number;
  readonly reusedBytes: number;
  /** Padding that is needed nowhere, and padding that stands elsewhere in the snapshot, too. */
  readonly dead: number;
  readonly duplicate: number;
  /** Injected entries with padding. */
  readonly partial: number;
}

/** Shares of the payload archive: everything, and what is dead. */
export interface PaddingBudget {
  readonly all: number;
  readonly dead: number;
}

/** What is planned before the budget is looked at. */
const LEAST_ENTRIES = 64;
const MOST_DOUBLINGS = 4;
const PAYLOAD_HEADER = 16;

export class Padding {
  readonly #map: PayloadMap;
  readonly #readsBetween: boolean;
  /** How many bytes of each entry reused files refer to. */
  readonly #inEntry: Float64Array;
  /** For each distinct chunk: how often it was injected, and how many of its bytes are referred to, in the entry with the most. */
  readonly #injected: Uint32Array;
  readonly #referenced: Float64Array;
  #entries = 0;
  #injectedBytes = 0;
  #files = 0;
  #reusedBytes = 0;
  /** With what belongs to the files in the reference beside their contents. */
  #coveredBytes = 0;
  #encodedBytes = 0;
  #dead = 0;
  #last: LastInjected | undefined;
  /** The entry as which the last chunk was injected; other entries may have the same. */
  #injection = -1;

  /** `readsBetween`: what is read comes to lie between what is reused. */
  constructor(map: PayloadMap, readsBetween: boolean) {
    this.#map = map;
    this.#readsBetween = readsBetween;
    this.#inEntry = new Float64Array(map.count);
    this.#injected = new Uint32Array(map.chunks);
    this.#referenced = new Float64Array(map.chunks);
  }

  /** A file is reused; neighbours share the entry that holds the end of one and the beginning of the next. */
  reuse(offset: number, size: number): void {
    const end = offset + PAYLOAD_HEADER + this.#map.covered(offset, size);
    const first = this.#map.entryAt(offset);
    const shares = this.#map.follows(first, offset, this.#last);
    this.#files += 1;
    this.#reusedBytes += PAYLOAD_HEADER + size;
    this.#coveredBytes += end - offset;
    let entry = first;
    for (; entry < this.#map.count && this.#map.start(entry) < end; entry += 1) {
      if (entry !== first || !shares) this.#inject(entry);
      this.#refer(Math.min(end, this.#map.ends[entry]!) - Math.max(offset, this.#map.start(entry)));
    }
    this.#last = { entry: entry - 1, offset };
  }

  /** A file is read: so many bytes of content come between what is injected. */
  encode(size: number): void {
    this.#encodedBytes += PAYLOAD_HEADER + size;
    if (this.#readsBetween) this.#last = undefined;
  }

  #inject(entry: number): void {
    this.#injection = entry;
    const chunk = this.#map.chunkOf(entry);
    const length = this.#map.length(entry);
    this.#entries += 1;
    this.#injectedBytes += length;
    this.#injected[chunk]! += 1;
    this.#dead += length - this.#referenced[chunk]!;
  }

  /** Bytes of the chunk that was injected last. */
  #refer(bytes: number): void {
    const chunk = this.#map.chunkOf(this.#injection);
    this.#inEntry[this.#injection]! += bytes;
    const more = this.#inEntry[this.#injection]! - this.#referenced[chunk]!;
    if (more <= 0) return;
    this.#referenced[chunk]! += more;
    this.#dead -= this.#injected[chunk]! * more;
  }

  /** Index entries injected so far. */
  get entries(): number {
    return this.#entries;
  }

  totals(): PaddingTotals {
    const dead = Math.max(0, this.#dead);
    let partial = 0;
    for (let entry = 0; entry < this.#map.count; entry += 1) {
      const chunk = this.#map.chunkOf(entry);
      if (this.#injected[chunk]! > 0 && this.#referenced[chunk]! < this.#map.length(entry)) partial += 1;
    }
    return {
      entries: this.#entries,
      injectedBytes: this.#injectedBytes,
      files: this.#files,
      reusedBytes: this.#reusedBytes,
      dead,
      duplicate: Math.max(0, this.#injectedBytes - this.#coveredBytes - dead),
      partial,
    };
  }

  /** Shares of what is planned so far; undefined while that is too little to tell. */
  shares(): PaddingBudget | undefined {
    if (this.#entries < LEAST_ENTRIES) return undefined;
    const planned = this.#injectedBytes + this.#encodedBytes;
    const all = Math.max(0, this.#injectedBytes - this.#coveredBytes);
    return { all: all / planned, dead: Math.max(0, this.#dead) / planned };
  }
}

/** Doubles the prices of padding while a budget is exceeded, and halves them when both are under half. */
export class BudgetedPrices {
  readonly #base: Prices;
  readonly #budget: PaddingBudget;
  #doublings: number;

  /** `reference` are the shares of padding in the reference, if they are known. */
  constructor(base: Prices, budget: PaddingBudget, reference: PaddingBudget | undefined) {
    this.#base = base;
    this.#budget = budget;
    this.#doublings = reference !== undefined && this.#exceeds(reference) ? 1 : 0;
  }

  get prices(): Prices {
    const factor = 2 ** this.#doublings;
    return {
      dead: this.#base.dead * factor,
      duplicate: this.#base.duplicate * factor,
      entry: this.#base.entry,
    };
  }

  /** Looks at the shares so far. */
  adjust(shares: PaddingBudget): void {
    const { all, dead } = this.#budget;
    if (this.#exceeds(shares)) this.#doublings = Math.min(MOST_DOUBLINGS, this.#doublings + 1);
    else if (shares.all < all / 2 && shares.dead < dead / 2)
      this.#doublings = Math.max(0, this.#doublings - 1);
  }

  #exceeds(shares: PaddingBudget): boolean {
    return shares.all > this.#budget.all || shares.dead > this.#budget.dead;
  }
}
