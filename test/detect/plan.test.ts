import test from 'ava';
import fc from 'fast-check';
import type { PayloadMap } from '../../src/detect/payload-map.js';
import { type PlanOptions, ReusePlan, WINDOW } from '../../src/detect/plan.js';
import { ReuseDecider } from '../../src/detect/reuse-decider.js';
import { costOf, greedy, HEADER, indexOf, mapOf, type PlannedFile } from '../support/plan-cost.js';

interface World {
  readonly files: readonly PlannedFile[];
  readonly map: PayloadMap;
  readonly options: PlanOptions;
}

/** Both lists in one, each in its order. */
function merged<T>(a: readonly T[], b: readonly T[], order: readonly boolean[]): T[] {
  const [left, right] = [[...a], [...b]];
  const all = order.flatMap((first) => (first ? left : right).splice(0, 1));
  return [...all, ...left, ...right];
}

/** Old streams of a few files in a few chunks, some of them equal; new runs in which some files are fresh or gone. */
const worlds: fc.Arbitrary<World> = fc
  .record({
    old: fc.array(
      fc.record({
        size: fc.integer({ min: 0, max: 60 }),
        hole: fc.integer({ min: 0, max: 40 }),
        state: fc.integer({ min: 0, max: 9 }),
      }),
      {
        minLength: 1,
        maxLength: 9,
      },
    ),
    cuts: fc.array(fc.integer({ min: 5, max: 120 }), { minLength: 1, maxLength: 12 }),
    equal: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 13, maxLength: 13 }),
    dead: fc.constantFrom(0, 0.5, 1, 3),
    duplicate: fc.constantFrom(0, 0.1, 1),
    entry: fc.integer({ min: 0, max: 80 }),
    swap: fc.boolean(),
    readsBetween: fc.boolean(),
    /** How many of the old files are in the tree of a single archive, and in which order the new run comes to the others. */
    tree: fc.integer({ min: 0, max: 9 }),
    order: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
  })
  .map(({ old, cuts, equal, dead, duplicate, entry, swap, readsBetween, tree, order }) => {
    let offset = HEADER;
    const placed = old.map(({ size, hole, state }) => {
      offset += hole;
      const file = { offset, size, gone: state < 2, fresh: state === 2 };
      offset += HEADER + size;
      return file;
    });
    const total = offset + HEADER;
    // A chunk ends before an appendix.
    const treeEnd = readsBetween ? undefined : (placed[tree]?.offset ?? total);
    const lengths: number[] = [];
    for (let at = 0, i = 0; at < total; i += 1) {
      const end = treeEnd !== undefined && at < treeEnd ? treeEnd : total;
      const length = Math.min(cuts[i % cuts.length]!, end - at);
      lengths.push(length);
      at += length;
    }
    const digests = lengths.map((length, i) => {
      // Where nothing stands between, a later equal chunk could be shared over files that are read: the plan does not look that far.
      if (!readsBetween) return i;
      const same = lengths.findIndex(
        (other, k) => k < i && other === length && equal[i % equal.length] === 0,
      );
      return same < 0 ? i : same;
    });
    const map = mapOf(
      indexOf(lengths, digests),
      placed.map(({ offset: at, size, gone, fresh }) => ({ offset: at, size, gone: gone || fresh })),
      treeEnd,
    );
    const files = (readsBetween ? placed : merged(placed.slice(0, tree), placed.slice(tree), order))
      .filter(({ gone }) => !gone)
      .map(({ offset: at, size, fresh }): PlannedFile => ({ size, offset: fresh ? undefined : at }));
    if (swap && readsBetween && files.length > 1) [files[0], files[1]] = [files[1]!, files[0]!];
    return { files, map, options: { prices: { dead, duplicate, entry }, readsBetween } };
  });

function optionsWith(entry: number): PlanOptions {
  return { prices: { dead: 1, duplicate: 0.1, entry }, readsBetween: true };
}

function planned({ files, map, options }: World): boolean[] {
  const decisions: boolean[] = [];
  const plan = new ReusePlan(map, options, (reuse) => decisions.push(reuse));
  for (const { size, offset } of files) {
    if (offset === undefined) plan.fresh(size);
    else plan.candidate(offset, size);
  }
  plan.flush();
  return decisions;
}

