/**
 * One random sequence: a tree is edited and backed up in mode metadata, generation by generation, and each snapshot is compared with
 * one of the same tree in mode data. Only the documented blind spot may differ: content rewritten with size and time kept.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBackup } from '../../../src/backup/backup.js';
import { parseSources } from '../../../src/backup/sources.js';
import { Reason } from '../../../src/detect/reasons.js';
import { createStore } from '../../../src/repository/local/store.js';
import { openRepository } from '../../../src/repository/open.js';
import type { Repository } from '../../../src/repository/repository.js';
import { backupTime, parseBackupId, parseBackupType, parseNamespace } from '../../../src/snapshot/names.js';
import { contentHash, readSplit, type SplitArchive, type SplitEntry } from '../split-archive.js';
import { LiveTree } from './live-tree.js';
import { Random } from './random.js';

const START = 1_700_000_000;
const HOUR = 3600;
/** Files modified so shortly before a run are read by the next one. */
const MARGIN = 60;
/** Part of the unchanged files that must be reused. */
const LEAST_REUSED = 0.6;

/** A snapshot of the wrong content, or too little reused. */
export class OracleError extends Error {
  override name = 'OracleError';
}

/** Backs `source` up at `time` into group host/`id`; returns the paths (latin1) of files that were reused. */
async function backUp(
  repository: Repository,
  source: string,
  id: string,
  mode: 'data' | 'metadata',
  time: number,
): Promise<string[]> {
  const reused: string[] = [];
  const sources = parseSources([`root.pxar:${source}`]);
  await runBackup({
    repository,
    namespace: parseNamespace(''),
    group: { type: parseBackupType('host'), id: parseBackupId(id) },
    time: backupTime(time),
    sources,
    walk: {
      excludes: [],
      markers: [],
      largestFile: Number.POSITIVE_INFINITY,
      allFileSystems: false,
      includedDevices: new Set(),
      entriesMax: 1_000_000,
    },
    averageSize: 64 * 1024,
    skipE2bigXattr: false,
    layout: 'split',
    dryRun: false,
    owner: 'root@pam',
    lockWaitSeconds: 0,
    temporaryDirectory: tmpdir(),
    clock: () => ({ seconds: time, nanoseconds: 0 }),
    signal: new AbortController().signal,
    detection: {
      archives: new Set(mode === 'metadata' ? sources.map(({ archive }) => archive) : []),
      budget: { all: 0.3, dead: 0.1 },
      fullEvery: undefined,
    },
    onFile: (path, reason) => {
      if (reason === Reason.reused) reused.push(path.toString('latin1'));
    },
    onMessage: () => undefined,
    onStart: () => undefined,
    onArchive: () => undefined,
    onWarning: ({ path, message }) => {
      throw new OracleError(`warning: ${path.toString()}: ${message}`);
    },
    onProgress: () => undefined,
  });
  return reused;
}

/** A snapshot in mode metadata with the contents of all its files, and one in mode data beside it. */
interface Generation {
  readonly time: number;
  readonly metadata: SplitArchive;
  readonly data: SplitArchive;
  readonly metadataFiles: ReadonlyMap<string, SplitEntry>;
  readonly dataFiles: ReadonlyMap<string, SplitEntry>;
}

function filesOf({ entries }: SplitArchive): Map<string, SplitEntry> {
  return new Map(entries.filter(({ kind }) => kind === 'file').map((entry) => [entry.path, entry]));
}

async function generationOf(store: string, time: number): Promise<Generation> {
  const name = new Date(time * 1000).toISOString().replace('.000', '');
  const metadata = await readSplit(store, `host/m/${name}`);
  const data = await readSplit(store, `host/d/${name}`);
  return { time, metadata, data, metadataFiles: filesOf(metadata), dataFiles: filesOf(data) };
}

/** Whether a time says nothing: near the epoch, or so late that a change after the last run could show it, too. */
function isNoEvidence(seconds: number, now: Generation, before: Generation): boolean {
  return seconds === 0 || seconds === 1 || (seconds >= before.time - MARGIN && seconds <= now.time);
}

/** An entry of the generation before that the documented rule cannot tell from `entry`. */
function likeBefore(
  entry: SplitEntry,
  now: Generation,
  before: Generation | undefined,
): SplitEntry | undefined {
  const old = before?.metadataFiles.get(entry.path);
  if (before === undefined || old === undefined || old.size !== entry.size) return undefined;
  const { seconds, nanoseconds } = entry.mtime;
  if (old.mtime.seconds !== seconds || old.mtime.nanoseconds !== nanoseconds) return undefined;
  return isNoEvidence(seconds, now, before) ? undefined : old;
}

