/** A generation of the oracle: a snapshot in mode metadata and one in mode data beside it, compared by what is stored of them. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from '../../../src/backup/detection.js';
import { readSingle, type SingleArchive } from '../single-archive.js';
import { contentHash, readSplit, type SplitEntry } from '../split-archive.js';
import { OracleError } from './backing-up.js';

/** Files modified so shortly before a run are read by the next one. */
const MARGIN = 60;
const NANOSECONDS = 1_000_000_000n;
/** Part of the unchanged files that must be reused, in each generation and in a whole sequence. */
const LEAST_REUSED: Readonly<Record<Layout, { readonly each: number; readonly all: number }>> = {
  split: { each: 0.6, all: 0.6 },
  // Metadata that stand in the chunks between the contents are padding in an appendix.
  single: { each: 0.15, all: 0.6 },
};

/** An entry, and when its inode changed where the snapshot says. */
export interface StoredEntry extends SplitEntry {
  readonly ctime?: string | undefined;
}

/** An archive as it is stored, in either layout. */
export interface StoredTree {
  readonly entries: readonly StoredEntry[];
  readonly payload: Buffer;
  readonly problems: readonly string[];
}

/** A snapshot in mode metadata with the contents of all its files, and one in mode data beside it. */
export interface Generation {
  readonly layout: Layout;
  readonly time: number;
  readonly metadata: StoredTree;
  readonly data: StoredTree;
  readonly metadataFiles: ReadonlyMap<string, StoredEntry>;
  readonly dataFiles: ReadonlyMap<string, StoredEntry>;
  /** The archive in mode metadata where the layout is single. */
  readonly single: SingleArchive | undefined;
}

function filesOf({ entries }: StoredTree): Map<string, StoredEntry> {
  return new Map(entries.filter(({ kind }) => kind === 'file').map((entry) => [entry.path, entry]));
}

/** Reads the two snapshots (groups host/m and host/d) of a generation. Throws OracleError if one breaks a rule of its format. */
export async function generationOf(store: string, layout: Layout, time: number): Promise<Generation> {
  const name = new Date(time * 1000).toISOString().replace('.000', '');
  const read = layout === 'split' ? readSplit : readSingle;
  const [metadata, data] = [await read(store, `host/m/${name}`), await read(store, `host/d/${name}`)];
  const problems = [...metadata.problems, ...data.problems];
  if (problems.length > 0) throw new OracleError(problems.slice(0, 5).join('; '));
  return {
    layout,
    time,
    metadata,
    data,
    metadataFiles: filesOf(metadata),
    dataFiles: filesOf(data),
    single: 'version' in metadata ? metadata : undefined,
  };
}

/**
 * Whether the times of a file say nothing: so late that a change after the last run could show them, too; an mtime, also near the epoch.
 * Where the snapshot has ctimes they alone count.
 */
function isNoEvidence({ mtime, ctime }: StoredEntry, now: Generation, before: Generation): boolean {
  const isLate = (seconds: number): boolean => seconds >= before.time - MARGIN && seconds <= now.time;
  if (ctime !== undefined) return isLate(Number.parseInt(ctime, 10));
  return mtime.seconds === 0 || mtime.seconds === 1 || isLate(mtime.seconds);
}

/** The file of the generation before that the documented rule cannot tell from that of now. */
function likeBefore(path: string, now: Generation, before: Generation | undefined): StoredEntry | undefined {
  const [file, old] = [now.metadataFiles.get(path), before?.metadataFiles.get(path)];
  if (before === undefined || old === undefined || file === undefined || old.size !== file.size)
    return undefined;
  const { seconds, nanoseconds } = file.mtime;
  if (old.mtime.seconds !== seconds || old.mtime.nanoseconds !== nanoseconds || old.ctime !== file.ctime)
    return undefined;
  return isNoEvidence(file, now, before) ? undefined : old;
}

/** Only a rule that takes no notice of ctimes may miss content rewritten with size and time kept. */
function isUnseen(path: string, hash: string, now: Generation, before: Generation | undefined): boolean {
  if (now.layout === 'single' || before === undefined) return false;
  const old = likeBefore(path, now, before);
  return old !== undefined && hash === contentHash(before.metadata, old);
}

