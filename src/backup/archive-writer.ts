/** Writes one tree as a split archive: metadata stream bytes and payload stream operations, in archive order. */
import { constants } from 'node:os';
import type { Injection } from '../detect/injection.js';
import { Reason } from '../detect/reasons.js';
import type { NativeBatch, NativeFile, NativeTree, ReadResult } from '../native-scan.js';
import { READ, STAT } from '../native-scan.js';
import type { MetadataEncoder } from '../pxar/encoder.js';
import { errnoOf } from './entry-errors.js';
import { EntryWriter } from './entry-writer.js';
import { FileDoubts, pathOf } from './file-doubts.js';
import type { HardlinkTable } from './hardlinks.js';
import { bodyStatus, FileType, fileSize, fileType, nameBytes, record, statWord } from './listing.js';
import { isRead, type Run } from './read-runs.js';
import type { Report } from './report.js';
import type { ScanAhead } from './scan-ahead.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { type EntriesPart, Role, type WalkPart } from './walk-parts.js';

/** Operations on the payload stream; each promise settles when the bytes are accepted. */
export interface PayloadSink {
  /** Appends PAYLOAD header and contents of the files at `indexes` of a batch. */
  writeBatch(batch: NativeBatch, indexes: Uint32Array): Promise<void>;
  /** Appends a PAYLOAD header and `size` bytes of the file; returns how many of them were really there. */
  writeFile(file: NativeFile, size: number): Promise<number>;
  /** Appends old chunks: 40 bytes each, u64 length and digest. */
  inject(chunks: Uint8Array): Promise<void>;
}

export interface ArchiveWriterOptions {
  readonly tree: NativeTree;
  readonly encoder: MetadataEncoder;
  readonly payload: PayloadSink;
  readonly links: HardlinkTable;
  readonly scan: ScanAhead;
  readonly report: Report;
  /** Nothing is read: every file is taken to be as its record says. */
  readonly dryRun: boolean;
  /** Where reused files go; undefined when everything is read. */
  readonly injection: Injection | undefined;
  /** Payload stream position of the first file: behind the start marker. */
  readonly payloadStart: number;
  /** Called with the path (latin1) of what is being written. */
  readonly onPath: (path: string) => void;
}

const PAYLOAD_HEADER = 16;
const PATH_MAX_STORED = 4096;
/** Positions beyond are not exact as numbers everywhere. */
const LONGEST_PAYLOAD = 2 ** 52;
const NO_SLOTS: ReadonlyMap<number, number> = new Map();

/** Files of a batch whose contents follow each other in the payload stream. */
interface Pending {
  readonly batch: NativeBatch;
  readonly indexes: number[];
}

export class ArchiveWriter {
  readonly #o: ArchiveWriterOptions;
  readonly #entries: EntryWriter;
  /** Files that were not stored, or not as they were. */
  readonly doubts: FileDoubts;
  #payloadPosition: number;
  #contents: ReadResult | undefined;
  #nextSmall = 0;
  #pending: Pending | undefined;

  constructor(options: ArchiveWriterOptions) {
    this.#o = options;
    this.#entries = new EntryWriter(options.encoder);
    this.doubts = new FileDoubts(options.report);
    this.#payloadPosition = options.payloadStart;
  }

  get payloadPosition(): number {
    return this.#payloadPosition;
  }

