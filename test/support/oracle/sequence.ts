/**
 * One random sequence: a tree is edited and backed up in mode metadata, generation by generation, and each snapshot is compared with
 * one of the same tree in mode data. Only the documented blind spot of split archives may differ: content rewritten with size and time
 * kept.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Layout } from '../../../src/backup/detection.js';
import { createStore } from '../../../src/repository/local/store.js';
import { openRepository } from '../../../src/repository/open.js';
import { backUp, OracleError } from './backing-up.js';
import {
  checkAllReuse,
  checkReuse,
  checkSingle,
  compare,
  type Generation,
  generationOf,
  isWhole,
  type Reuse,
} from './generation.js';
import { LiveTree } from './live-tree.js';
import { Random } from './random.js';

const START = 1_700_000_000;
const HOUR = 3600;

/** A generation that is right. */
export interface Checked {
  readonly generation: number;
  readonly store: string;
  /** The live tree. */
  readonly source: string;
  /** It has no change that nobody can see. */
  readonly isWhole: boolean;
}

export interface SequenceOptions {
  readonly layout: Layout;
  readonly generations: number;
  readonly onGeneration?: (checked: Checked) => Promise<void>;
}

/** Edits and backs up, generation by generation, in an empty directory. */
async function runIn(directory: string, seed: number, options: SequenceOptions): Promise<void> {
  const { layout, generations, onGeneration } = options;
  const [store, source] = [join(directory, 'store'), join(directory, 'source')];
  mkdirSync(source);
  await createStore(store, { forServer: false });
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const tree = new LiveTree(source, new Random(seed));
  const reuses: Reuse[] = [];
  let before: Generation | undefined;
  for (let g = 1; g <= generations; g += 1) {
    const time = START + g * HOUR;
    if (g > 1) {
      tree.editLate();
      tree.edit({ after: time - HOUR, before: time });
    }
    const backup = { repository, source, layout, time };
    const reused = await backUp({ ...backup, id: 'm', mode: 'metadata' });
    await backUp({ ...backup, id: 'd', mode: 'data' });
    const now = await generationOf(store, layout, time);
    compare(now, before);
    if (now.single !== undefined) checkSingle(now.single, before?.single, source, reused);
    if (before !== undefined) reuses.push(checkReuse(reused, now, before));
    await onGeneration?.({ generation: g, store, source, isWhole: isWhole(now) });
    before = now;
  }
  checkAllReuse(reuses, layout);
}

/** Runs the sequence of a seed. Throws OracleError. */
export async function runSequence(seed: number, options: SequenceOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'restat-oracle-'));
  try {
    await runIn(directory, seed, options);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Sequences at one time: while one waits for the disk another one works. */
const AT_ONCE = 3;

/** Runs the sequences of these seeds. Throws OracleError with the seed in its message. */
export async function runSequences(
  seeds: readonly number[],
  options: SequenceOptions,
  onDone: (seed: number) => void,
): Promise<void> {
  const left = [...seeds];
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      try {
        await runSequence(seed, options);
      } catch (cause) {
        left.length = 0;
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new OracleError(`sequence ${seed}: ${message}`, { cause });
      }
      onDone(seed);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
