/**
 * Cuts a tree, in archive order, into runs: stretches of entries whose small files are read by one native call.
 * The reads of a run are under way when it is handed out.
 */
import { type NativeTree, type ReadGroup, type ReadResult, STAT } from '../native-scan.js';
import type { HardlinkTable } from './hardlinks.js';
import { FileType, fileSize, fileType, nameLatin1, statWord } from './listing.js';
import type { ScanAhead } from './scan-ahead.js';
import { Keep, type ScannedDirectory } from './scan-directory.js';

/** Files up to this size are read in batches; larger ones are streamed one by one. */
export const SMALL_FILE = 1024 * 1024;
/** What one run may hold. */
const RUN_BYTES = 4 * 1024 * 1024;
const RUN_ENTRIES = 2048;

/** What the writer does with a row that is no directory. */
export const Role = { leaf: 0, small: 1, large: 2, link: 3 } as const;

export type RunPart =
  | {
      readonly kind: 'enter';
      readonly parent: ScannedDirectory;
      readonly row: number;
      readonly directory: ScannedDirectory;
    }
  /** A directory that is stored without what is in it. */
  | { readonly kind: 'empty'; readonly parent: ScannedDirectory; readonly row: number }
  | { readonly kind: 'leave'; readonly directory: ScannedDirectory }
  | EntriesPart;

/** Rows [first, last) of a directory, none of them a directory. */
export interface EntriesPart {
  readonly kind: 'entries';
  readonly directory: ScannedDirectory;
  readonly first: number;
  readonly last: number;
  /** Role of each row. */
  readonly roles: Uint8Array;
  /** Hard-link slots of rows with several names. */
  readonly slots: ReadonlyMap<number, number>;
}

export interface Run {
  readonly parts: readonly RunPart[];
  /** Contents of the small files, in order of their rows; undefined when there are none. */
  readonly contents: Promise<ReadResult> | undefined;
}

interface Frame {
  readonly directory: ScannedDirectory;
  row: number;
}

class RunPlanner {
  readonly #tree: NativeTree;
  readonly #scan: ScanAhead;
  readonly #links: HardlinkTable;
  #parts: RunPart[] = [];
  #groups: ReadGroup[] = [];
  #bytes = 0;
  #entries = 0;

  constructor(tree: NativeTree, scan: ScanAhead, links: HardlinkTable) {
    this.#tree = tree;
    this.#scan = scan;
    this.#links = links;
  }

  async *plan(root: ScannedDirectory): AsyncGenerator<Run> {
    const stack: Frame[] = [{ directory: root, row: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { directory } = top;
      if (top.row < directory.keep.length && this.#isDirectory(directory, top.row)) {
        const row = top.row++;
        const child = await this.#enter(directory, row);
        if (child !== undefined) stack.push({ directory: child, row: 0 });
      } else if (top.row < directory.keep.length) {
        top.row = this.#takeEntries(directory, top.row);
      } else {
        stack.pop();
        this.#parts.push({ kind: 'leave', directory });
        this.#entries += 1;
      }
      if (this.#bytes >= RUN_BYTES || this.#entries >= RUN_ENTRIES) yield this.#close();
    }
    yield this.#close();
  }

  #isDirectory(directory: ScannedDirectory, row: number): boolean {
    return directory.keep[row] !== Keep.no && fileType(directory.stats, row) === FileType.directory;
  }

  async #enter(parent: ScannedDirectory, row: number): Promise<ScannedDirectory | undefined> {
    this.#entries += 1;
    if (parent.keep[row] === Keep.empty) {
      this.#parts.push({ kind: 'empty', parent, row });
      return undefined;
    }
    const directory = await this.#scan.child(parent, row);
    this.#parts.push({ kind: 'enter', parent, row, directory });
    return directory;
  }

  /** Takes rows up to the next directory or until the run is full; returns the first row that was not taken. */
  #takeEntries(directory: ScannedDirectory, first: number): number {
    const roles: number[] = [];
    const slots = new Map<number, number>();
    const small: number[] = [];
    let row = first;
    for (; row < directory.keep.length && !this.#isDirectory(directory, row); row += 1) {
      if (this.#bytes >= RUN_BYTES || this.#entries >= RUN_ENTRIES) break;
      this.#entries += 1;
      const role = directory.keep[row] === Keep.no ? Role.leaf : this.#roleOf(directory, row, slots);
      roles.push(role);
      if (role !== Role.small) continue;
      small.push(row);
      this.#bytes += fileSize(directory.stats, row);
    }
    this.#parts.push({ kind: 'entries', directory, first, last: row, roles: Uint8Array.from(roles), slots });
    if (small.length > 0) {
      const { id, list, stats } = directory;
      this.#groups.push({ directory: id, list, stats, indexes: Uint32Array.from(small) });
    }
    return row;
  }

  #roleOf(directory: ScannedDirectory, row: number, slots: Map<number, number>): number {
    const { stats } = directory;
    if (fileType(stats, row) !== FileType.regular) return Role.leaf;
    if (statWord(stats, row, STAT.nlink) > 1) {
      const name = nameLatin1(directory.list, statWord(stats, row, STAT.nameIndex));
      const met = this.#links.meet(stats, row, Buffer.from(`${directory.path}/${name}`.slice(1), 'latin1'));
      if (met.same !== false) slots.set(row, met.slot);
      if (met.same === true) return Role.link;
    }
    return fileSize(stats, row) <= SMALL_FILE ? Role.small : Role.large;
  }

  #close(): Run {
    const contents = this.#groups.length > 0 ? this.#tree.read(this.#groups) : undefined;
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

/** The runs of a tree whose root has been scanned. The last run ends with the root's `leave`. */
export function planRuns(
  tree: NativeTree,
  scan: ScanAhead,
  links: HardlinkTable,
  root: ScannedDirectory,
): AsyncGenerator<Run> {
  return new RunPlanner(tree, scan, links).plan(root);
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
