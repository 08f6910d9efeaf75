/**
 * Decides, file by file in archive order, what is reused. Until something in the archive has changed everything is; from
 * there on the plan decides, with prices that follow the padding budget.
 */
import type { PayloadMap } from './payload-map.js';
import { type OnDecision, type PlanOptions, type Prices, ReusePlan } from './plan.js';

/**
 * Candidates that wait for the first change. What lies further back shares no chunk with it, and is reused: its directories need not be
 * held.
 */
const KEPT = 8192;

export class ReuseDecider {
  readonly #plan: ReusePlan;
  readonly #decide: OnDecision;
  /** Nothing is new, changed or gone so far. */
  #untouched = true;
  /** Candidates that wait while everything is untouched: a ring. */
  readonly #offsets = new Float64Array(KEPT);
  readonly #sizes = new Float64Array(KEPT);
  #first = 0;
  #count = 0;

  constructor(map: PayloadMap, options: PlanOptions, decide: OnDecision) {
    this.#decide = decide;
    this.#plan = new ReusePlan(map, options, decide);
  }

  /** Prices from the next file on. */
  set prices(prices: Prices) {
    this.#plan.prices = prices;
  }

  /** An unchanged file whose old payload is at `offset`, with so many bytes of content. */
  candidate(offset: number, size: number): void {
    if (this.#untouched) this.#keep(offset, size);
    else this.#plan.candidate(offset, size);
  }

  #keep(offset: number, size: number): void {
    if (this.#count === KEPT) this.#reuseOldest();
    const at = (this.#first + this.#count) % KEPT;
    this.#offsets[at] = offset;
    this.#sizes[at] = size;
    this.#count += 1;
  }

  /** A file that must be read. */
  fresh(size: number): void {
    this.touched();
    this.#plan.fresh(size);
  }

  /** A file of the reference is not there any more; it was told to the map. */
  touched(): void {
    if (!this.#untouched) return;
    this.#untouched = false;
    for (; this.#count > 0; this.#count -= 1) {
      this.#plan.candidate(this.#offsets[this.#first]!, this.#sizes[this.#first]!);
      this.#first = (this.#first + 1) % KEPT;
    }
  }

  /** Decides on everything that waits. */
  finish(): void {
    for (; this.#untouched && this.#count > 0; this.#count -= 1) this.#decide(true);
    this.#plan.flush();
  }

  #reuseOldest(): void {
    const offset = this.#offsets[this.#first]!;
    this.#plan.reuseFirst(offset, this.#sizes[this.#first]!);
    this.#first = (this.#first + 1) % KEPT;
    this.#count -= 1;
    this.#decide(true);
  }
}
