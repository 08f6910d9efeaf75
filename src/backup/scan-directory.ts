/** One directory: list → select → stat → describe. What is excluded is neither stat'ed nor opened. */
import { constants } from 'node:os';
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
} from '../native-listing.js';
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
import { errnoOf, errnoText, kindOfErrno } from './entry-errors.js';
import { parseExcludeFile } from './exclude.js';
import { type Kind, type MatchEntry, matchPath } from './match-list.js';
import type { PresenceMarker, WalkOptions } from './options.js';
import type { WarningKind } from './report.js';
import { Keep, type ScannedDirectory, type ScanWarning } from './scanned-directory.js';
import { isVirtualFileSystem } from './virtual-file-systems.js';

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

/** What one native call found out of a directory. */
interface Whole {
  readonly memory: ArrayBuffer;
  readonly list: Listing;
  readonly stats: StatRecords | undefined;
  readonly description: Description | undefined;
}

function partsOf(memory: ArrayBuffer): Whole {
  const whole = Buffer.from(memory);
  const statsAt = 8 + whole.readUInt32LE(0);
  const descriptionAt = statsAt + whole.readUInt32LE(4);
  return {
    memory,
    list: whole.subarray(8, statsAt),
    stats: descriptionAt > statsAt ? whole.subarray(statsAt, descriptionAt) : undefined,
    description: descriptionAt < whole.length ? whole.subarray(descriptionAt) : undefined,
  };
}

class DirectoryScan {
  readonly #tree: NativeTree;
  readonly #options: WalkOptions;
  readonly #target: ScanTarget;
  readonly #warnings: ScanWarning[] = [];
  #patterns: readonly MatchEntry[];
  #excluded = 0;
  /** What listing, records and description share. */
  #memory: ArrayBuffer | undefined;

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
    const limit = this.#options.entriesMax - held;
    const whole = describe && this.#takesAll ? await this.#whole(limit) : undefined;
    const list = whole?.list ?? (await this.#tree.list(id, limit));
    await this.#target.admit?.(countNames(list));
    if (whole?.stats !== undefined && whole.description !== undefined) {
      this.#memory = whole.memory;
      return this.#finish(list, whole.stats, whole.description);
    }
    await this.#readExcludeFile(list);
    const selected = (await this.#markedBy(list)) ?? this.#select(list);
    if (selected.length === 0) return this.#result(list, EMPTY.subarray(0, 0), EMPTY, new Uint8Array(0));
    const stats = this.#judge(await this.#tree.stat(id, list, selected), list);
    if (!describe) return this.#finish(list, stats, undefined);
    const rows = Uint32Array.from({ length: countRecords(stats) }, (_, row) => row);
    return this.#finish(list, stats, await this.#tree.describe(id, list, stats, rows));
  }

  /** Judges what only records and bodies can tell. */
  async #finish(
    list: Listing,
    stats: StatRecords,
    description: Description | undefined,
  ): Promise<ScannedDirectory> {
    const keep = new Uint8Array(countRecords(stats)).fill(Keep.yes);
    await this.#judgeMountPoints(stats, list, keep);
    this.#leaveOutReserved(stats, list, keep);
    if (description !== undefined) this.#judgeBodies(description, stats, list, keep);
    return this.#result(list, stats, description ?? EMPTY, keep);
  }

  /** The root must not have an entry of the name that the archive gives to its own. */
  #leaveOutReserved(stats: StatRecords, list: Listing, keep: Uint8Array): void {
    const { reservedName } = this.#options;
    if (this.#target.id !== 0 || reservedName === undefined) return;
    const index = indexOfName(list, reservedName);
    const row = keep.findIndex((_, at) => statWord(stats, at, STAT.nameIndex) === index);
    if (row < 0) return;
    keep[row] = Keep.no;
    this.#excluded += 1;
  }

  /** True if nothing is left out by name or size, as far as that is known before the names are. */
  get #takesAll(): boolean {
    return this.#patterns.length === 0 && this.#options.largestFile === Number.POSITIVE_INFINITY;
  }

  /** What one native call finds out: all, or the listing and perhaps the stat records. */
  async #whole(limit: number): Promise<Whole> {
    const names = [EXCLUDE_FILE, ...this.#options.markers.map((marker) => marker.name)];
    const onlyList = Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1');
    return partsOf(await this.#tree.whole(this.#target.id, limit, onlyList));
  }

  #result(list: Listing, stats: StatRecords, description: Description, keep: Uint8Array): ScannedDirectory {
    const { id, path, held } = this.#target;
    return {
      id,
      path,
      memory: this.#memory,
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
      if (keep[row] === Keep.no) continue;
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
