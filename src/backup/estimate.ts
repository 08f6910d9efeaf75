/** How much a backup will read: a walk beside it that lists and stats the same entries and opens none. */
import { stat } from 'node:fs/promises';
import { native } from '../native.js';
import { FileType, fileSize, fileType, identityKey, nameBytes, record, statWord } from '../native-listing.js';
import { type CancelFlag, type NativeTree, STAT } from '../native-scan.js';
import { HEADER_SIZE } from '../pxar/format.js';
import { lookAtImage } from './check-sources.js';
import type { WalkOptions } from './options.js';
import { type ScanTarget, selectDirectory } from './scan-directory.js';
import { Keep, type ScannedDirectory } from './scanned-directory.js';
import { type Source, sourceKind } from './sources.js';

export interface Estimate {
  /** Regular files; an inode with several names in one tree counts once. */
  readonly files: number;
  /** Length of their payload streams. */
  readonly bytes: number;
}

/** Start and end marker of a payload stream. */
const MARKERS = 2 * HEADER_SIZE;
/** Inodes with several names that are remembered; beyond that every name counts, and the estimate is too high. */
const LINKS_MAX = 262_144;

class TreeCount {
  readonly #tree: NativeTree;
  readonly #options: WalkOptions;
  readonly #signal: AbortSignal;
  readonly #links = new Set<string>();
  files = 0;
  bytes = MARKERS;

  constructor(path: string, options: WalkOptions, cancel: CancelFlag, signal: AbortSignal) {
    this.#tree = new native.Tree(path, false, cancel);
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const self = this.#tree.root().subarray(0, STAT.size);
    await this.#visit({ id: 0, path: '', patterns: this.#options.excludes, held: 0, self });
  }

  async #visit(target: ScanTarget): Promise<void> {
    this.#signal.throwIfAborted();
    const directory = await selectDirectory(this.#tree, this.#options, target);
    for (let row = 0; row < directory.keep.length; row += 1) {
      const type = fileType(directory.stats, row);
      if (type === FileType.regular) this.#countFile(directory, row);
      else if (type === FileType.directory && directory.keep[row] === Keep.yes)
        await this.#enter(directory, row);
    }
  }

  async #enter(parent: ScannedDirectory, row: number): Promise<void> {
    const name = nameBytes(parent.list, statWord(parent.stats, row, STAT.nameIndex));
    const self = record(parent.stats, row);
    const id = this.#tree.enter(parent.id, name, self);
    const path = `${parent.path}/${name.toString('latin1')}`;
    try {
      await this.#visit({ id, path, patterns: parent.patterns, held: parent.held, self });
    } finally {
      this.#tree.leave(id);
    }
  }

  #countFile({ stats }: ScannedDirectory, row: number): void {
    if (statWord(stats, row, STAT.nlink) > 1 && this.#isLaterName(identityKey(stats, row))) return;
    this.files += 1;
    this.bytes += HEADER_SIZE + fileSize(stats, row);
  }

  #isLaterName(inode: string): boolean {
    if (this.#links.has(inode)) return true;
    if (this.#links.size < LINKS_MAX) this.#links.add(inode);
    return false;
  }
}

/** Bytes of what is no directory. Throws where they show only at its end. */
async function sizeOf(source: Source): Promise<number> {
  if (sourceKind(source) !== 'image') return (await stat(source.path)).size;
  if (source.command !== undefined) throw new Error('nobody knows how much a command prints');
  const { kind, size } = await lookAtImage(source);
  if (kind === 'stream') throw new Error('nobody knows how much comes out of a pipe');
  return size;
}

/**
 * Counts what the sources hold, with the excludes and mount rules of the backup. One call at a time is under way, so that the
 * backup keeps the disk. Rejects when `signal` is aborted, with what a walk throws, and for sources whose size shows at their end.
 */
export async function estimateSources(
  sources: readonly Source[],
  walk: WalkOptions,
  signal: AbortSignal,
): Promise<Estimate> {
  const cancel = native.cancelFlag();
  const onAbort = (): void => native.cancel(cancel);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    let [files, bytes] = [0, 0];
    for (const source of sources) {
      if (sourceKind(source) !== 'directory') {
        bytes += await sizeOf(source);
        continue;
      }
      const count = new TreeCount(source.path, walk, cancel, signal);
      await count.run();
      files += count.files;
      bytes += count.bytes;
    }
    return { files, bytes };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
