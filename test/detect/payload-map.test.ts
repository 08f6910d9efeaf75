/** What the old payload stream holds, placements of reused files in the new one, and the padding that comes of it. */
import test from 'ava';
import fc from 'fast-check';
import { Injection } from '../../src/detect/injection.js';
import { BudgetedPrices, Padding } from '../../src/detect/padding.js';
import { HEADER, indexOf, mapOf, place } from '../support/plan-cost.js';

/** Three chunks of 100 bytes; the first and the last one are the same chunk. */
const TWICE = indexOf([100, 100, 100], [0, 1, 0]);

test('bytes are used that a file refers to through any occurrence of the chunk', (t) => {
  const map = mapOf(TWICE, [
    { offset: 10, size: 14 },
    { offset: 230, size: 34 },
  ]);
  for (const entry of [0, 2]) t.deepEqual(map.bytes(entry), { used: 30 + 50 - 10, dead: 30 });
  t.deepEqual(map.bytes(1), { used: 0, dead: 100 });
});

test('a file that is forgotten frees its bytes in every occurrence, once', (t) => {
  const map = mapOf(TWICE, [
    { offset: 10, size: 14 },
    { offset: 230, size: 34 },
  ]);
  t.is(map.bytes(2).used, 70);
  map.forget(10);
  map.forget(10);
  for (const entry of [0, 2]) t.deepEqual(map.bytes(entry), { used: 50, dead: 50 });
  map.forget(11);
  t.is(map.bytes(0).used, 50, 'no file begins there');
  map.forget(230);
  t.is(map.bytes(0).used, 0);
});

test('the metadata of a tree whose files are in the appendix are no padding', (t) => {
  const files = [{ offset: 310, size: 74 }];
  const map = mapOf(indexOf([100, 200, 100]), files, 300);
  t.deepEqual(map.shares(), { all: 10 / 400, dead: 10 / 400 });
});

test('a digest with two lengths is no chunk that files share', (t) => {
  const index = indexOf([100, 200, 100], [0, 0, 0]);
  const map = mapOf(index, []);
  const injection = new Injection(map, index);
  const places = [
    { offset: 10, size: 4 },
    { offset: 270, size: 4 },
    { offset: 310, size: 4 },
    { offset: 350, size: 4 },
  ].map(({ offset, size }) => injection.place(offset, size, injection.position));
  t.deepEqual(places, [10, 270, 310, 350]);
});

test('a file across chunks uses its part of each', (t) => {
  const map = mapOf(indexOf([100, 100, 100]), [{ offset: 90, size: 204 - HEADER }]);
  t.deepEqual(
    [0, 1, 2].map((entry) => map.bytes(entry).used),
    [10, 100, 94],
  );
  map.forget(90);
  t.deepEqual(
    [0, 1, 2].map((entry) => map.bytes(entry).dead),
    [100, 100, 100],
  );
});

test('ends belong to the next entry, and positions beyond the stream to none', (t) => {
  const map = mapOf(indexOf([100, 100]), []);
  t.deepEqual(
    [0, 99, 100, 199, 200].map((offset) => map.entryAt(offset)),
    [0, 0, 1, 1, 2],
  );
});

interface Layout {
  readonly lengths: readonly number[];
  readonly files: readonly { readonly offset: number; readonly size: number }[];
  readonly reuse: readonly boolean[];
}

const layouts: fc.Arbitrary<Layout> = fc
  .record({
    files: fc.array(
      fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 30 }), fc.boolean()),
      {
        minLength: 1,
        maxLength: 12,
      },
    ),
    cuts: fc.array(fc.integer({ min: 5, max: 90 }), { minLength: 1, maxLength: 9 }),
    swap: fc.boolean(),
  })
  .map(({ files, cuts, swap }) => {
    let offset = HEADER;
    const placed = files.map(([size, hole]) => {
      const at = offset + hole;
      offset = at + HEADER + size;
      return { offset: at, size };
    });
    const lengths: number[] = [];
    for (let at = 0; at < offset + HEADER; at += lengths.at(-1)!)
      lengths.push(Math.min(cuts[lengths.length % cuts.length]!, offset + HEADER - at));
    if (swap && placed.length > 1) [placed[0], placed[1]] = [placed[1]!, placed[0]!];
    return { lengths, files: placed, reuse: files.map(([, , reused]) => reused) };
  });

/** Lengths and digests of chunks as they are handed on. */
function chunksOf(requests: readonly Buffer[]): { length: number; digest: string }[] {
  const all = Buffer.concat(requests);
  return Array.from({ length: all.length / 40 }, (_, i) => ({
    length: Number(all.readBigUInt64LE(40 * i)),
    digest: all.subarray(40 * i + 8, 40 * i + 40).toString('hex'),
  }));
}

