/** Looks for names in an archive. */
import { type MatchEntry, matchPath } from '../backup/match-list.js';
import { PxarAccessor } from '../pxar/accessor.js';
import { PxarDecoder } from '../pxar/decoder.js';
import type { ChildEntry, FileEntry, HardlinkEntry } from '../pxar/entry.js';
import type { OpenArchive } from './archive-source.js';
import { type EntryRow, entryRow } from './entry-row.js';

export interface FoundEntry {
  /** Absolute inside the archive. */
  readonly path: Buffer;
  readonly row: EntryRow;
}

const BATCH = 4096;

class Search {
  readonly #archive: OpenArchive;
  readonly #patterns: readonly MatchEntry[];
  /** Of the directories that are open, latin1; the root's is empty. */
  readonly #paths: string[] = [];
  #accessor: Promise<PxarAccessor> | undefined;

  constructor(archive: OpenArchive, patterns: readonly MatchEntry[]) {
    this.#archive = archive;
    this.#patterns = patterns;
  }

  async *run(signal: AbortSignal): AsyncGenerator<FoundEntry> {
    const decoder = new PxarDecoder(this.#archive.metadata, { archive: this.#archive.name });
    for (
      let batch = await decoder.nextBatch(BATCH);
      batch.length > 0;
      batch = await decoder.nextBatch(BATCH)
    ) {
      signal.throwIfAborted();
      for (const entry of batch) {
        if (entry.kind === 'leave') {
          this.#paths.pop();
          continue;
        }
        const path = this.#pathOf(entry);
        if (entry.kind === 'directory') this.#paths.push(path);
        if (this.#matches(entry, path)) yield await this.#found(entry, path);
      }
    }
  }

  #pathOf(entry: ChildEntry): string {
    const parent = this.#paths.at(-1);
    return parent === undefined ? '' : `${parent}/${entry.name.toString('latin1')}`;
  }

  #matches({ kind }: ChildEntry, path: string): boolean {
    if (path === '') return false;
    return matchPath(this.#patterns, path, kind === 'directory' ? 'directory' : 'other') === 'include';
  }

  async #found(entry: ChildEntry, path: string): Promise<FoundEntry> {
    const content = entry.kind === 'hardlink' ? await this.#target(entry) : entry;
    return { path: Buffer.from(path, 'latin1'), row: entryRow(entry, content, this.#archive.name) };
  }

  async #target(link: HardlinkEntry): Promise<FileEntry> {
    this.#accessor ??= PxarAccessor.open(this.#archive.metadata, { archive: this.#archive.name });
    return (await (await this.#accessor).resolveLink(link)).entry;
  }
}

/**
 * The entries of an archive that patterns choose, in archive order (cli.md §8.4: the last pattern that matches decides; what is in a
 * directory that matches does not match for that). Throws PxarError, and the signal's reason.
 */
export function findEntries(
  archive: OpenArchive,
  patterns: readonly MatchEntry[],
  signal: AbortSignal,
): AsyncGenerator<FoundEntry> {
  return new Search(archive, patterns).run(signal);
}
