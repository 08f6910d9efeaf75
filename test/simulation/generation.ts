/** One simulated backup: decisions, the new stream, and what it costs. */
import { BudgetedPrices, Padding, type PaddingBudget } from '../../src/detect/padding.js';
import type { Prices } from '../../src/detect/plan.js';
import { ReuseDecider } from '../../src/detect/reuse-decider.js';
import { greedy, HEADER } from '../support/plan-cost.js';
import { cutRun, type Digests, type ModelFile, type ModelIndex, modelMap } from './payload-model.js';

/** How files are decided on. */
export type Rule =
  | { readonly kind: 'greedy' }
  | {
      readonly kind: 'plan';
      /** Prices for a reference with entries of this mean length. */
      readonly prices: (meanChunk: number | undefined) => Prices;
      readonly budget: PaddingBudget | undefined;
    };

export interface Outcome {
  readonly index: ModelIndex;
  /** Bytes of unchanged files that were read again. */
  readonly reread: number;
  readonly duplicate: number;
  readonly dead: number;
  readonly size: number;
  /** Bytes of chunks that the store did not have. */
  readonly stored: number;
}

const LOOK_EVERY = 64;

function decideByPlan(
  files: readonly ModelFile[],
  map: ReturnType<typeof modelMap>,
  rule: Rule & { kind: 'plan' },
): boolean[] {
  const decisions: boolean[] = [];
  const account = new Padding(map, true);
  const prices = rule.prices(map.meanChunk);
  const budgeted =
    rule.budget === undefined ? undefined : new BudgetedPrices(prices, rule.budget, map.shares());
  let nextLook = LOOK_EVERY;
  const decider = new ReuseDecider(
    map,
    { prices: budgeted?.prices ?? prices, readsBetween: true },
    (reuse) => {
      const file = files[decisions.length]!;
      decisions.push(reuse);
      if (reuse) account.reuse(file.offset!, file.size);
      else account.encode(file.size);
      if (budgeted === undefined || account.entries < nextLook) return;
      nextLook = account.entries + LOOK_EVERY;
      const shares = account.shares();
      if (shares === undefined) return;
      budgeted.adjust(shares);
      decider.prices = budgeted.prices;
    },
  );
  for (const { offset, size } of files) {
    if (offset === undefined) decider.fresh(size);
    else decider.candidate(offset, size);
  }
  decider.finish();
  return decisions;
}

/** Backs the files up against the old stream; their offsets are those of the new one afterwards. `old` are the files in it. */
export function backUp(
  files: readonly ModelFile[],
  old: { readonly index: ModelIndex; readonly files: readonly ModelFile[] },
  rule: Rule,
  average: number,
  digests: Digests,
): Outcome {
  const map = modelMap(old.index, old.files);
  const kept = new Set(files.map(({ offset }) => offset));
  for (const { offset } of old.files) if (offset !== undefined && !kept.has(offset)) map.forget(offset);
  const reuse = rule.kind === 'greedy' ? greedy(files, map) : decideByPlan(files, map, rule);
  const known = new Set(old.index.digests);
  const index: ModelIndex = { lengths: [], digests: [] };
  const padding = new Padding(map, true);
  let position = 0;
  let reread = 0;
  let run: ModelFile[] = [];
  let last = { entry: -1, start: 0, offset: -1 };
  const endRun = (): void => {
    const cut = cutRun(run, average, digests);
    index.lengths.push(...cut.lengths);
    index.digests.push(...cut.digests);
    run = [];
  };
  for (const [i, file] of files.entries()) {
    const { offset, size } = file;
    if (reuse[i] !== true || offset === undefined) {
      if (offset !== undefined) reread += size;
      run.push(file);
      padding.encode(size);
      last = { entry: -1, start: 0, offset: -1 };
      file.offset = position;
      position += HEADER + size;
      continue;
    }
    if (run.length > 0) endRun();
    padding.reuse(offset, size);
    const first = map.entryAt(offset);
    const shares = map.follows(first, offset, last.entry < 0 ? undefined : last);
    let start = shares ? last.start : position;
    file.offset = start + offset - map.start(first);
    for (
      let entry = shares ? first + 1 : first;
      entry <= map.entryAt(offset + HEADER + size - 1);
      entry += 1
    ) {
      start = position;
      index.lengths.push(map.length(entry));
      index.digests.push(old.index.digests[entry]!);
      position += map.length(entry);
      last = { entry, start, offset };
    }
    last = { ...last, offset };
  }
  if (run.length > 0) endRun();
  const { duplicate, dead } = padding.totals();
  const seen = new Set<number>();
  let stored = 0;
  for (const [i, digest] of index.digests.entries()) {
    if (!known.has(digest) && !seen.has(digest)) stored += index.lengths[i]!;
    seen.add(digest);
  }
  return { index, reread, duplicate, dead, size: position, stored };
}
