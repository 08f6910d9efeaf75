/** Scans directories ahead of the reader, several at once, in about the order in which they will be needed. */
import type { NativeTree } from '../native-scan.js';
import { STAT } from '../native-scan.js';
import { FileType, fileType, nameBytes, record, statWord } from './listing.js';
import type { WalkOptions } from './options.js';
import { Keep, type ScannedDirectory, scanDirectory } from './scan-directory.js';

/** Directories being scanned at one time. */
const IN_FLIGHT = 12;
/** Entries that may have been scanned and not yet been used. */
const LOOK_AHEAD_ENTRIES = 32_768;

export class ScanAhead {
  readonly #tree: NativeTree;
  readonly #options: WalkOptions;
  /** Directories with subdirectories that nobody has asked for, the next one needed on top. */
  readonly #open: ScannedDirectory[] = [];
  #inFlight = 0;
  #entriesAhead = 0;
  #stopped = false;

  constructor(tree: NativeTree, options: WalkOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** Scans the root; `self` is its stat record. */
  async root(self: Buffer): Promise<ScannedDirectory> {
    const root = await this.#start({ id: 0, path: '', patterns: this.#options.excludes, held: 0, self });
    this.#use(root);
    return root;
  }

  /** The subdirectory in `row`, which must be asked for in ascending order of rows. */
  async child(parent: ScannedDirectory, row: number): Promise<ScannedDirectory> {
    if (!parent.children.has(row)) this.#scanRow(parent, row);
    const promise = parent.children.get(row)!;
    parent.children.delete(row);
    const directory = await promise;
    this.#use(directory);
    return directory;
  }

  /** Ends the use of a directory. */
  release(directory: ScannedDirectory): void {
    this.#tree.leave(directory.id);
  }

  /** Starts no further scans. */
  stop(): void {
    this.#stopped = true;
  }

  #use(directory: ScannedDirectory): void {
    this.#entriesAhead -= directory.keep.length;
    this.#advance();
  }

  #scanRow(parent: ScannedDirectory, row: number): void {
    parent.nextToScan = row + 1;
    const name = nameBytes(parent.list, statWord(parent.stats, row, STAT.nameIndex));
    const self = record(parent.stats, row);
    const promise = this.#start({
      id: this.#tree.enter(parent.id, name, self),
      path: `${parent.path}/${name.toString('latin1')}`,
      patterns: parent.patterns,
      held: parent.held,
      self,
    });
    // Whoever needs the directory sees the error; nobody may ever need it.
    promise.catch(() => undefined);
    parent.children.set(row, promise);
  }

  async #start(target: Parameters<typeof scanDirectory>[2]): Promise<ScannedDirectory> {
    this.#inFlight += 1;
    try {
      const directory = await scanDirectory(this.#tree, this.#options, target);
      this.#entriesAhead += directory.keep.length;
      this.#open.push(directory);
      return directory;
    } finally {
      this.#inFlight -= 1;
      this.#advance();
    }
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

/** The first row from `nextToScan` on that holds a directory to enter. */
function nextSubdirectory(directory: ScannedDirectory): number | undefined {
  for (let row = directory.nextToScan; row < directory.keep.length; row += 1) {
    if (directory.keep[row] === Keep.yes && fileType(directory.stats, row) === FileType.directory) return row;
  }
  directory.nextToScan = directory.keep.length;
  return undefined;
}
