/** Keeps an archive's part of an extended catalog in step with the live tree. docs/formats.md, CD §3. */
import type { CatalogDirectory, CatalogEntry, FileEntry } from '../catalog/entry.js';
import { CatalogError } from '../catalog/errors.js';
import type { CatalogReader } from '../catalog/reader.js';
import { MATCH } from '../native-detect.js';
import {
  bodyEnd,
  bodyStart,
  FileType,
  fileSize,
  fileType,
  nameEnd,
  nameStart,
  statSeconds,
  statWord,
} from '../native-listing.js';
import { STAT } from '../native-scan.js';
import { appendixContent } from '../pxar/appendix.js';
import { EXCLUDE_LIST_NAME } from '../pxar/format.js';
import type { Comparison, LiveRows, ReferenceWalk, WalkEvents } from './reference-walk.js';

/** What a file has for a position that cannot be right. */
const NOWHERE = -1;

/** An archive in a catalog. */
export interface CatalogArchive {
  readonly directory: CatalogDirectory;
  /** Position of its appendix; undefined if it has none. */
  readonly appendixStart: number | undefined;
}

/** Position of a file's PAYLOAD header in its archive; negative where it cannot have one. */
export function payloadPosition({ extension }: FileEntry, appendixStart: number | undefined): number {
  if (extension === undefined) return NOWHERE;
  if (extension.place === 'archive') return extension.offset;
  return appendixStart === undefined ? NOWHERE : appendixContent(appendixStart) + extension.offset;
}

/** True for what is in an archive and in no live tree: the exclude patterns, in the root. */
export function isMade({ name }: CatalogEntry, isInRoot: boolean): boolean {
  return isInRoot && name.equals(EXCLUDE_LIST_NAME);
}

/** A directory of the catalog that is open: its entries, one ahead. */
class OpenDirectory {
  readonly directory: CatalogDirectory;
  readonly #entries: AsyncGenerator<CatalogEntry>;
  /** The entry that comes next; undefined at the end. */
  next: CatalogEntry | undefined;

  constructor(reader: CatalogReader, directory: CatalogDirectory) {
    this.directory = directory;
    this.#entries = reader.list(directory);
  }

  /** Throws what reading the catalog throws; then there is nothing more. */
  async advance(): Promise<void> {
    this.next = undefined;
    const { value, done } = await this.#entries.next();
    if (done !== true) this.next = value;
  }
}

/** True for a row that is a regular file and was described. */
function isFile({ stats, description }: LiveRows, row: number): boolean {
  return fileType(stats, row) === FileType.regular && bodyStart(description, row) < bodyEnd(description, row);
}

function matchOf(entry: CatalogEntry, { stats }: LiveRows, row: number): number {
  if (entry.type === 'h') return MATCH.hardlink;
  if (entry.type !== 'f' || entry.extension === undefined) return MATCH.other;
  const { size, mtime, extension } = entry;
  const sameMtime =
    statSeconds(stats, row, STAT.mtime) === mtime &&
    statWord(stats, row, STAT.mtimeNs) === extension.mtimeNanoseconds;
  const sameCtime =
    statSeconds(stats, row, STAT.ctime) === extension.ctime &&
    statWord(stats, row, STAT.ctimeNs) === extension.ctimeNanoseconds;
  return (
    MATCH.file |
    (fileSize(stats, row) === size ? MATCH.size : 0) |
    (sameMtime ? MATCH.mtime : 0) |
    (sameCtime ? 0 : MATCH.otherCtime)
  );
}

/** Compares size, mtime and ctime. What is damaged in a directory costs the rest of it, and what is below that. */
export class CatalogWalk implements ReferenceWalk {
  readonly comparesCtime = true;
  readonly #reader: CatalogReader;
  readonly #archive: CatalogArchive;
  readonly #events: WalkEvents;
  /** For each live directory that is open, the root first, the catalog's; undefined where it has none. */
  readonly #open: (OpenDirectory | undefined)[] = [];
  #gone: number[] = [];

