/** Writes one tree into an archive: entries and contents of files, in archive order. */
import { constants } from 'node:os';
import { Reason } from '../detect/reasons.js';
import { bodyStatus, FileType, fileSize, fileType, nameBytes, record, statWord } from '../native-listing.js';
import type { NativeFile, NativeTree, ReadResult } from '../native-scan.js';
import { READ, STAT } from '../native-scan.js';
import type { ArchiveOutput } from './archive-output.js';
import { errnoOf } from './entry-errors.js';
import { FileDoubts, pathOf } from './file-doubts.js';
import type { HardlinkTable } from './hardlinks.js';
import { isRead, type Run } from './read-runs.js';
import type { Report } from './report.js';
import type { ScanAhead } from './scan-ahead.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { type EntriesPart, Role, type WalkPart } from './walk-parts.js';

export interface ArchiveWriterOptions {
  readonly tree: NativeTree;
  readonly output: ArchiveOutput;
  readonly links: HardlinkTable;
  readonly scan: ScanAhead;
  readonly report: Report;
  /** Nothing is read: every file is taken to be as its record says. */
  readonly dryRun: boolean;
  /** Called with the path (latin1) of what is being written. */
  readonly onPath: (path: string) => void;
}

const PAYLOAD_HEADER = 16;
const PATH_MAX_STORED = 4096;
/** Positions beyond are not exact as numbers everywhere. */
const LONGEST_PAYLOAD = 2 ** 52;
const NO_SLOTS: ReadonlyMap<number, number> = new Map();

export class ArchiveWriter {
  readonly #o: ArchiveWriterOptions;
  /** Files that were not stored, or not as they were. */
  readonly doubts: FileDoubts;
  #contents: ReadResult | undefined;
  #nextSmall = 0;

  constructor(options: ArchiveWriterOptions) {
    this.#o = options;
    this.doubts = new FileDoubts(options.report);
  }

  /** Writes a run; the root's own `leave` is left to `ArchiveOutput.finish`. */
  async writeRun(run: Run): Promise<void> {
    this.#contents = run.contents === undefined ? undefined : await run.contents;
    this.#nextSmall = 0;
    this.#o.output.startRun(this.#contents?.batch);
    for (const part of run.parts) await this.#writePart(part);
    await this.#o.output.endRun();
    if (this.#contents !== undefined) this.#o.tree.discard(this.#contents.batch);
  }

  /** Hands on what waits at the end of the tree. */
  finish(): Promise<void> {
    return this.#o.output.settle();
  }

  async #writePart(part: WalkPart): Promise<void> {
    switch (part.kind) {
      case 'enter':
        this.#announce(part.directory);
        this.#enter(part.parent, part.row);
        return;
      case 'empty':
        this.#enter(part.parent, part.row);
        this.#o.output.leave();
        return;
      case 'entries':
        return this.#writeEntries(part);
      case 'leave':
        if (part.directory.id !== 0) this.#o.output.leave();
        this.#o.scan.release(part.directory);
    }
  }