function compareEntry(
  found: StoredEntry,
  want: StoredEntry,
  now: Generation,
  before: Generation | undefined,
): void {
  for (const field of ['path', 'kind', 'body', 'content', 'size'] as const) {
    if (found[field] !== want[field])
      throw new OracleError(`${want.path}: ${field} is ${found[field]} instead of ${want[field]}`);
  }
  if (want.kind !== 'file') return;
  const hash = contentHash(now.metadata, found);
  if (hash === contentHash(now.data, want) || isUnseen(want.path, hash, now, before)) return;
  throw new OracleError(`${want.path}: the content differs from that of a full run`);
}

/** Compares the two snapshots entry by entry. Throws OracleError. */
export function compare(now: Generation, before: Generation | undefined): void {
  const { metadata, data } = now;
  if (metadata.entries.length !== data.entries.length)
    throw new OracleError(`${metadata.entries.length} entries instead of ${data.entries.length}`);
  for (const [i, want] of data.entries.entries()) compareEntry(metadata.entries[i]!, want, now, before);
}

/** True if all contents are those of the full run. */
export function isWhole(now: Generation): boolean {
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
    if (old === undefined || likeBefore(entry.path, now, before) === undefined) continue;
    if (contentHash(now.data, entry) === contentHash(before.data, old)) count += 1;
  }
  return count;
}

/** How many files were unchanged, and how many of them were reused. */
export interface Reuse {
  readonly reused: number;
  readonly unchanged: number;
}

/** Checks that only unchanged files were reused, whose paths are given, and enough of them. Throws OracleError. */
export function checkReuse(paths: readonly string[], now: Generation, before: Generation): Reuse {
  for (const path of paths) {
    if (likeBefore(path, now, before) === undefined)
      throw new OracleError(`${path} was reused, but cannot be unchanged`);
  }
  const reuse = { reused: paths.length, unchanged: countUnchanged(now, before) };
  checkEnough(reuse, LEAST_REUSED[now.layout].each);
  return reuse;
}

/** Checks that enough was reused in a sequence. Throws OracleError. */
export function checkAllReuse(reuses: readonly Reuse[], layout: Layout): void {
  const sum = (of: (reuse: Reuse) => number): number => reuses.reduce((all, reuse) => all + of(reuse), 0);
  checkEnough(
    { reused: sum(({ reused }) => reused), unchanged: sum(({ unchanged }) => unchanged) },
    LEAST_REUSED[layout].all,
  );
}

function checkEnough({ reused, unchanged }: Reuse, least: number): void {
  if (reused < least * unchanged)
    throw new OracleError(`${reused} of ${unchanged} unchanged files were reused`);
}

/** What an archive in a single file holds of the chunks before, and the catalog of the live tree. Throws OracleError. */
export function checkSingle(
  single: SingleArchive,
  before: SingleArchive | undefined,
  source: string,
  reused: readonly string[],
): void {
  const want = before === undefined ? 1 : 3;
  if (single.version !== want) throw new OracleError(`version ${single.version} instead of ${want}`);
  const references = single.entries.filter(({ isReference }) => isReference).map(({ path }) => path);
  if (references.join('\n') !== reused.join('\n'))
    throw new OracleError('the references are not those of the files that were reused');
  const old = new Set(before?.chunks);
  const stray = single.appendixChunks.find((digest) => !old.has(digest));
  if (stray !== undefined) throw new OracleError(`chunk ${stray} of the appendix was not there before`);
  for (const { path, kind, ctime } of single.entries) {
    if (kind !== 'file') continue;
    const { ctimeNs } = lstatSync(join(source, path), { bigint: true });
    const live = `${ctimeNs / NANOSECONDS}.${String(ctimeNs % NANOSECONDS).padStart(9, '0')}`;
    if (ctime !== live) throw new OracleError(`${path}: ctime ${ctime} in the catalog instead of ${live}`);
  }
}