  constructor(reader: CatalogReader, archive: CatalogArchive, events: WalkEvents) {
    this.#reader = reader;
    this.#archive = archive;
    this.#events = events;
  }

  async begin(): Promise<void> {
    await this.#enter(this.#archive.directory);
  }

  async enter(name: Buffer): Promise<void> {
    const parent = this.#open.at(-1);
    const found = parent === undefined ? undefined : await this.#seek(parent, name, 0, name.length);
    await this.#enter(found?.type === 'd' ? found.directory : undefined);
    if (found?.type === 'd') await this.#advance(parent!);
    this.#reportGone();
  }

  async leave(): Promise<void> {
    const directory = this.#open.pop();
    while (directory?.next !== undefined) await this.#pass(directory, directory.next);
    this.#reportGone();
  }

  async compare(rows: LiveRows): Promise<Comparison> {
    const { list, stats, first, last } = rows;
    const matches = new Uint8Array(last - first);
    const payloads = new Float64Array(last - first);
    const directory = this.#open.at(-1);
    for (let row = first; directory?.next !== undefined && row < last; row += 1) {
      const name = statWord(stats, row, STAT.nameIndex);
      const entry = await this.#seek(directory, list, nameStart(list, name), nameEnd(list, name));
      // What is no file any more is passed over by the next name, and so is a directory where a file is now.
      if (entry === undefined || !isFile(rows, row)) continue;
      matches[row - first] = matchOf(entry, rows, row);
      if (entry.type === 'f') payloads[row - first] = payloadPosition(entry, this.#archive.appendixStart);
      if (entry.type !== 'd') await this.#advance(directory);
    }
    this.#reportGone();
    return { matches, payloads };
  }

  /** The entry called names[start, end), which stays the next one; what sorts before it is passed over. */
  async #seek(
    directory: OpenDirectory,
    names: Buffer,
    start: number,
    end: number,
  ): Promise<CatalogEntry | undefined> {
    for (let entry = directory.next; entry !== undefined; entry = directory.next) {
      const order = entry.name.compare(names, start, end);
      if (order === 0) return entry;
      if (order > 0) return undefined;
      await this.#pass(directory, entry);
    }
    return undefined;
  }

  /** Passes over an entry that the live tree does not have. */
  async #pass(directory: OpenDirectory, entry: CatalogEntry): Promise<void> {
    const isRoot = directory.directory === this.#archive.directory;
    if (entry.type === 'f' && !isMade(entry, isRoot))
      this.#gone.push(payloadPosition(entry, this.#archive.appendixStart));
    if (entry.type === 'd') await this.#passTree(entry.directory);
    await this.#advance(directory);
  }

  async #passTree(directory: CatalogDirectory): Promise<void> {
    try {
      for await (const { entry } of this.#reader.walk(directory))
        if (entry.type === 'f') this.#gone.push(payloadPosition(entry, this.#archive.appendixStart));
    } catch (error) {
      this.#damaged(error, directory);
    }
  }

  async #enter(directory: CatalogDirectory | undefined): Promise<void> {
    const opened = directory === undefined ? undefined : new OpenDirectory(this.#reader, directory);
    this.#open.push(opened);
    if (opened !== undefined) await this.#advance(opened);
  }

  async #advance(opened: OpenDirectory): Promise<void> {
    try {
      await opened.advance();
    } catch (error) {
      this.#damaged(error, opened.directory);
    }
  }

  #damaged(error: unknown, directory: CatalogDirectory): void {
    const position = error instanceof CatalogError ? error.offset : directory.start;
    this.#events.onDamage(error, position, true);
  }

  #reportGone(): void {
    if (this.#gone.length === 0) return;
    this.#events.onGone(Float64Array.from(this.#gone));
    this.#gone = [];
  }
}
