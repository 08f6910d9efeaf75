// Mode metadata in both layouts: the same tree, the same edits, two datastores.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataTree } from './data.js';
import { compareTrees, isInstalled, measure, run, storedBytes, warm } from './measure.js';
import { restat } from './tools.js';

/** Seconds that the clock is moved on for each run, so that no file is racy. */
const HOUR = 3600;
const GENERATIONS = 20;
/** Files of the 100,000 that are rewritten before each generation. */
const EDITED = 100;
const MIB = 1024 ** 2;

/** Rewrites files spread over the tree, others in each generation. */
function edit(tree, generation) {
  for (let i = 0; i < EDITED; i += 1) {
    const number = (i * 997 + generation * 7919) % 100_000;
    const directory = Math.floor(number / 100);
    const group = `group-${String(Math.floor(directory / 100)).padStart(3, '0')}`;
    const path = join(tree, group, `directory-${directory}`, `file-${number % 100}.dat`);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from(`edit ${generation}\n`)]));
  }
}

/** A datastore that the tree is backed up to in one layout, and what that took. */
class Layout {
  constructor(name, work, tree) {
    this.name = name;
    this.place = join(work, name);
    this.tree = tree;
    this.samples = { first: [], unchanged: [], edited: [] };
    this.stored = {};
    mkdirSync(this.place);
    restat.prepare(this.place);
  }

  backUp(kind, hour) {
    const options = ['--layout', this.name, '--change-detection-mode', 'metadata', '--output-format', 'json'];
    const summary = join(this.place, 'summary.json');
    const command = [...restat.backup(this.place, this.tree), ...options];
    const before = storedBytes(restat.stored(this.place));
    const shell = ['sh', '-c', `exec "$@" > '${summary}'`, 'sh', ...command];
    const env = { RESTAT_CLOCK_OFFSET: String(hour * HOUR) };
    this.samples[kind].push(measure(shell, { directory: this.place, env }));
    this.stored[kind] = (this.stored[kind] ?? 0) + storedBytes(restat.stored(this.place)) - before;
    const { archives, catalog } = JSON.parse(readFileSync(summary, 'utf8'));
    const streams = [archives[0].payload, archives[0].metadata, catalog].filter((stream) => stream !== null);
    this.size = streams.reduce((sum, { size }) => sum + size, 0);
  }

  /** Restores what was stored last, and compares it. ext4 is slow to make files shortly after many were deleted: targets stay. */
  restore() {
    const target = join(this.place, 'restored');
    const sample = measure(restat.restore(this.place, target), { directory: this.place });
    compareTrees(this.tree, target);
    return sample;
  }

  /** How many chunks a restore reads, where strace is there to count them. */
  countReads() {
    if (!isInstalled('strace')) return '';
    const trace = join(this.place, 'trace.txt');
    const restore = restat.restore(this.place, join(this.place, 'traced'));
    run(['strace', '-f', '-qq', '-e', 'trace=openat', '-o', trace, ...restore]);
    const opened = readFileSync(trace, 'utf8').match(/"[0-9a-f]{4}\/[0-9a-f]{64}"/g) ?? [];
    return `, ${opened.length} chunks read (${new Set(opened).size} different)`;
  }

  rows(restored, reads) {
    const size = `archives of ${(this.size / MIB).toFixed(0)} MiB`;
    const row = (label, samples, stored) => ({
      label: `layouts: ${label}`,
      name: this.name,
      samples,
      stored,
    });
    return [
      row('first', this.samples.first, this.stored.first),
      row('unchanged', this.samples.unchanged, this.stored.unchanged / this.samples.unchanged.length),
      row(
        `${EDITED} files edited, ${size}`,
        this.samples.edited,
        this.stored.edited / this.samples.edited.length,
      ),
      row(`restore${reads}`, [restored]),
    ];
  }
}

export function layouts({ directory, runs }) {
  const work = mkdtempSync(join(directory, 'work-'));
  const tree = join(work, 'tree');
  run(['cp', '-a', dataTree(directory, 'small'), tree]);
  warm(tree);
  const both = ['split', 'single'].map((name) => new Layout(name, work, tree));
  const kinds = ['first', ...Array(runs).fill('unchanged'), ...Array(GENERATIONS).fill('edited')];
  for (const [number, kind] of kinds.entries()) {
    if (kind === 'edited') edit(tree, number);
    for (const layout of both) layout.backUp(kind, number + 1);
  }
  const restored = both.map((layout) => layout.restore());
  return both.flatMap((layout, i) => layout.rows(restored[i], layout.countReads()));
}
