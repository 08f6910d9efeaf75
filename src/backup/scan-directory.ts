/** One directory: list → select → stat → describe. What is excluded is neither stat'ed nor opened. */
import { constants } from 'node:os';
import {
  DESCRIBE_REPLACED,
  DESCRIBE_XATTRS_SKIPPED,
  type Description,
  type DirectoryId,
  type Listing,
  type NativeTree,
  STAT,
  type StatRecords,
} from '../native-scan.js';
import { MAX_BODY } from '../pxar/format.js';
import { BackupError } from './errors.js';
import { parseExcludeFile } from './exclude.js';
import {
  bodyEnd,
  bodyStart,
  bodyStatus,
  countNames,
  countRecords,
  DT_DIR,
  directoryEntryType,
  FileType,
  fileSize,
  fileType,
  identityKey,
  indexOfName,
  nameLatin1,
  record,
  sameDevice,
  statWord,
} from './listing.js';
import { type Kind, type MatchEntry, matchPath } from './match-list.js';
import type { PresenceMarker, WalkOptions } from './options.js';
import type { WarningKind } from './report.js';
import { isVirtualFileSystem } from './virtual-file-systems.js';

/** What becomes of a row. */
export const Keep = { no: 0, yes: 1, empty: 2 } as const;

export interface ScanWarning {
  readonly kind: WarningKind;
  readonly path: string;
  readonly message: string;
}

/** A directory whose rows (records of `stats`) are ready to be written, in name order. */
export interface ScannedDirectory {
  readonly id: DirectoryId;
  /** Path inside the archive, latin1, '' for the root. */
  readonly path: string;
  readonly list: Listing;
  readonly stats: StatRecords;
  readonly description: Description;
  /** For each row one of Keep. */
  readonly keep: Uint8Array;
  /** Patterns that hold for what is in here. */
  readonly patterns: readonly MatchEntry[];
  /** Entries held along the path down to here. */
  readonly held: number;
  readonly excluded: number;
  readonly warnings: readonly ScanWarning[];
  /** First row whose subdirectory has not been asked for. */
  nextToScan: number;
  /** Scans of subdirectories by row. */
  readonly children: Map<number, PendingScan>;
}

/** A scan that was begun ahead of need. */
export interface PendingScan {
  readonly directory: Promise<ScannedDirectory>;
  /** To be called when somebody waits for it: it is admitted however much is held. */
  readonly hurry: () => void;
}

/** Where a scan begins. */
export interface ScanTarget {
  readonly id: DirectoryId;
  readonly path: string;
  readonly patterns: readonly MatchEntry[];
  readonly held: number;
  /** Its own stat record: rows with another device are mount points. */
  readonly self: StatRecords;
  /** Awaited when the number of names is known, before more than the names is held. */
  readonly admit?: (entries: number) => Promise<void> | undefined;
}

/** An empty listing and an empty description alike. */
const EMPTY = Buffer.alloc(12);

const EXCLUDE_FILE = '.pxarexclude';
const EXCLUDE_FILE_BYTES = Buffer.from(EXCLUDE_FILE);
const EXCLUDE_FILE_LIMIT = 16 * 1024 * 1024;

const UNREADABLE: ReadonlySet<number> = new Set([constants.errno.EACCES, constants.errno.EPERM]);
/** Not the fault of any file: going on would leave out everything that follows. */
const EXHAUSTED: ReadonlySet<number> = new Set([
  constants.errno.EMFILE,
  constants.errno.ENFILE,
  constants.errno.ENOMEM,
]);
const VANISHED: ReadonlySet<number> = new Set([constants.errno.ENOENT, constants.errno.ENOTDIR]);
/** Another inode, or a symbolic link where there was none. */
const REPLACED: ReadonlySet<number> = new Set([constants.errno.ESTALE, constants.errno.ELOOP]);

/** The kind of warning that an errno on one entry comes to. Throws BackupError `BACKUP_WALK` where it is not about that entry. */
export function kindOfErrno(errno: number): WarningKind {
  if (EXHAUSTED.has(errno)) {
    throw new BackupError(
      'BACKUP_WALK',
      `the walk has run out of descriptors or memory (${ERRNO_NAMES.get(errno)})`,
    );
  }
  if (VANISHED.has(errno)) return 'vanished';
  return REPLACED.has(errno) ? 'replaced' : 'unreadable';
}

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

export function errnoText(errno: number): string {
  if (VANISHED.has(errno)) return 'vanished before it could be read';
  if (REPLACED.has(errno)) return 'became something else while it was read';
  if (UNREADABLE.has(errno)) return 'permission denied';
  return `cannot be read (${ERRNO_NAMES.get(errno) ?? errno})`;
}

