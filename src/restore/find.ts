/** Looks for names in an archive. */
import type { MatchEntry } from '../backup/match-list.js';
import { PxarDecoder } from '../pxar/decoder.js';
import type { ChildEntry, HardlinkEntry } from '../pxar/entry.js';
import type { OpenArchive } from './archive-source.js';
import { ArchiveTree, type Content } from './archive-tree.js';
import { type EntryRow, entryRow } from './entry-row.js';
import { isSelected } from './selection.js';

export interface FoundEntry {
  /** Absolute inside the archive. */
  readonly path: Buffer;
  readonly row: EntryRow;
}

const BATCH = 4096;

export interface FindOptions {
  /** An entry that nothing matches follows its directory, as in a restore; else it is left out. */
  readonly inherit: boolean;
  readonly signal: AbortSignal;
}

/** A directory that is open. */
interface Level {
  /** Absolute, latin1; the root's is empty. */
  readonly path: string;
  readonly selected: boolean;
}

class Search {
  readonly #archive: OpenArchive;
  readonly #patterns: readonly MatchEntry[];
  readonly #levels: Level[] = [];
  #tree: Promise<ArchiveTree> | undefined;

  constructor(archive: OpenArchive, patterns: readonly MatchEntry[]) {
    this.#archive = archive;
    this.#patterns = patterns;
  }

  async *run({ inherit, signal }: FindOptions): AsyncGenerator<FoundEntry> {
    const decoder = new PxarDecoder(this.#archive.metadata, { archive: this.#archive.name });
    for (
      let batch = await decoder.nextBatch(BATCH);
      batch.length > 0;
      batch = await decoder.nextBatch(BATCH)
    ) {
      signal.throwIfAborted();
      for (const entry of batch) {
        if (entry.kind === 'leave') {
          this.#levels.pop();
          continue;
        }
        const parent = this.#levels.at(-1);
        const path = parent === undefined ? '' : `${parent.path}/${entry.name.toString('latin1')}`;
        const isDirectory = entry.kind === 'directory';
        const selected =
          path !== '' && isSelected(this.#patterns, path, isDirectory, inherit && parent?.selected === true);
        if (isDirectory) this.#levels.push({ path, selected });
        if (selected) yield await this.#found(entry, path);
      }
    }
  }

  async #found(entry: ChildEntry, path: string): Promise<FoundEntry> {
    const content = entry.kind === 'hardlink' ? await this.#linked(entry) : entry;
    return { path: Buffer.from(path, 'latin1'), row: entryRow(entry, content, this.#archive.name) };
  }

  /** Only a link needs the tables. */
  async #linked(link: HardlinkEntry): Promise<Content> {
    this.#tree ??= ArchiveTree.open(this.#archive);
    return (await this.#tree).content(link);
  }
}

/**
 * The entries of an archive that patterns choose, in archive order (cli.md §8.4: the last pattern that matches decides). Throws
 * PxarError, and the signal's reason.
 */
export function findEntries(
  archive: OpenArchive,
  patterns: readonly MatchEntry[],
  options: FindOptions,
): AsyncGenerator<FoundEntry> {
  return new Search(archive, patterns).run(options);
}