function compareEntry(
  found: SplitEntry,
  want: SplitEntry,
  now: Generation,
  before: Generation | undefined,
): void {
  for (const field of ['path', 'kind', 'body', 'content', 'size'] as const) {
    if (found[field] !== want[field])
      throw new OracleError(`${want.path}: ${field} is ${found[field]} instead of ${want[field]}`);
  }
  if (want.kind !== 'file') return;
  const hash = contentHash(now.metadata, found);
  if (hash === contentHash(now.data, want)) return;
  const old = likeBefore(want, now, before);
  if (before === undefined || old === undefined || hash !== contentHash(before.metadata, old))
    throw new OracleError(`${want.path}: the content differs from that of a full run`);
}

/** True if all contents are those of the full run. */
function isWhole(now: Generation): boolean {
  return [...now.dataFiles].every(([path, entry]) => {
    const found = now.metadataFiles.get(path);
    return found !== undefined && contentHash(now.metadata, found) === contentHash(now.data, entry);
  });
}

/** Files that did not change at all since the generation before. */
function countUnchanged(now: Generation, before: Generation): number {
  let count = 0;
  for (const entry of now.dataFiles.values()) {
    const old = before.dataFiles.get(entry.path);
    if (old === undefined || likeBefore(entry, now, before) === undefined) continue;
    if (contentHash(now.data, entry) === contentHash(before.data, old)) count += 1;
  }
  return count;
}

function checkReuse(reused: readonly string[], now: Generation, before: Generation): void {
  for (const path of reused) {
    const entry = now.dataFiles.get(path);
    if (entry === undefined || likeBefore(entry, now, before) === undefined)
      throw new OracleError(`${path} was reused, but cannot be unchanged`);
  }
  const unchanged = countUnchanged(now, before);
  if (reused.length < LEAST_REUSED * unchanged)
    throw new OracleError(`${reused.length} of ${unchanged} unchanged files were reused`);
}

function compare(now: Generation, before: Generation | undefined): void {
  const { metadata, data } = now;
  if (metadata.problems.length > 0) throw new OracleError(metadata.problems.join('; '));
  if (metadata.entries.length !== data.entries.length)
    throw new OracleError(`${metadata.entries.length} entries instead of ${data.entries.length}`);
  for (const [i, want] of data.entries.entries()) compareEntry(metadata.entries[i]!, want, now, before);
}

/** Gets each generation with its store and live tree; `isWhole`: it has no change that nobody can see. */
export type OnGeneration = (store: string, source: string, isWhole: boolean) => Promise<void>;

/** Edits and backs up, generation by generation, in an empty directory. */
async function runIn(
  directory: string,
  seed: number,
  generations: number,
  onGeneration?: OnGeneration,
): Promise<void> {
  const [store, source] = [join(directory, 'store'), join(directory, 'source')];
  mkdirSync(source);
  await createStore(store, { forServer: false });
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const tree = new LiveTree(source, new Random(seed));
  let before: Generation | undefined;
  for (let g = 1; g <= generations; g += 1) {
    const time = START + g * HOUR;
    if (g > 1) {
      tree.editLate();
      tree.edit({ after: time - HOUR, before: time });
    }
    const reused = await backUp(repository, source, 'm', 'metadata', time);
    await backUp(repository, source, 'd', 'data', time);
    const now = await generationOf(store, time);
    compare(now, before);
    if (before !== undefined) checkReuse(reused, now, before);
    await onGeneration?.(store, source, isWhole(now));
    before = now;
  }
}

/** Runs the sequence of a seed. Throws OracleError. */
export async function runSequence(
  seed: number,
  generations: number,
  onGeneration?: OnGeneration,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'restat-oracle-'));
  try {
    await runIn(directory, seed, generations, onGeneration);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Sequences at one time: while one waits for the disk another one works. */
const AT_ONCE = 3;

/** Runs the sequences of these seeds. Throws OracleError with the seed in its message. */
export async function runSequences(
  seeds: readonly number[],
  generations: number,
  onDone: (seed: number) => void,
  onGeneration?: OnGeneration,
): Promise<void> {
  const left = [...seeds];
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      try {
        await runSequence(seed, generations, onGeneration);
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
