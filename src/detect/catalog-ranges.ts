/** Where the contents of an archive's files lie in it, as its catalog says. docs/formats.md. */
import type { CatalogDirectory, CatalogEntry, FileEntry } from '../catalog/entry.js';
import { MAX_DEPTH } from '../catalog/format.js';
import type { CatalogReader } from '../catalog/reader.js';
import type { DynamicIndex } from '../snapshot/dynamic-index.js';
import { type CatalogArchive, isMade, payloadPosition } from './catalog-walk.js';
import type { FileRanges } from './payload-map.js';

const PAYLOAD_HEADER = 16;
const FIRST_CAPACITY = 1024;

/** Ranges that ascend, as far as they do: others are left out. */
class Ranges {
  #starts = new Float64Array(FIRST_CAPACITY);
  #ends = new Float64Array(FIRST_CAPACITY);
  #count = 0;

  add(start: number, end: number): void {
    const least = this.#count === 0 ? 0 : this.#ends[this.#count - 1]!;
    if (!(start >= least && end <= Number.MAX_SAFE_INTEGER)) return;
    if (this.#count === this.#starts.length) this.#grow();
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count += 1;
  }

  get starts(): Float64Array {
    return this.#starts.subarray(0, this.#count);
  }

  get ends(): Float64Array {
    return this.#ends.subarray(0, this.#count);
  }

  #grow(): void {
    const [starts, ends] = [new Float64Array(2 * this.#count), new Float64Array(2 * this.#count)];
    starts.set(this.#starts);
    ends.set(this.#ends);
    [this.#starts, this.#ends] = [starts, ends];
  }
}

/** An appendix may have dead contents between its files: only so many bytes behind a file are taken for metadata. */
const APPENDIX_METADATA = 256;

/**
 * Widens ranges by the metadata that stand behind them, as far as the chunk reaches that they end in: it goes with them wherever that
 * chunk is injected. So it is neither a padding that could be avoided nor a reason to read small files again. `most` bounds what is
 * added, `limit` is the end of the part of the archive.
 */
function widen({ starts, ends }: Ranges, limit: number, most: number, index: DynamicIndex): void {
  for (let i = 0, entry = 0; i < starts.length; i += 1) {
    while (entry < index.count && index.end(entry) < ends[i]!) entry += 1;
    if (entry === index.count) return;
    const next = i + 1 < starts.length ? starts[i + 1]! : limit;
    ends[i] = Math.max(ends[i]!, Math.min(next, limit, ends[i]! + most, index.end(entry)));
  }
}

/** Files below a directory. What is damaged costs the rest of its directory, as who follows the live tree finds, too, and tells. */
async function* readableFiles(reader: CatalogReader, top: CatalogDirectory): AsyncGenerator<FileEntry> {
  const open = [reader.list(top)];
  for (let entries = open.at(-1); entries !== undefined; entries = open.at(-1)) {
    const entry = await next(entries);
    if (entry === undefined) open.pop();
    else if (isMade(entry, open.length === 1)) continue;
    else if (entry.type === 'f') yield entry;
    else if (entry.type === 'd' && open.length <= MAX_DEPTH) open.push(reader.list(entry.directory));
  }
}

async function next(entries: AsyncGenerator<CatalogEntry>): Promise<CatalogEntry | undefined> {
  try {
    const { value, done } = await entries.next();
    return done === true ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Ranges of all files of an archive whose index is given. They include PAYLOAD headers, and the metadata behind them. */
export async function catalogRanges(
  reader: CatalogReader,
  archive: CatalogArchive,
  index: DynamicIndex,
): Promise<FileRanges> {
  const { directory, appendixStart } = archive;
  const [tree, appendix] = [new Ranges(), new Ranges()];
  for await (const entry of readableFiles(reader, directory)) {
    const start = payloadPosition(entry, appendixStart);
    const ranges = entry.extension?.place === 'appendix' ? appendix : tree;
    ranges.add(start, start + PAYLOAD_HEADER + entry.size);
  }
  const treeEnd = Math.min(appendixStart ?? index.size, index.size);
  widen(tree, treeEnd, Number.POSITIVE_INFINITY, index);
  widen(appendix, index.size, APPENDIX_METADATA, index);
  const behind =
    appendix.starts.length === 0 || tree.starts.length === 0 || tree.ends.at(-1)! <= appendix.starts[0]!;
  const parts = behind ? [tree, appendix] : [tree];
  return {
    starts: join(parts.map(({ starts }) => starts)),
    ends: join(parts.map(({ ends }) => ends)),
    treeEnd,
  };
}

function join(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
