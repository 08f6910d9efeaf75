/** The catalog of a run whose archives are single: written while they are, one for all of them. catalog.md §4. */

import type { OtherType } from '../catalog/format.js';
import { CatalogWriter } from '../catalog/writer.js';
import type { ArchiveStream, IngestSummary } from '../native-chunk.js';
import { STAT, type StatRecords } from '../native-scan.js';
import { CATALOG_NAME, type ServerName } from '../snapshot/archive-names.js';
import { FileType, fileSize, fileType, nameEnd, nameStart, statWord } from './listing.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { beginStream, PendingWrites, type StreamTarget } from './streams.js';

/** Average chunk size of every catalog, in bytes. */
const AVERAGE_SIZE = 512 * 1024;
const WORD = 2 ** 32;
/** Seconds whose upper word is below this, signed, are exact as a number. */
const SAFE_UPPER = 2 ** 21;

const OTHER_TYPES: Readonly<Record<number, OtherType>> = {
  [FileType.symlink]: 'l',
  [FileType.block]: 'b',
  [FileType.character]: 'c',
  [FileType.fifo]: 'p',
  [FileType.socket]: 's',
};

/** Modification time of a record in whole seconds, rounded down. */
function mtimeSeconds(stats: StatRecords, row: number): number | bigint {
  const at = row * STAT.size + STAT.mtime;
  const upper = stats.readInt32LE(at + 4);
  return Math.abs(upper) < SAFE_UPPER ? upper * WORD + stats.readUInt32LE(at) : stats.readBigInt64LE(at);
}

export class RunCatalog {
  readonly #target: StreamTarget;
  readonly #writer: CatalogWriter;
  readonly #writes = new PendingWrites();
  #stream: ArchiveStream | undefined;

  constructor(target: StreamTarget) {
    this.#target = target;
    this.#writer = new CatalogWriter({ onBlock: (block) => this.#writes.add(this.#stream!.write(block)) });
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

  /** Ends a directory, or the part of an archive. */
  leave(): void {
    this.#writer.endDirectory();
  }

  file({ list, stats }: ScannedDirectory, row: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    const mtime = mtimeSeconds(stats, row);
    this.#writer.file(list, fileSize(stats, row), mtime, nameStart(list, name), nameEnd(list, name));
  }

  /** A file that is in no directory: its time is 0. */
  madeFile(name: Buffer, size: number): void {
    this.#writer.file(name, size, 0);
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
