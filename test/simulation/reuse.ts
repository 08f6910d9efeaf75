/**
 * Compares the reuse plan with the reference client's greedy rule on made-up trees: single runs after some edits, and a hundred
 * generations. Usage: node reuse.js [GENERATIONS]. Figures are MiB unless they say otherwise.
 */
import { DEFAULT_BUDGET, defaultPrices } from '../../src/detect/defaults.js';
import { shapes, Tree } from './churn.js';
import { backUp, type Outcome, type Rule } from './generation.js';
import { Digests, type ModelFile, type ModelIndex, random } from './payload-model.js';

const MIB = 2 ** 20;
const AVERAGE = 4 * MIB;
const CACHE = 64 * MIB;

/** A plan whose prices are the same whatever the reference is like. */
function fixed(dead: number, duplicate: number, entryPart: number): Rule {
  return { kind: 'plan', prices: () => ({ dead, duplicate, entry: AVERAGE / entryPart }), budget: undefined };
}

const rules: readonly (readonly [string, Rule])[] = [
  ['greedy', { kind: 'greedy' }],
  ['1/1, c 128', fixed(1, 1, 128)],
  ['1/0.1, c 128', fixed(1, 0.1, 128)],
  ['1/0.1, c 1024', fixed(1, 0.1, 1024)],
  ['1/0.1, c 32', fixed(1, 0.1, 32)],
  ['3/0.1, c 128', fixed(3, 0.1, 128)],
  ['default', { kind: 'plan', prices: (mean) => defaultPrices(AVERAGE, mean), budget: DEFAULT_BUDGET }],
];

function copy(files: readonly ModelFile[]): ModelFile[] {
  return files.map((file) => ({ ...file }));
}

/** Chunks fetched by a restore from first to last, with a cache of so many bytes, over distinct chunks. */
function amplification({ lengths, digests }: ModelIndex, cacheBytes: number): number {
  const cache = new Map<number, number>();
  let held = 0;
  let fetched = 0;
  for (const [i, digest] of digests.entries()) {
    const length = lengths[i]!;
    if (!cache.delete(digest)) {
      fetched += 1;
      held += length;
    }
    cache.set(digest, length);
    for (const [oldest, bytes] of cache) {
      if (held <= cacheBytes || oldest === digest) break;
      cache.delete(oldest);
      held -= bytes;
    }
  }
  return fetched / new Set(digests).size;
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(2);

function row(label: string, { index, reread, duplicate, dead, size, stored }: Outcome): string {
  const chunks = index.lengths.length;
  const cells = [mib(reread), mib(duplicate), mib(dead), mib(stored), String(chunks), mib(size / chunks)];
  const fetches = [amplification(index, CACHE).toFixed(2), amplification(index, 0).toFixed(2)];
  return [label.padEnd(18), ...[...cells, ...fetches].map((cell) => cell.padStart(10))].join('');
}

const HEAD = [
  'rule'.padEnd(18),
  ...['reread', 'duplicate', 'dead', 'stored', 'chunks', 'mean', 'fetches', 'no cache'].map((c) =>
    c.padStart(10),
  ),
].join('');

function singleRuns(): void {
  for (const edits of [1, 9, 43, 100, 400]) {
    console.log(`\nsmall files, ${edits} edited\n${HEAD}`);
    for (const [label, rule] of rules) {
      const digests = new Digests();
      const tree = new Tree(shapes[0]!, random(7));
      const first = backUp(
        tree.files,
        { index: { lengths: [], digests: [] }, files: [] },
        { kind: 'greedy' },
        AVERAGE,
        digests,
      );
      const old = { index: first.index, files: copy(tree.files) };
      tree.edit(edits);
      console.log(row(label, backUp(tree.files, old, rule, AVERAGE, digests)));
    }
  }
}

function generations(count: number): void {
  for (const shape of shapes) {
    console.log(`\n${shape.name} files, mean of generations ${Math.min(20, count)} to ${count}\n${HEAD}`);
    for (const [label, rule] of rules) {
      const digests = new Digests();
      const tree = new Tree(shape, random(11));
      let outcome = backUp(
        tree.files,
        { index: { lengths: [], digests: [] }, files: [] },
        { kind: 'greedy' },
        AVERAGE,
        digests,
      );
      const sums = { reread: 0, duplicate: 0, dead: 0, size: 0, stored: 0 };
      let counted = 0;
      for (let generation = 1; generation <= count; generation += 1) {
        const old = { index: outcome.index, files: copy(tree.files) };
        tree.age();
        outcome = backUp(tree.files, old, rule, AVERAGE, digests);
        if (generation < Math.min(20, count)) continue;
        counted += 1;
        for (const key of ['reread', 'duplicate', 'dead', 'size', 'stored'] as const)
          sums[key] += outcome[key];
      }
      const mean = { ...outcome };
      for (const key of ['reread', 'duplicate', 'dead', 'size', 'stored'] as const)
        mean[key] = sums[key] / counted;
      const share = (bytes: number): string => `${((100 * bytes) / sums.size).toFixed(1)} %`;
      console.log(
        `${row(label, mean)}  dead ${share(sums.dead)}, all padding ${share(sums.dead + sums.duplicate)}`,
      );
    }
  }
}

singleRuns();
generations(Number(process.argv[2] ?? '100'));