class DirectoryScan {
  readonly #tree: NativeTree;
  readonly #options: WalkOptions;
  readonly #target: ScanTarget;
  readonly #warnings: ScanWarning[] = [];
  #patterns: readonly MatchEntry[];
  #excluded = 0;

  constructor(tree: NativeTree, options: WalkOptions, target: ScanTarget) {
    this.#tree = tree;
    this.#options = options;
    this.#target = target;
    this.#patterns = target.patterns;
  }

  /** A directory that cannot be read any more is stored empty, with a warning; without the root there is nothing to store. */
  async run(describe: boolean): Promise<ScannedDirectory> {
    try {
      return await this.#scan(describe);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined || this.#target.id === 0) throw error;
      this.#warn(kindOfErrno(errno), this.#target.path, errnoText(errno));
      return this.#result(EMPTY, EMPTY.subarray(0, 0), EMPTY, new Uint8Array(0));
    }
  }

  async #scan(describe: boolean): Promise<ScannedDirectory> {
    const { id, held } = this.#target;
    const list = await this.#tree.list(id, this.#options.entriesMax - held);
    await this.#target.admit?.(countNames(list));
    await this.#readExcludeFile(list);
    const selected = (await this.#markedBy(list)) ?? this.#select(list);
    if (selected.length === 0) return this.#result(list, EMPTY.subarray(0, 0), EMPTY, new Uint8Array(0));
    const stats = this.#judge(await this.#tree.stat(id, list, selected), list);
    const keep = new Uint8Array(countRecords(stats)).fill(Keep.yes);
    await this.#judgeMountPoints(stats, list, keep);
    if (!describe) return this.#result(list, stats, EMPTY, keep);
    const description = await this.#tree.describe(id, list, stats, Uint32Array.from(keep.keys()));
    this.#judgeBodies(description, stats, list, keep);
    return this.#result(list, stats, description, keep);
  }