function cheapest({ files, map, options }: World): number {
  let least = Number.POSITIVE_INFINITY;
  for (let bits = 0; bits < 2 ** files.length; bits += 1) {
    const reuse = files.map(({ offset }, i) => offset !== undefined && ((bits >> i) & 1) === 1);
    least = Math.min(least, costOf(files, reuse, map, options));
  }
  return least;
}

test('the plan costs what the cheapest of all choices costs', (t) => {
  fc.assert(
    fc.property(worlds, (world) => {
      const decisions = planned(world);
      t.is(decisions.length, world.files.length);
      const cost = costOf(world.files, decisions, world.map, world.options);
      const least = cheapest(world);
      if (Math.abs(cost - least) > 1e-6) throw new Error(`plan costs ${cost}, cheapest is ${least}`);
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('the plan is never worse than the greedy rule in its own cost', (t) => {
  fc.assert(
    fc.property(worlds, (world) => {
      const { files, map, options } = world;
      const cost = costOf(files, planned(world), map, options);
      if (cost > costOf(files, greedy(files, map), map, options) + 1e-6) throw new Error('greedy is cheaper');
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

/** An old stream of equal files in chunks of several files. */
function uniform(count: number, size: number, perChunk: number): { map: PayloadMap; offsets: number[] } {
  const length = HEADER + size;
  const offsets = Array.from({ length: count }, (_, i) => i * length);
  const lengths = Array.from({ length: Math.ceil(count / perChunk) }, () => perChunk * length);
  return {
    map: mapOf(
      indexOf(lengths),
      offsets.map((offset) => ({ offset, size })),
    ),
    offsets,
  };
}

test('an edit in the middle of a chunk costs the edited file and a second reference', (t) => {
  const { map, offsets } = uniform(100, 1000, 50);
  map.forget(offsets[25]!);
  const files = offsets.map(
    (offset, i): PlannedFile => ({ size: 1000, offset: i === 25 ? undefined : offset }),
  );
  const decisions = planned({ files, map, options: optionsWith(100) });
  t.deepEqual(
    decisions.map((reuse, i) => (reuse ? -1 : i)).filter((i) => i >= 0),
    [25],
  );
});

test('the window decides after so many files at the latest, and no later decision changes that', (t) => {
  const count = WINDOW + 10_000;
  const { map, offsets } = uniform(count, 100, 64);
  let decided = 0;
  const plan = new ReusePlan(map, optionsWith(10), () => {
    decided += 1;
  });
  let most = 0;
  for (const offset of offsets) {
    plan.candidate(offset, 100);
    most = Math.max(most, plan.waiting);
  }
  t.true(most <= WINDOW);
  plan.flush();
  t.is(decided, count);
});

test('an untouched archive is reused as a whole, whatever padding it has', (t) => {
  // A single file of 10 bytes in each chunk of 10,000: the plan alone would read them all.
  const offsets = Array.from({ length: 200 }, (_, i) => i * 10_000);
  const map = mapOf(
    indexOf(offsets.map(() => 10_000)),
    offsets.map((offset) => ({ offset, size: 10 })),
  );
  const decisions: boolean[] = [];
  const decider = new ReuseDecider(map, optionsWith(10), (reuse) => decisions.push(reuse));
  for (const offset of offsets) decider.candidate(offset, 10);
  decider.finish();
  t.true(decisions.length === 200 && decisions.every(Boolean));
});

test('after the first change the plan decides, also on what waited', (t) => {
  const offsets = Array.from({ length: 200 }, (_, i) => i * 10_000);
  const map = mapOf(
    indexOf(offsets.map(() => 10_000)),
    offsets.map((offset) => ({ offset, size: 10 })),
  );
  const decisions: boolean[] = [];
  const decider = new ReuseDecider(map, optionsWith(10), (reuse) => decisions.push(reuse));
  for (const offset of offsets) decider.candidate(offset, 10);
  decider.fresh(5);
  decider.finish();
  t.true(decisions.length === 201 && decisions.every((reuse) => !reuse));
});

test('more untouched files than the window holds are decided in order, each once', (t) => {
  const count = WINDOW + 500;
  const { map, offsets } = uniform(count, 100, 64);
  const decisions: boolean[] = [];
  const decider = new ReuseDecider(map, optionsWith(10), (reuse) => decisions.push(reuse));
  for (const offset of offsets) decider.candidate(offset, 100);
  decider.fresh(1);
  decider.finish();
  t.is(decisions.length, count + 1);
  t.false(decisions.at(-1));
  t.true(decisions.slice(0, 500).every(Boolean));
});
