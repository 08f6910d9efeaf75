/**
 * A live tree in archive order, as parts: directories that begin and end, and rows of entries between them. Later names of
 * an inode are recognised here, where the order is fixed.
 */

import { FileType, fileSize, fileType, nameLatin1, statWord } from '../native-listing.js';
import { STAT } from '../native-scan.js';
import type { HardlinkTable } from './hardlinks.js';
import type { ScanAhead } from './scan-ahead.js';
import { Keep, type ScannedDirectory } from './scanned-directory.js';

/** Files up to this size are read in batches; larger ones are streamed one by one. */
export const SMALL_FILE = 1024 * 1024;
/** What one part may hold: rows, and bytes of small files. */
const PART_ROWS = 1024;
const PART_BYTES = 4 * 1024 * 1024;

/** What the writer does with a row that is no directory. */
export const Role = {
  /** Left out. */
  none: 0,
  /** No contents: link, device, FIFO, socket. */
  leaf: 1,
  small: 2,
  large: 3,
  /** A later name of a file. */
  link: 4,
} as const;

export type WalkPart =
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
  /** Why the contents of each row are read (Reason); 0: they are not, `payloads` says where the old ones are. */
  reasons: Uint8Array | undefined;
  payloads: Float64Array | undefined;
}

interface Frame {
  readonly directory: ScannedDirectory;
  row: number;
}

function isDirectory({ keep, stats }: ScannedDirectory, row: number): boolean {
  return keep[row] !== Keep.no && fileType(stats, row) === FileType.directory;
}

class TreeWalk {
  readonly #scan: ScanAhead;
  readonly #links: HardlinkTable;

  constructor(scan: ScanAhead, links: HardlinkTable) {
    this.#scan = scan;
    this.#links = links;
  }

  async *parts(root: ScannedDirectory): AsyncGenerator<WalkPart> {
    const stack: Frame[] = [{ directory: root, row: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { directory } = top;
      if (top.row >= directory.keep.length) {
        stack.pop();
        yield { kind: 'leave', directory };
      } else if (!isDirectory(directory, top.row)) {
        const part = this.#entries(directory, top.row);
        top.row = part.last;
        yield part;
      } else if (directory.keep[top.row] === Keep.empty) {
        yield { kind: 'empty', parent: directory, row: top.row++ };
      } else {
        const row = top.row++;
        const child = await this.#scan.child(directory, row);
        stack.push({ directory: child, row: 0 });
        yield { kind: 'enter', parent: directory, row, directory: child };
      }
    }
  }

  /** Rows up to the next directory. */
  #entries(directory: ScannedDirectory, first: number): EntriesPart {
    const most = Math.min(directory.keep.length, first + PART_ROWS);
    let last = first;
    for (let bytes = 0; last < most && bytes < PART_BYTES && !isDirectory(directory, last); last += 1) {
      const size = fileSize(directory.stats, last);
      if (size <= SMALL_FILE) bytes += size;
    }
    const roles = new Uint8Array(last - first);
    const slots = new Map<number, number>();
    for (let row = first; row < last; row += 1) roles[row - first] = this.#roleOf(directory, row, slots);
    return { kind: 'entries', directory, first, last, roles, slots, reasons: undefined, payloads: undefined };
  }

  #roleOf(directory: ScannedDirectory, row: number, slots: Map<number, number>): number {
    const { keep, stats } = directory;
    if (keep[row] === Keep.no) return Role.none;
    if (fileType(stats, row) !== FileType.regular) return Role.leaf;
    if (statWord(stats, row, STAT.nlink) > 1 && this.#isLaterName(directory, row, slots)) return Role.link;
    return fileSize(stats, row) <= SMALL_FILE ? Role.small : Role.large;
  }

  #isLaterName(directory: ScannedDirectory, row: number, slots: Map<number, number>): boolean {
    const name = nameLatin1(directory.list, statWord(directory.stats, row, STAT.nameIndex));
    const path = Buffer.from(`${directory.path}/${name}`.slice(1), 'latin1');
    const met = this.#links.meet(directory.stats, row, path);
    if (met.same !== false) slots.set(row, met.slot);
    return met.same === true;
  }
}

/** The parts of a tree whose root has been scanned; the last one is the root's `leave`. */
export function walkParts(
  scan: ScanAhead,
  links: HardlinkTable,
  root: ScannedDirectory,
): AsyncGenerator<WalkPart> {
  return new TreeWalk(scan, links).parts(root);
}