  /** Hands on what happened while the directory was scanned. */
  #announce(directory: ScannedDirectory): void {
    this.#o.onPath(directory.path);
    this.reportScan(directory);
  }

  /** Counts and warnings of a directory's scan; public for the root. */
  reportScan(directory: ScannedDirectory): void {
    this.#o.report.totals.excluded += directory.excluded;
    for (const { kind, path, message } of directory.warnings) {
      this.#o.report.warn(kind, Buffer.from(path, 'latin1'), message);
    }
  }

  #enter(directory: ScannedDirectory, row: number): void {
    this.#o.output.enter(directory, row);
    this.#o.report.totals.directories += 1;
  }

  async #writeEntries(part: EntriesPart): Promise<void> {
    for (let row = part.first; row < part.last; row += 1) {
      const role = part.roles[row - part.first];
      if (role === Role.leaf) this.#writeLeaf(part.directory, row);
      else if (role === Role.link) await this.#writeLaterName(part, row);
      else if (role === Role.none || !this.#fits(part.directory, row)) this.#skipSmall(part, row, role);
      else if (!isRead(part, row - part.first)) {
        const ready = this.#o.output.ready('reused');
        if (ready !== undefined) await ready;
        this.#writeReused(part, row);
      } else if (role === Role.small) {
        const ready = this.#o.output.ready('fresh');
        if (ready !== undefined) await ready;
        if (!this.#writeSmall(part, row)) await this.#writeAgain(part, row);
      } else if (role === Role.large) await this.#writeLarge(part, row);
    }
  }

  /** False, with a warning, for a file so long that positions in the payload stream would not be exact any more. */
  #fits(directory: ScannedDirectory, row: number): boolean {
    if (fileType(directory.stats, row) !== FileType.regular) return true;
    const content = this.#o.output.contentAt(directory, row) + PAYLOAD_HEADER;
    if (content + fileSize(directory.stats, row) <= LONGEST_PAYLOAD) return true;
    this.doubts.leftOut(directory, row, 'too long to be stored');
    return false;
  }

  /** Passes over a row; the contents of a small file have been read all the same. */
  #skipSmall(part: EntriesPart, row: number, role: number | undefined): void {
    if (role === Role.small && isRead(part, row - part.first) && !this.#o.dryRun) this.#nextSmall += 1;
  }

  #writeLeaf(directory: ScannedDirectory, row: number): void {
    this.#o.output.leaf(directory, row);
    const { totals } = this.#o.report;
    if (fileType(directory.stats, row) === FileType.symlink) totals.symlinks += 1;
    else totals.specials += 1;
  }

  /** Counts a file whose FILENAME is at `position`, for later names and the report. */
  #stored(part: EntriesPart, row: number, position: number, reason: number): void {
    const slot = part.slots.get(row);
    if (slot !== undefined) this.#o.links.stored(slot, position);
    const size = fileSize(part.directory.stats, row);
    this.#o.report.stored(reason, size, () => Buffer.from(pathOf(part.directory, row), 'latin1'));
  }

  /** Writes the entry of a file whose contents follow. */
  #writeFresh(part: EntriesPart, row: number): void {
    const position = this.#o.output.fresh(part.directory, row);
    this.#stored(part, row, position, part.reasons?.[row - part.first] ?? Reason.noReference);
  }

  /** Refers to the old contents of an unchanged file. */
  #writeReused(part: EntriesPart, row: number): void {
    const position = this.#o.output.reuse!(part.directory, row, part.payloads![row - part.first]!);
    this.#stored(part, row, position, Reason.reused);
  }

  /** False when something else has taken the file's name. */
  #writeSmall(part: EntriesPart, row: number): boolean {
    if (this.#o.dryRun) {
      this.#writeFresh(part, row);
      return true;
    }
    const index = this.#nextSmall;
    this.#nextSmall += 1;
    const status = this.#contents!.status[index]!;
    if ((status & READ.replaced) !== 0) return false;
    if ((status & READ.failed) !== 0) {
      this.doubts.failed(part.directory, row, this.#contents!.errors[index]!);
      return true;
    }
    if (status !== 0) {
      this.doubts.changed(part.directory, row, status, this.#o.output.contentAt(part.directory, row));
    }
    this.#writeFresh(part, row);
    this.#o.output.put(index);
    return true;
  }

  /** A file that was replaced since it was stat'ed, as programs do that write a new one and rename it: looked at once more. */
  async #writeAgain(part: EntriesPart, row: number): Promise<void> {
    const { directory } = part;
    const fresh = await this.#lookAgain(directory, statWord(directory.stats, row, STAT.nameIndex));
    if (fresh === undefined) {
      this.doubts.failed(directory, row, constants.errno.ESTALE);
      return;
    }
    if (!this.#fits(fresh, 0)) return;
    const reasons = part.reasons === undefined ? undefined : Uint8Array.of(part.reasons[row - part.first]!);
    const again = { ...part, directory: fresh, first: 0, last: 1, reasons, slots: NO_SLOTS };
    await this.#o.output.settle();
    const file = await this.#open(fresh, 0);
    if (typeof file === 'number') this.doubts.failed(fresh, 0, file);
    else await this.#stream(again, 0, file);
  }

  /** The directory with one row: what has that name now, if it is a regular file. */
  async #lookAgain(directory: ScannedDirectory, nameIndex: number): Promise<ScannedDirectory | undefined> {
    const { id, list } = directory;
    try {
      const stats = await this.#o.tree.stat(id, list, Uint32Array.of(nameIndex));
      if (statWord(stats, 0, STAT.error) !== 0 || fileType(stats, 0) !== FileType.regular) return undefined;
      const description = await this.#o.tree.describe(id, list, stats, Uint32Array.of(0));
      return bodyStatus(description, 0) === 0 ? { ...directory, stats, description } : undefined;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return undefined;
    }
  }

  /** A later name of a file; where the first one was not stored after all it becomes a file. */
  async #writeLaterName(part: EntriesPart, row: number): Promise<void> {
    if (this.#writeLink(part, row) || !this.#fits(part.directory, row)) return;
    // Later names refer to this one from now on.
    const slot = part.slots.get(row)!;
    if (this.#o.links.target(slot) === undefined) {
      this.#o.links.rename(slot, Buffer.from(pathOf(part.directory, row).slice(1), 'latin1'));
    }
    await this.#writeLarge(part, row);
  }

  /** False when the first name was not stored, or cannot be named. */
  #writeLink(part: EntriesPart, row: number): boolean {
    const target = this.#o.links.target(part.slots.get(row)!);
    if (target === undefined || target.path.length > PATH_MAX_STORED) return false;
    this.#o.output.hardlink(part.directory, row, target);
    this.#o.report.totals.hardlinks += 1;
    return true;
  }

  async #writeLarge(part: EntriesPart, row: number): Promise<void> {
    await this.#o.output.settle();
    if (this.#o.dryRun) return this.#writeFresh(part, row);
    const file = await this.#open(part.directory, row);
    if (file === constants.errno.ESTALE || file === constants.errno.ELOOP) await this.#writeAgain(part, row);
    else if (typeof file === 'number') this.doubts.failed(part.directory, row, file);
    else await this.#stream(part, row, file);
  }

  /** The opened file, or the errno of what kept it from being opened. */
  async #open(directory: ScannedDirectory, row: number): Promise<NativeFile | number> {
    const name = nameBytes(directory.list, statWord(directory.stats, row, STAT.nameIndex));
    try {
      return await this.#o.tree.open(directory.id, name, record(directory.stats, row));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      return errno;
    }
  }

  /** Writes an entry and the contents of its open file; nothing waits to be written before it. */
  async #stream(part: EntriesPart, row: number, file: NativeFile): Promise<void> {
    const { directory } = part;
    const size = fileSize(directory.stats, row);
    const offset = this.#o.output.contentAt(directory, row);
    this.#o.onPath(pathOf(directory, row));
    this.#writeFresh(part, row);
    const got = await this.#streamFile(file, size);
    const status = this.#o.tree.compare(file, record(directory.stats, row));
    if (got === undefined) this.doubts.brokeOff(directory, row, offset);
    else if (status !== 0 || got < size) {
      this.doubts.changed(directory, row, got < size ? status | READ.short : status, offset);
    }
  }

  /** Bytes that were there; undefined when reading failed and zeros stand in for the rest. */
  async #streamFile(file: NativeFile, size: number): Promise<number | undefined> {
    try {
      return await this.#o.output.stream(file, size);
    } catch (error) {
      if (error instanceof Error && 'syscall' in error && error.syscall === 'pread') return undefined;
      throw error;
    }
  }
}
