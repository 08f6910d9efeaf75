/** The catalog of a run whose archives are single: written while they are, one for all of them. catalog.md §4, docs/formats.md. */

import type { FileExtension } from '../catalog/entry.js';
import { ExtendedCatalogWriter } from '../catalog/extended-writer.js';
import type { OtherType } from '../catalog/format.js';
import { CatalogWriter } from '../catalog/writer.js';
import type { ArchiveStream, IngestSummary } from '../native-chunk.js';
import {
  FileType,
  fileSize,
  fileType,
  nameEnd,
  nameStart,
  statSeconds,
  statWord,
} from '../native-listing.js';
import { STAT } from '../native-scan.js';
import { CATALOG_NAME, type ServerName } from '../snapshot/archive-names.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { beginStream, PendingWrites, type StreamTarget } from './streams.js';

/** Average chunk size of every catalog, in bytes. */
const AVERAGE_SIZE = 512 * 1024;

const OTHER_TYPES: Readonly<Record<number, OtherType>> = {
  [FileType.symlink]: 'l',
  [FileType.block]: 'b',
  [FileType.character]: 'c',
  [FileType.fifo]: 'p',
  [FileType.socket]: 's',
};

const NO_TIMES = { ctime: 0, ctimeNanoseconds: 0, mtimeNanoseconds: 0 };

type Place = FileExtension['place'];

export class RunCatalog {
  readonly #target: StreamTarget;
  readonly #writer: CatalogWriter | ExtendedCatalogWriter;
  readonly #writes = new PendingWrites();
  #stream: ArchiveStream | undefined;

  /** `extended`: version 2, which a later run can compare with. */
  constructor(target: StreamTarget, extended: boolean) {
    this.#target = target;
    const options = {
      onBlock: (block: Buffer) => this.#writes.add(this.#stream!.write(block)),
    };
    this.#writer = extended ? new ExtendedCatalogWriter(options) : new CatalogWriter(options);
  }

  /** A later run can compare with it. */
  get extended(): boolean {
    return this.#writer instanceof ExtendedCatalogWriter;
  }

  /** Begins the part of an archive, with the first one the stream. */
  async startArchive(name: ServerName): Promise<void> {
    this.#stream ??= await beginStream(this.#target, CATALOG_NAME, {
      averageSize: AVERAGE_SIZE,
      payload: false,
    });
    this.#writer.startDirectory(Buffer.from(name));
  }

  enter({ list, stats }: ScannedDirectory, row: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    this.#writer.startDirectory(list, nameStart(list, name), nameEnd(list, name));
  }

  leave(): void {
    this.#writer.endDirectory();
  }

  /** Ends the part of an archive, whose appendix begins at `appendixStart`; 0: it has none. */
  endArchive(appendixStart: number): void {
    if (this.#writer instanceof ExtendedCatalogWriter) this.#writer.endArchive(appendixStart);
    else this.#writer.endDirectory();
  }

  /** A file whose PAYLOAD header is at `offset` of the archive, or of its appendix's content. */
  file({ list, stats }: ScannedDirectory, row: number, place: Place, offset: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    const [start, end] = [nameStart(list, name), nameEnd(list, name)];
    const [size, mtime] = [fileSize(stats, row), statSeconds(stats, row, STAT.mtime)];
    if (!(this.#writer instanceof ExtendedCatalogWriter)) {
      this.#writer.file(list, size, mtime, start, end);
      return;
    }
    const extension = {
      ctime: statSeconds(stats, row, STAT.ctime),
      ctimeNanoseconds: statWord(stats, row, STAT.ctimeNs),
      mtimeNanoseconds: statWord(stats, row, STAT.mtimeNs),
      place,
      offset,
    };
    this.#writer.file(list, size, mtime, extension, start, end);
  }

  /** A file that is in no directory, in the archive: its times are 0. */
  madeFile(name: Buffer, size: number, offset: number): void {
    if (this.#writer instanceof ExtendedCatalogWriter)
      this.#writer.file(name, size, 0, { ...NO_TIMES, place: 'archive', offset });
    else this.#writer.file(name, size, 0);
  }

  /** A link, device, FIFO or socket. */
  leaf({ list, stats }: ScannedDirectory, row: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    const type = OTHER_TYPES[fileType(stats, row)]!;
    this.#writer.other(type, list, nameStart(list, name), nameEnd(list, name));
  }

  hardlink({ list, stats }: ScannedDirectory, row: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    this.#writer.other('h', list, nameStart(list, name), nameEnd(list, name));
  }

  /** Waits until what was handed on is taken over. */
  drain(): Promise<void> {
    return this.#writes.drain();
  }

  /** Ends the catalog; undefined where the run had no archive for it. */
  async finish(): Promise<IngestSummary | undefined> {
    if (this.#stream === undefined) return undefined;
    this.#writer.finish();
    await this.#writes.drain();
    return this.#stream.finish();
  }

  abort(): void {
    this.#stream?.abort();
  }
}
