/** Writes the rows of scanned directories into an archive: names, hashes and bodies are copied as they were packed. */

import { bodyEnd, bodyStart, nameEnd, nameStart, statWord } from '../native-listing.js';
import { STAT } from '../native-scan.js';
import type { TreeEncoder } from '../pxar/tree-encoder.js';
import type { ScannedDirectory } from './scanned-directory.js';

/** All entries but files, which differ by layout. */
export class EntryWriter {
  readonly #encoder: TreeEncoder;

  constructor(encoder: TreeEncoder) {
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