test('reused files stand in the new stream where their old bytes come to lie, in ascending order', (t) => {
  fc.assert(
    fc.property(layouts, ({ lengths, files, reuse }) => {
      const index = indexOf(lengths);
      const map = mapOf(index, []);
      const injection = new Injection(map, index);
      // The new stream as the old offset of each byte; -1: something new.
      const stream: number[] = [-1, -1];
      let last = -1;
      const flush = (): void => {
        for (const { length, digest } of chunksOf(injection.take())) {
          const entry = lengths.findIndex((_, i) => index.digest(i).toString('hex') === digest);
          if (lengths[entry] !== length) throw new Error('a chunk of another length');
          for (let i = 0; i < length; i += 1) stream.push(map.start(entry) + i);
        }
      };
      const positions: [number, number][] = [];
      let position = stream.length;
      for (const [i, { offset, size }] of files.entries()) {
        if (reuse[i] === true) {
          const at = injection.place(offset, size, position);
          if (at <= last) throw new Error(`position ${at} after ${last}`);
          last = at;
          positions.push([at, offset]);
          position = injection.position;
        } else {
          flush();
          if (position !== stream.length) throw new Error('the position is not that of the stream');
          stream.push(...Array.from({ length: HEADER + size }, () => -1));
          last = position;
          position = stream.length;
        }
      }
      flush();
      return position === stream.length && positions.every(([at, offset]) => stream[at] === offset);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('padding is what the placement leaves over', (t) => {
  fc.assert(
    fc.property(layouts, ({ lengths, files, reuse }) => {
      const map = mapOf(indexOf(lengths), []);
      const padding = new Padding(map, true);
      for (const [i, { offset, size }] of files.entries())
        if (reuse[i] === true) padding.reuse(offset, size);
        else padding.encode(size);
      const { entries } = place(files, reuse, map, true);
      const injected = entries.reduce((sum, { entry }) => sum + map.length(entry), 0);
      const reused = files.reduce((sum, { size }, i) => sum + (reuse[i] === true ? HEADER + size : 0), 0);
      const totals = padding.totals();
      // Each chunk is injected for what some reused file covers: the rest of it is needed nowhere.
      const covered = new Map<number, number>();
      for (const { entry, referenced } of entries) covered.set(entry, (covered.get(entry) ?? 0) + referenced);
      const dead = entries.reduce((sum, { entry }) => sum + map.length(entry) - covered.get(entry)!, 0);
      return (
        totals.entries === entries.length &&
        totals.injectedBytes === injected &&
        totals.reusedBytes === reused &&
        totals.dead === dead &&
        totals.duplicate === injected - reused - dead
      );
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('an empty file is reused by its header', (t) => {
  const map = mapOf(indexOf([100]), []);
  const padding = new Padding(map, true);
  padding.reuse(20, 0);
  t.like(padding.totals(), { entries: 1, files: 1, reusedBytes: HEADER, dead: 100 - HEADER, partial: 1 });
});

test('shares are not told before there is enough to tell them from', (t) => {
  const map = mapOf(indexOf(Array.from({ length: 64 }, () => 100)), []);
  const padding = new Padding(map, true);
  for (let i = 0; i < 63; i += 1) padding.reuse(100 * i, 50 - HEADER);
  t.is(padding.shares(), undefined);
  padding.reuse(6300, 50 - HEADER);
  t.deepEqual(padding.shares(), { all: 0.5, dead: 0.5 });
});

const PRICES = { dead: 1, duplicate: 0.1, entry: 7 };
const BUDGET = { all: 0.3, dead: 0.1 };

test('prices begin doubled where the reference exceeds a budget', (t) => {
  const start = (all: number, dead: number) => new BudgetedPrices(PRICES, BUDGET, { all, dead }).prices;
  t.deepEqual(new BudgetedPrices(PRICES, BUDGET, undefined).prices, PRICES);
  t.deepEqual(start(0.3, 0.1), PRICES);
  t.deepEqual(start(0.31, 0), { dead: 2, duplicate: 0.2, entry: 7 });
  t.deepEqual(start(0, 0.11), { dead: 2, duplicate: 0.2, entry: 7 });
});

test('prices double up to sixteen times, and go back when both shares are under half', (t) => {
  const prices = new BudgetedPrices(PRICES, BUDGET, undefined);
  for (const dead of [2, 4, 8, 16, 16]) {
    prices.adjust({ all: 0.2, dead: 0.2 });
    t.is(prices.prices.dead, dead);
  }
  prices.adjust({ all: 0.2, dead: 0 });
  t.is(prices.prices.dead, 16, 'all padding is over half of its budget');
  for (const dead of [8, 4, 2, 1, 1]) {
    prices.adjust({ all: 0.1, dead: 0.04 });
    t.is(prices.prices.dead, dead);
  }
  t.is(prices.prices.entry, 7);
});