  #result(list: Listing, stats: StatRecords, description: Description, keep: Uint8Array): ScannedDirectory {
    const { id, path, held } = this.#target;
    return {
      id,
      path,
      list,
      stats,
      description,
      keep,
      patterns: this.#patterns,
      held: held + keep.length,
      excluded: this.#excluded,
      warnings: this.#warnings,
      nextToScan: 0,
      children: new Map(),
    };
  }

  #warn(kind: WarningKind, path: string, message: string): void {
    this.#warnings.push({ kind, path, message });
  }

  async #readExcludeFile(list: Listing): Promise<void> {
    if (indexOfName(list, EXCLUDE_FILE_BYTES) < 0) return;
    const text = await this.#tree.content(this.#target.id, EXCLUDE_FILE, EXCLUDE_FILE_LIMIT);
    if (text === undefined) return;
    const { entries, bad } = parseExcludeFile(text.toString('latin1'), this.#target.path);
    this.#patterns = [...this.#patterns, ...entries];
    for (const { pattern, reason } of bad) {
      this.#warn('bad pattern', `${this.#target.path}/${EXCLUDE_FILE}`, `pattern '${pattern}': ${reason}`);
    }
  }

  /** The selection of a directory that a marker file closes: that file alone. */
  async #markedBy(list: Listing): Promise<Uint32Array | undefined> {
    for (const marker of this.#options.markers) {
      const index = indexOfName(list, Buffer.from(marker.name, 'latin1'));
      if (index < 0 || !(await this.#hasMarker(marker))) continue;
      this.#excluded += countNames(list) - 1;
      return Uint32Array.of(index);
    }
    return undefined;
  }

  async #hasMarker(marker: PresenceMarker): Promise<boolean> {
    const head = await this.#tree.content(
      this.#target.id,
      Buffer.from(marker.name, 'latin1'),
      marker.header.length,
    );
    return head?.toString('latin1') === marker.header;
  }

  /** All names but those that patterns exclude. A name becomes a string only where there are patterns. */
  #select(list: Listing): Uint32Array {
    const total = countNames(list);
    const selected = new Uint32Array(total);
    let count = 0;
    for (let i = 0; i < total; i += 1) {
      if (
        this.#patterns.length > 0 &&
        this.#isExcluded(nameLatin1(list, i), kindOf(directoryEntryType(list, i)))
      )
        continue;
      selected[count] = i;
      count += 1;
    }
    this.#excluded += total - count;
    return selected.subarray(0, count);
  }

  #isExcluded(name: string, kind: Kind): boolean {
    return matchPath(this.#patterns, `${this.#target.path}/${name}`, kind) === 'exclude';
  }

  /** The records that stay, after what only a record can tell: errors, kinds that getdents did not give, sizes. */
  #judge(stats: StatRecords, list: Listing): StatRecords {
    const count = countRecords(stats);
    let kept = 0;
    for (let row = 0; row < count; row += 1) {
      const error = statWord(stats, row, STAT.error);
      if (error !== 0) this.#warn(kindOfErrno(error), this.#pathOf(stats, list, row), errnoText(error));
      else if (this.#isLeftOut(stats, row, list)) this.#excluded += 1;
      else {
        if (kept < row) stats.copyWithin(kept * STAT.size, row * STAT.size, (row + 1) * STAT.size);
        kept += 1;
      }
    }
    return stats.subarray(0, kept * STAT.size);
  }

  #pathOf(stats: StatRecords, list: Listing, row: number): string {
    return `${this.#target.path}/${nameLatin1(list, statWord(stats, row, STAT.nameIndex))}`;
  }

  #isLeftOut(stats: StatRecords, row: number, list: Listing): boolean {
    const type = fileType(stats, row);
    if (type === FileType.regular && fileSize(stats, row) > this.#options.largestFile) return true;
    if (this.#patterns.length === 0) return false;
    const name = nameLatin1(list, statWord(stats, row, STAT.nameIndex));
    return this.#isExcluded(name, type === FileType.directory ? 'directory' : 'other');
  }

  async #judgeMountPoints(stats: StatRecords, list: Listing, keep: Uint8Array): Promise<void> {
    for (let row = 0; row < keep.length; row += 1) {
      if (fileType(stats, row) !== FileType.directory) continue;
      const path = this.#pathOf(stats, list, row);
      if (this.#options.storedEmpty.has(identityKey(stats, row))) {
        keep[row] = Keep.empty;
        this.#warn('notice', path, 'belongs to the repository: stored as an empty directory');
      } else if (
        !sameDevice(stats, row, this.#target.self, 0) &&
        !(await this.#entersMount(stats, list, row))
      ) {
        keep[row] = Keep.empty;
        this.#warn('notice', path, 'skipping mount point');
      }
    }
  }

  async #entersMount(stats: StatRecords, list: Listing, row: number): Promise<boolean> {
    const device = identityKey(stats, row).slice(0, 8);
    if (!this.#options.allFileSystems && !this.#options.includedDevices.has(device)) return false;
    const index = statWord(stats, row, STAT.nameIndex);
    const name = Buffer.from(nameLatin1(list, index), 'latin1');
    const id = this.#tree.enter(this.#target.id, name, record(stats, row));
    try {
      return !isVirtualFileSystem(await this.#tree.magic(id));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    } finally {
      this.#tree.leave(id);
    }
  }

  /** Drops rows that could not be described, each with a warning. */
  #judgeBodies(description: Description, stats: StatRecords, list: Listing, keep: Uint8Array): void {
    for (let row = 0; row < keep.length; row += 1) {
      const status = bodyStatus(description, row);
      const tooLong = bodyEnd(description, row) - bodyStart(description, row) > MAX_BODY;
      if (status === 0 && !tooLong) continue;
      const path = this.#pathOf(stats, list, row);
      if (tooLong) {
        keep[row] = Keep.no;
        this.#warn('unreadable', path, 'has more metadata than an archive can hold');
        continue;
      }
      if (status === DESCRIBE_XATTRS_SKIPPED) {
        this.#warn('xattrs skipped', path, 'too many extended attributes: stored without them');
        continue;
      }
      keep[row] = Keep.no;
      const errno = status === DESCRIBE_REPLACED ? constants.errno.ESTALE : status & 0xffff;
      this.#warn(kindOfErrno(errno), path, errnoText(errno));
    }
  }
}

function kindOf(type: number): Kind {
  if (type === 0) return 'unknown';
  return type === DT_DIR ? 'directory' : 'other';
}

/** errno of a failed system call; undefined for every other error. */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return undefined;
  return error.errno;
}

/** Scans one directory. Throws ENTRIES_MAX, ABORT_ERR, for the root errors of system calls; errors on entries are warnings of the result. */
export function scanDirectory(
  tree: NativeTree,
  options: WalkOptions,
  target: ScanTarget,
): Promise<ScannedDirectory> {
  return new DirectoryScan(tree, options, target).run(true);
}

/** Lists, selects and stats one directory in the same way, but opens no entry: the description is empty. Throws as `scanDirectory`. */
export function selectDirectory(
  tree: NativeTree,
  options: WalkOptions,
  target: ScanTarget,
): Promise<ScannedDirectory> {
  return new DirectoryScan(tree, options, target).run(false);
}
