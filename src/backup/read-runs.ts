/**
 * Gathers parts into runs: stretches of entries whose small files are read by one native call. The reads of a run are
 * under way when it is handed out.
 */

import { fileSize } from '../native-listing.js';
import type { NativeTree, ReadGroup, ReadResult } from '../native-scan.js';
import { type EntriesPart, Role, type WalkPart } from './walk-parts.js';

/** What one run may hold; the last part may go beyond. */
const RUN_BYTES = 4 * 1024 * 1024;
const RUN_ENTRIES = 2048;

export interface Run {
  readonly parts: readonly WalkPart[];
  /** Contents of the small files that are read, in order of their rows; undefined when there are none. */
  readonly contents: Promise<ReadResult> | undefined;
}

/** True if the contents of a row are read. */
export function isRead({ reasons }: EntriesPart, i: number): boolean {
  return reasons === undefined || reasons[i] !== 0;
}

class RunBuilder {
  readonly #tree: NativeTree | undefined;
  #parts: WalkPart[] = [];
  #groups: ReadGroup[] = [];
  #bytes = 0;
  #entries = 0;

  constructor(tree: NativeTree | undefined) {
    this.#tree = tree;
  }

  get isFull(): boolean {
    return this.#bytes >= RUN_BYTES || this.#entries >= RUN_ENTRIES;
  }

  add(part: WalkPart): void {
    this.#parts.push(part);
    this.#entries += 1;
    if (part.kind === 'entries') this.#addEntries(part);
  }

  #addEntries(part: EntriesPart): void {
    const { directory, first, last, roles } = part;
    this.#entries += last - first;
    const small: number[] = [];
    for (let i = 0; i < roles.length; i += 1) {
      if (roles[i] !== Role.small || !isRead(part, i)) continue;
      small.push(first + i);
      this.#bytes += fileSize(directory.stats, first + i);
    }
    if (small.length === 0) return;
    const { id, list, stats } = directory;
    this.#groups.push({ directory: id, list, stats, indexes: Uint32Array.from(small) });
  }

  close(): Run {
    const contents = this.#groups.length > 0 ? this.#tree?.read(this.#groups) : undefined;
    // The writer sees the error when it comes to this run.
    contents?.catch(() => undefined);
    const run = { parts: this.#parts, contents };
    this.#parts = [];
    this.#groups = [];
    this.#bytes = 0;
    this.#entries = 0;
    return run;
  }
}

/** The parts as runs, in order. Without a tree nothing is read. */
export async function* readRuns(
  tree: NativeTree | undefined,
  parts: AsyncGenerator<WalkPart>,
): AsyncGenerator<Run> {
  const builder = new RunBuilder(tree);
  for await (const part of parts) {
    builder.add(part);
    if (builder.isFull) yield builder.close();
  }
  yield builder.close();
}

/** Keeps `depth` items of a generator under way. */
export async function* ahead<T>(items: AsyncGenerator<T>, depth: number): AsyncGenerator<T> {
  const queue: Promise<IteratorResult<T, unknown>>[] = [];
  try {
    for (;;) {
      while (queue.length < depth) {
        const next = items.next();
        next.catch(() => undefined);
        queue.push(next);
      }
      const result = await queue.shift()!;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await items.return(undefined);
  }
}
