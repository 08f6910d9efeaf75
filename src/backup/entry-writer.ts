/** Writes the rows of scanned directories into the metadata stream: names, hashes and bodies are copied as they were packed. */
import { STAT } from '../native-scan.js';
import type { MetadataEncoder } from '../pxar/encoder.js';
import { bodyEnd, bodyStart, fileSize, nameEnd, nameStart, statWord } from './listing.js';
import type { ScannedDirectory } from './scanned-directory.js';

export class EntryWriter {
  readonly #encoder: MetadataEncoder;

  constructor(encoder: MetadataEncoder) {
    this.#encoder = encoder;
  }

  enter({ list, stats, description }: ScannedDirectory, row: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    this.#encoder.enterDirectory(
      list,
      nameStart(list, name),
      nameEnd(list, name),
      stats,
      row * STAT.size + STAT.nameHash,
      description,
      bodyStart(description, row),
      bodyEnd(description, row),
    );
  }

  leave(): void {
    this.#encoder.leaveDirectory();
  }

  /** A link, device, FIFO or socket. */
  leaf({ list, stats, description }: ScannedDirectory, row: number): void {
    const name = statWord(stats, row, STAT.nameIndex);
    this.#encoder.leaf(
      list,
      nameStart(list, name),
      nameEnd(list, name),
      stats,
      row * STAT.size + STAT.nameHash,
      description,
      bodyStart(description, row),
      bodyEnd(description, row),
    );
  }

  /**
   * A file whose PAYLOAD header stands at `payload`; `fresh` says that its contents are written in this run. Returns the position of
   * its FILENAME.
   */
  file({ list, stats, description }: ScannedDirectory, row: number, payload: number, fresh: boolean): number {
    const name = statWord(stats, row, STAT.nameIndex);
    return this.#encoder.file(
      list,
      nameStart(list, name),
      nameEnd(list, name),
      stats,
      row * STAT.size + STAT.nameHash,
      description,
      bodyStart(description, row),
      bodyEnd(description, row),
      payload,
      fileSize(stats, row),
      fresh,
    );
  }

  /** A later name of the file at `target`. */
  hardlink({ list, stats }: ScannedDirectory, row: number, target: { position: number; path: Buffer }): void {
    const name = statWord(stats, row, STAT.nameIndex);
    this.#encoder.hardlink(
      list,
      nameStart(list, name),
      nameEnd(list, name),
      stats,
      row * STAT.size + STAT.nameHash,
      target.position,
      target.path,
    );
  }
}
