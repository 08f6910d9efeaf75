/** Scans directories ahead of the reader, several at once, in about the order in which they will be needed. */

import { FileType, fileType, nameBytes, record, statWord } from '../native-listing.js';
import type { NativeTree } from '../native-scan.js';
import { STAT } from '../native-scan.js';
import type { WalkOptions } from './options.js';
import { type ScanTarget, scanDirectory } from './scan-directory.js';
import { Keep, type ScannedDirectory } from './scanned-directory.js';

/** Scans of directories at one time. */
const IN_FLIGHT = 12;
/** Entries that may have been scanned and not yet been used. */
const LOOK_AHEAD_ENTRIES = 32_768;

/** Whether a scan may hold more than its names; `enter` ends its waiting. */
interface Admission {
  wanted: boolean;
  entries: number;
  enter: (() => void) | undefined;
}

/** Where a directory stands in the archive: its row, behind those of its ancestors from the root on. */
type Place = readonly number[];

export class ScanAhead {
  readonly #tree: NativeTree;
  readonly #options: WalkOptions;
  /** Directories with subdirectories that nobody has asked for, the next one needed on top. */
  readonly #open: ScannedDirectory[] = [];
  readonly #places = new WeakMap<ScannedDirectory, Place>();
  /** Scans that know their names and wait until less is held. */
  readonly #waiting = new Set<Admission>();
  #inFlight = 0;
  #entriesAhead = 0;
  #stopped = false;

  constructor(tree: NativeTree, options: WalkOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** Scans the root; `self` is its stat record. */
  async root(self: Buffer): Promise<ScannedDirectory> {
    const root = await this.#start({ id: 0, path: '', patterns: this.#options.excludes, held: 0, self }, [], {
      wanted: true,
      entries: 0,
      enter: undefined,
    });
    this.#use(root);
    return root;
  }

  /** The subdirectory in `row`, which must be asked for in ascending order of rows. */
  async child(parent: ScannedDirectory, row: number): Promise<ScannedDirectory> {
    if (!parent.children.has(row)) this.#scanRow(parent, row);
    const scan = parent.children.get(row)!;
    parent.children.delete(row);
    scan.hurry();
    const directory = await scan.directory;
    this.#use(directory);
    return directory;
  }

  /** Ends the use of a directory, its names and records. */
  release(directory: ScannedDirectory): void {
    directory.nextToScan = directory.keep.length;
    const { memory, list, stats, description } = directory;
    for (const part of memory === undefined ? [list, stats, description] : [memory]) this.#tree.discard(part);
    this.#tree.leave(directory.id);
  }

  /** Starts no further scans. */
  stop(): void {
    this.#stopped = true;
  }

  #use(directory: ScannedDirectory): void {
    this.#entriesAhead -= directory.keep.length;
    for (const admission of this.#waiting) {
      if (!this.#fits(admission.entries)) break;
      this.#hurry(admission);
    }
    this.#advance();
  }

  #scanRow(parent: ScannedDirectory, row: number): void {
    parent.nextToScan = row + 1;
    const name = nameBytes(parent.list, statWord(parent.stats, row, STAT.nameIndex));
    const self = record(parent.stats, row);
    const admission: Admission = { wanted: false, entries: 0, enter: undefined };
    const directory = this.#start(
      {
        id: this.#tree.enter(parent.id, name, self),
        path: `${parent.path}/${name.toString('latin1')}`,
        patterns: parent.patterns,
        held: parent.held,
        self,
      },
      [...this.#places.get(parent)!, row],
      admission,
    );
    // Whoever needs the directory sees the error; nobody may ever need it.
    directory.catch(() => undefined);
    parent.children.set(row, { directory, hurry: () => this.#hurry(admission) });
  }

  #hurry(admission: Admission): void {
    admission.wanted = true;
    if (!this.#waiting.delete(admission)) return;
    this.#entriesAhead += admission.entries;
    admission.enter?.();
  }

  #fits(entries: number): boolean {
    return this.#entriesAhead + entries <= LOOK_AHEAD_ENTRIES;
  }

  /** Lets a scan hold its records: at once while they fit or when it is wanted, else when it is its turn. */
  #admit(admission: Admission, entries: number): Promise<void> | undefined {
    admission.entries = entries;
    if (admission.wanted || this.#fits(entries)) {
      this.#entriesAhead += entries;
      return undefined;
    }
    this.#waiting.add(admission);
    return new Promise((resolve) => {
      admission.enter = resolve;
    });
  }

  async #start(
    target: Omit<ScanTarget, 'admit'>,
    place: Place,
    admission: Admission,
  ): Promise<ScannedDirectory> {
    this.#inFlight += 1;
    const admit = (entries: number): Promise<void> | undefined => this.#admit(admission, entries);
    try {
      const directory = await scanDirectory(this.#tree, this.#options, { ...target, admit });
      this.#entriesAhead += directory.keep.length - admission.entries;
      this.#insert(directory, place);
      return directory;
    } finally {
      this.#inFlight -= 1;
      this.#advance();
    }
  }

  /** Scans end in any order: what is needed first goes on top. */
  #insert(directory: ScannedDirectory, place: Place): void {
    this.#places.set(directory, place);
    let at = this.#open.length;
    while (at > 0 && isNeededBefore(this.#places.get(this.#open[at - 1]!)!, place)) at -= 1;
    this.#open.splice(at, 0, directory);
  }

  #advance(): void {
    while (!this.#stopped && this.#inFlight < IN_FLIGHT && this.#entriesAhead < LOOK_AHEAD_ENTRIES) {
      const directory = this.#open.at(-1);
      if (directory === undefined) return;
      const row = nextSubdirectory(directory);
      if (row === undefined) this.#open.pop();
      else this.#scanRow(directory, row);
    }
  }
}

/** Whether the subdirectories of `a` are needed before those of `b`: in archive order, and those of a descendant first. */
function isNeededBefore(a: Place, b: Place): boolean {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i += 1) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return a.length > b.length;
}

/** The first row from `nextToScan` on that holds a directory to enter. */
function nextSubdirectory(directory: ScannedDirectory): number | undefined {
  for (let row = directory.nextToScan; row < directory.keep.length; row += 1) {
    if (directory.keep[row] === Keep.yes && fileType(directory.stats, row) === FileType.directory) return row;
  }
  directory.nextToScan = directory.keep.length;
  return undefined;
}