  /** Writes a run; the root's own `leave` is left to `MetadataEncoder.finish`. */
  async writeRun(run: Run): Promise<void> {
    this.#contents = run.contents === undefined ? undefined : await run.contents;
    this.#nextSmall = 0;
    this.#pending = this.#contents === undefined ? undefined : { batch: this.#contents.batch, indexes: [] };
    for (const part of run.parts) await this.#writePart(part);
    await this.#flushFiles();
    if (this.#contents !== undefined) this.#o.tree.discard(this.#contents.batch);
  }

  /** Hands on what waits at the end of the tree. */
  finish(): Promise<void> {
    return this.#flushPayload();
  }

  async #writePart(part: WalkPart): Promise<void> {
    switch (part.kind) {
      case 'enter':
        this.#announce(part.directory);
        this.#enter(part.parent, part.row);
        return;
      case 'empty':
        this.#enter(part.parent, part.row);
        this.#entries.leave();
        return;
      case 'entries':
        return this.#writeEntries(part);
      case 'leave':
        if (part.directory.id !== 0) this.#entries.leave();
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
    this.#entries.enter(directory, row);
    this.#o.report.totals.directories += 1;
  }

  async #writeEntries(part: EntriesPart): Promise<void> {
    for (let row = part.first; row < part.last; row += 1) {
      const role = part.roles[row - part.first];
      if (role === Role.leaf) this.#writeLeaf(part.directory, row);
      else if (role === Role.link) await this.#writeLaterName(part, row);
      else if (role === Role.none || !this.#fits(part.directory, row)) this.#skipSmall(part, row, role);
      else if (!isRead(part, row - part.first)) {
        if (this.#hasPendingFiles) await this.#flushFiles();
        this.#writeReused(part, row);
      } else if (role === Role.small) {
        if (this.#o.injection?.isPending === true) await this.#flushInjection();
        if (!this.#writeSmall(part, row)) await this.#writeAgain(part, row);
      } else if (role === Role.large) await this.#writeLarge(part, row);
    }
  }

  /** False, with a warning, for a file so long that positions in the payload stream would not be exact any more. */
  #fits(directory: ScannedDirectory, row: number): boolean {
    if (fileType(directory.stats, row) !== FileType.regular) return true;
    if (this.#payloadPosition + PAYLOAD_HEADER + fileSize(directory.stats, row) <= LONGEST_PAYLOAD)
      return true;
    this.doubts.leftOut(directory, row, 'too long to be stored');
    return false;
  }

  /** Passes over a row; the contents of a small file have been read all the same. */
  #skipSmall(part: EntriesPart, row: number, role: number | undefined): void {
    if (role === Role.small && isRead(part, row - part.first) && !this.#o.dryRun) this.#nextSmall += 1;
  }

  #writeLeaf(directory: ScannedDirectory, row: number): void {
    this.#entries.leaf(directory, row);
    const { totals } = this.#o.report;
    if (fileType(directory.stats, row) === FileType.symlink) totals.symlinks += 1;
    else totals.specials += 1;
  }

  /** Writes the entry of a file; `fresh` says that its contents are written in this run. */
  #writeFileEntry(part: EntriesPart, row: number, payload: number, fresh: boolean): void {
    const size = fileSize(part.directory.stats, row);
    const position = this.#entries.file(part.directory, row, payload, fresh);
    const slot = part.slots.get(row);
    if (slot !== undefined) this.#o.links.stored(slot, position);
    const reason = fresh ? (part.reasons?.[row - part.first] ?? Reason.noReference) : Reason.reused;
    this.#o.report.stored(reason, size, () => Buffer.from(pathOf(part.directory, row), 'latin1'));
  }

  /** Writes the entry of a file whose contents follow at the current payload position, and moves that on. */
  #writeFresh(part: EntriesPart, row: number): void {
    const size = fileSize(part.directory.stats, row);
    this.#writeFileEntry(part, row, this.#payloadPosition, true);
    this.#payloadPosition += PAYLOAD_HEADER + size;
  }

  /** Refers to the old contents of an unchanged file. */
  #writeReused(part: EntriesPart, row: number): void {
    const size = fileSize(part.directory.stats, row);
    const offset = this.#o.injection!.place(part.payloads![row - part.first]!, size, this.#payloadPosition);
    this.#writeFileEntry(part, row, offset, false);
    this.#payloadPosition = this.#o.injection!.position;
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
    if (status !== 0) this.doubts.changed(part.directory, row, status, this.#payloadPosition);
    this.#writeFresh(part, row);
    this.#pending!.indexes.push(index);
    return true;
  }

  get #hasPendingFiles(): boolean {
    return this.#pending !== undefined && this.#pending.indexes.length > 0;
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
    await this.#flushPayload();
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

  /** Hands on what waits, so that something of another kind can follow in the payload stream. */
  async #flushPayload(): Promise<void> {
    await this.#flushFiles();
    await this.#flushInjection();
  }

  async #flushInjection(): Promise<void> {
    const { injection, payload } = this.#o;
    if (injection?.isPending !== true) return;
    for (const chunks of injection.take()) await payload.inject(chunks);
  }

  async #flushFiles(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined || pending.indexes.length === 0) return;
    const indexes = Uint32Array.from(pending.indexes);
    pending.indexes.length = 0;
    await this.#o.payload.writeBatch(pending.batch, indexes);
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
    this.#entries.hardlink(part.directory, row, target);
    this.#o.report.totals.hardlinks += 1;
    return true;
  }

  async #writeLarge(part: EntriesPart, row: number): Promise<void> {
    await this.#flushPayload();
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
    const offset = this.#payloadPosition;
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
      return await this.#o.payload.writeFile(file, size);
    } catch (error) {
      if (error instanceof Error && 'syscall' in error && error.syscall === 'pread') return undefined;
      throw error;
    }
  }
}
