/** Judges the files of a live tree against the reference and decides, in archive order, what is reused. */
import { MATCH } from '../native-detect.js';
import { fileSize, statSeconds, statWord } from '../native-listing.js';
import { STAT, type StatRecords } from '../native-scan.js';
import type { Instant } from '../snapshot/run-notes.js';
import { BudgetedPrices, Padding, type PaddingBudget } from './padding.js';
import type { Prices } from './plan.js';
import { Reason } from './reasons.js';
import type { Reference } from './reference.js';
import type { LiveRows, ReferenceWalk, WalkEvents } from './reference-walk.js';
import { ReuseDecider } from './reuse-decider.js';
import { judge, type RacyRule, racyRule } from './unchanged.js';

export interface DetectorOptions {
  readonly prices: Prices;
  readonly budget: PaddingBudget;
  readonly now: Instant;
  /** What is read comes to lie between what is reused, in one stream. */
  readonly readsBetween: boolean;
  readonly onDamage: WalkEvents['onDamage'];
}

/** Rows of a directory with the verdicts on them. */
export interface JudgedRows extends LiveRows {
  /** Rows that are files with contents of their own, in order. */
  readonly files: readonly number[];
  /** For each row (from `first` on) why it is read; final once nothing is undecided. */
  readonly reasons: Uint8Array;
  /** For each row the position of its old PAYLOAD header. */
  readonly payloads: Float64Array;
  /** How many of the files wait for their decisions. */
  undecided: number;
}

const PAYLOAD_HEADER = 16;
/** Decided rows are dropped from the queue so many at a time. */
const FORGET_AFTER = 1024;
/** Index entries between two looks at the padding. */
const LOOK_EVERY = 64;

/** A time of a record; seconds beyond 2^53 are rounded, which nobody can tell from racy or not. */
function instantAt(stats: StatRecords, row: number, seconds: number, nanoseconds: number): Instant {
  return {
    seconds: Number(statSeconds(stats, row, seconds)),
    nanoseconds: statWord(stats, row, nanoseconds),
  };
}

export class Detector {
  readonly padding: Padding;
  readonly #reference: Reference;
  readonly #walk: ReferenceWalk;
  readonly #decider: ReuseDecider;
  readonly #prices: BudgetedPrices;
  readonly #racy: RacyRule;
  /** Rows with undecided files, oldest first. */
  readonly #waiting: JudgedRows[] = [];
  #firstWaiting = 0;
  #nextLook = LOOK_EVERY;

  constructor(reference: Reference, options: DetectorOptions) {
    this.#reference = reference;
    this.padding = new Padding(reference.map, options.readsBetween);
    this.#racy = racyRule(reference.start, options.now);
    this.#prices = new BudgetedPrices(options.prices, options.budget, reference.map.shares());
    const plan = { prices: this.#prices.prices, readsBetween: options.readsBetween };
    this.#decider = new ReuseDecider(reference.map, plan, (reuse) => this.#decided(reuse));
    this.#walk = reference.follow({
      onGone: (payloads) => this.#forget(payloads),
      onDamage: options.onDamage,
    });
  }

  begin(): Promise<void> {
    return this.#walk.begin();
  }

  enter(name: Buffer): Promise<void> {
    return this.#walk.enter(name);
  }

  leave(): Promise<void> {
    return this.#walk.leave();
  }

  /** Compares rows; `files` says which of them are files with contents of their own. */
  async judge(rows: LiveRows, files: readonly number[]): Promise<JudgedRows> {
    const { matches, payloads } = await this.#walk.compare(rows);
    // A further name of a file is read only where the first one was not stored after all.
    const reasons = new Uint8Array(rows.last - rows.first).fill(Reason.hardlink);
    const judged: JudgedRows = { ...rows, files, payloads, reasons, undecided: files.length };
    if (files.length > 0) this.#waiting.push(judged);
    for (const row of files) this.#judgeFile(judged, row, matches[row - rows.first]!);
    return judged;
  }

  /** Decides on everything that waits. */
  finish(): void {
    this.#decider.finish();
  }

  #forget(payloads: Float64Array): void {
    for (const payload of payloads) this.#reference.map.forget(payload);
    this.#decider.touched();
  }

  #judgeFile(rows: JudgedRows, row: number, match: number): void {
    const { stats, first, payloads } = rows;
    const size = fileSize(stats, row);
    const payload = payloads[row - first]!;
    const times = {
      mtime: instantAt(stats, row, STAT.mtime, STAT.mtimeNs),
      // An equal one: that of the file is the one recorded.
      ctime: this.#walk.comparesCtime ? instantAt(stats, row, STAT.ctime, STAT.ctimeNs) : undefined,
    };
    let reason = judge(match, times, this.#racy);
    if (reason === Reason.reused) reason = this.#payloadProblem(payload, size);
    rows.reasons[row - first] = reason;
    if (reason === Reason.reused) {
      this.#decider.candidate(payload, this.#reference.map.covered(payload, size));
      return;
    }
    if ((match & MATCH.file) !== 0) this.#reference.map.forget(payload);
    this.#decider.fresh(size);
  }

  /** What speaks against using an old payload, or `reused`. */
  #payloadProblem(payload: number, size: number): Reason {
    const { map, present, untrusted } = this.#reference;
    if (untrusted.has(payload)) return Reason.untrusted;
    const end = payload + PAYLOAD_HEADER + size;
    if (!(payload >= PAYLOAD_HEADER && end <= map.size)) return Reason.payload;
    for (let entry = map.entryAt(payload); entry < map.count && map.start(entry) < end; entry += 1) {
      if (present[entry] !== 1) return Reason.chunkMissing;
    }
    return Reason.reused;
  }

  /** Looks at the padding whenever so many more entries are planned. */
  #followBudget(): void {
    if (this.padding.entries < this.#nextLook) return;
    this.#nextLook = this.padding.entries + LOOK_EVERY;
    const shares = this.padding.shares();
    if (shares === undefined) return;
    this.#prices.adjust(shares);
    this.#decider.prices = this.#prices.prices;
  }

  /** The decision on the next file that waits. */
  #decided(reuse: boolean): void {
    const rows = this.#waiting[this.#firstWaiting]!;
    const row = rows.files[rows.files.length - rows.undecided]!;
    const at = row - rows.first;
    if (!reuse && rows.reasons[at] === Reason.reused) rows.reasons[at] = Reason.padding;
    if (reuse) this.padding.reuse(rows.payloads[at]!, fileSize(rows.stats, row));
    else this.padding.encode(fileSize(rows.stats, row));
    this.#followBudget();
    rows.undecided -= 1;
    if (rows.undecided > 0) return;
    this.#firstWaiting += 1;
    if (this.#firstWaiting < FORGET_AFTER) return;
    this.#waiting.splice(0, this.#firstWaiting);
    this.#firstWaiting = 0;
  }
}
