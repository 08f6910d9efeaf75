/**
 * What the old payload stream holds: which index entries, which of their bytes the reference's files refer to.
 * Offsets are numbers, in the old payload stream; a file's range includes its PAYLOAD header.
 */
import type { DynamicIndex } from '../snapshot/dynamic-index.js';

/** Bytes of a chunk by what they are to the new snapshot when the chunk is injected. */
export interface ChunkBytes {
  /** Bytes that some file of the reference, not yet known to be gone, refers to through any occurrence of the digest. */
  readonly used: number;
  /** All the others. */
  readonly dead: number;
}

/** Ranges of the reference's files in ascending order of offset. */
export interface FileRanges {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** A single archive: where its tree ends. Ranges then reach beyond the contents, since metadata between them is no padding. */
  readonly treeEnd?: number;
}

/** The file that was injected last: the last index entry of it, and its offset. */
export interface LastInjected {
  readonly entry: number;
  readonly offset: number;
}

/** First i with values[i] > x; values ascend. */
function firstAbove(values: Float64Array, x: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Number of the distinct chunk of each entry, and the entries of each distinct chunk. A digest with two lengths counts as two: positions in
 * one must not be taken for positions in the other.
 */
function groupByDigest(index: DynamicIndex): { chunkOf: Uint32Array; entriesOf: number[][] } {
  const numbers = new Map<string, number>();
  const chunkOf = new Uint32Array(index.count);
  const entriesOf: number[][] = [];
  for (let entry = 0; entry < index.count; entry += 1) {
    const key = `${index.end(entry) - index.start(entry)} ${index.digest(entry).toString('latin1')}`;
    let chunk = numbers.get(key);
    if (chunk === undefined) {
      chunk = entriesOf.length;
      numbers.set(key, chunk);
      entriesOf.push([]);
    }
    chunkOf[entry] = chunk;
    entriesOf[chunk]!.push(entry);
  }
  return { chunkOf, entriesOf };
}

const UNKNOWN = -1;
const PAYLOAD_HEADER = 16;

export class PayloadMap {
  /** End offset of each entry. */
  readonly ends: Float64Array;
  readonly #chunkOf: Uint32Array;
  readonly #entriesOf: readonly (readonly number[])[];
  readonly #files: FileRanges;
  readonly #gone: Uint8Array;
  /** Used bytes of each distinct chunk, or UNKNOWN. */
  readonly #used: Float64Array;

  constructor(index: DynamicIndex, files: FileRanges) {
    this.ends = Float64Array.from({ length: index.count }, (_, i) => index.end(i));
    const { chunkOf, entriesOf } = groupByDigest(index);
    this.#chunkOf = chunkOf;
    this.#entriesOf = entriesOf;
    this.#files = files;
    this.#gone = new Uint8Array(files.starts.length);
    this.#used = new Float64Array(entriesOf.length).fill(UNKNOWN);
  }

  /** Index entries. */
  get count(): number {
    return this.ends.length;
  }

  /** Distinct chunks. */
  get chunks(): number {
    return this.#entriesOf.length;
  }

  /** Number of the distinct chunk of an entry. */
  chunkOf(entry: number): number {
    return this.#chunkOf[entry]!;
  }

  get size(): number {
    return this.count === 0 ? 0 : this.ends[this.count - 1]!;
  }

  /** Mean length of the entries; undefined where there are none. */
  get meanChunk(): number | undefined {
    return this.count === 0 ? undefined : this.size / this.count;
  }

  start(entry: number): number {
    return entry === 0 ? 0 : this.ends[entry - 1]!;
  }

  length(entry: number): number {
    return this.ends[entry]! - this.start(entry);
  }

  /** The entry that holds the byte at `offset`. */
  entryAt(offset: number): number {
    return firstAbove(this.ends, offset);
  }

  /** Shares of padding in the old payload stream itself. Chunks without any file, as the metadata of a tree fill them, are none: they stay behind. */
  shares(): { readonly all: number; readonly dead: number } {
    let all = 0;
    let dead = 0;
    for (let i = 0; i < this.#files.starts.length; i += 1)
      all -= this.#files.ends[i]! - this.#files.starts[i]!;
    for (let entry = 0; entry < this.count; entry += 1) {
      const bytes = this.bytes(entry);
      if (bytes.used === 0) continue;
      all += this.length(entry);
      dead += bytes.dead;
    }
    return { all: Math.max(0, all) / Math.max(1, this.size), dead: dead / Math.max(1, this.size) };
  }

  /** True for what lies behind the tree of a single archive. */
  isAppendix(offset: number): boolean {
    return offset >= (this.#files.treeEnd ?? Number.POSITIVE_INFINITY);
  }

  /** True if a file at `offset`, in that entry, can lie in the chunk injected last: it is the same one, and it comes behind in it. */
  follows(entry: number, offset: number, last: LastInjected | undefined): boolean {
    if (last === undefined || this.chunkOf(entry) !== this.chunkOf(last.entry)) return false;
    return offset - this.start(entry) > last.offset - this.start(last.entry);
  }

  /** How many bytes behind its header count as those of the file at `offset` with `size` bytes of content. */
  covered(offset: number, size: number): number {
    if (this.#files.treeEnd === undefined) return size;
    const file = firstAbove(this.#files.starts, offset) - 1;
    if (file < 0 || this.#files.starts[file] !== offset) return size;
    return Math.max(size, this.#files.ends[file]! - offset - PAYLOAD_HEADER);
  }

  /** The file at `offset` was changed, deleted or excluded: its bytes are not needed any more. */
  forget(offset: number): void {
    const file = firstAbove(this.#files.starts, offset) - 1;
    if (file < 0 || this.#files.starts[file] !== offset || this.#gone[file] === 1) return;
    this.#gone[file] = 1;
    const last = this.entryAt(this.#files.ends[file]! - 1);
    for (let entry = this.entryAt(offset); entry <= last && entry < this.count; entry += 1) {
      this.#used[this.#chunkOf[entry]!] = UNKNOWN;
    }
  }

  /** What the bytes of an entry's chunk are, as far as is known now. */
  bytes(entry: number): ChunkBytes {
    const chunk = this.#chunkOf[entry]!;
    let used = this.#used[chunk]!;
    if (used === UNKNOWN) {
      used = this.#countUsed(this.#entriesOf[chunk]!);
      this.#used[chunk] = used;
    }
    return { used, dead: this.length(entry) - used };
  }

  /** Length of the union of what files cover in these entries, which all have the same chunk. */
  #countUsed(entries: readonly number[]): number {
    const ranges = entries.flatMap((entry) => this.#rangesIn(entry));
    if (entries.length > 1) ranges.sort((a, b) => a[0] - b[0]);
    let used = 0;
    let reached = 0;
    for (const [from, to] of ranges) {
      if (to <= reached) continue;
      used += to - Math.max(from, reached);
      reached = to;
    }
    return used;
  }

  /** Ranges of files in an entry, relative to its start, ascending. */
  #rangesIn(entry: number): (readonly [number, number])[] {
    const { starts, ends } = this.#files;
    const start = this.start(entry);
    const end = this.ends[entry]!;
    const ranges: (readonly [number, number])[] = [];
    // Ranges ascend and do not overlap in sound archives: only the file before `start` can reach into the entry.
    for (let i = Math.max(0, firstAbove(starts, start) - 1); i < starts.length && starts[i]! < end; i += 1) {
      if (this.#gone[i] === 1 || ends[i]! <= start) continue;
      ranges.push([Math.max(starts[i]!, start) - start, Math.min(ends[i]!, end) - start]);
    }
    return ranges;
  }
}
