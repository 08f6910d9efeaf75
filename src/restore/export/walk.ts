/** The entries of an archive that patterns select, in archive order, with the directories on the way (cli.md §8.4). */
import type { MatchEntry } from '../../backup/match-list.js';
import { Window } from '../../pxar/byte-source.js';
import { PxarDecoder } from '../../pxar/decoder.js';
import type { ChildEntry, DirectoryEntry, FileEntry, HardlinkEntry } from '../../pxar/entry.js';
import { EntryParser } from '../../pxar/entry-parser.js';
import { PxarError } from '../../pxar/errors.js';
import { parseFilled } from '../../pxar/head.js';
import type { OpenArchive } from '../archive-source.js';
import { PositionSet } from '../position-set.js';
import { isSelected } from '../selection.js';
import type { SelectedEntry } from './entry.js';

/** Entries decoded at once. */
const BATCH = 1024;
/** Bytes that are read at once to look at files behind hard links. */
const LINK_BLOCK = 64 * 1024;

/** A directory that is open. */
interface Level {
  readonly entry: DirectoryEntry;
  /** Absolute, latin1; the root's is empty. */
  readonly path: string;
  readonly selected: boolean;
  delivered: boolean;
}

function pathBytes(path: string): Buffer {
  return Buffer.from(path.slice(1), 'latin1');
}

class Walk {
  readonly #archiveName: string;
  readonly #includes: readonly MatchEntry[];
  readonly #decoder: PxarDecoder;
  readonly #levels: Level[] = [];
  /** Positions of files that were left out, kept only where patterns select. */
  readonly #leftOut = new PositionSet();
  /** Files whose first name was left out: the name under which they came instead. */
  readonly #substitutes = new Map<number, Buffer>();
  /** Where files behind hard links are looked at: links that come together lead to files that are together. */
  readonly #window: Window;
  readonly #parser: EntryParser;

  constructor(archive: OpenArchive, includes: readonly MatchEntry[]) {
    this.#archiveName = archive.name;
    this.#includes = includes;
    const { name, metadata, payloadSize } = archive;
    const size = payloadSize === undefined ? {} : { payloadSize };
    this.#decoder = new PxarDecoder(metadata, { archive: name, ...size });
    this.#window = new Window(metadata, name, metadata.size, LINK_BLOCK);
    this.#parser = new EntryParser(this.#window, { archive: name, payloadSize });
  }

  async *run(signal: AbortSignal): AsyncGenerator<SelectedEntry> {
    for (;;) {
      const batch = await this.#decoder.nextBatch(BATCH);
      if (batch.length === 0) return;
      for (const entry of batch) {
        signal.throwIfAborted();
        if (entry.kind === 'leave') this.#levels.pop();
        else if (entry.kind === 'directory') yield* this.#enter(entry);
        else yield* this.#take(entry);
      }
    }
  }

  #pathOf(entry: ChildEntry): string {
    const parent = this.#levels.at(-1);
    return parent === undefined ? '' : `${parent.path}/${entry.name.toString('latin1')}`;
  }

  *#enter(entry: DirectoryEntry): Generator<SelectedEntry> {
    const parent = this.#levels.at(-1);
    const path = this.#pathOf(entry);
    const includes = this.#includes;
    const selected =
      parent === undefined ? includes.length === 0 : isSelected(includes, path, true, parent.selected);
    // Blocks of the decoder go on living while one entry of them is held: a copy frees them.
    const kept = { ...entry, name: Buffer.from(entry.name), body: Buffer.from(entry.body) };
    this.#levels.push({ entry: kept, path, selected, delivered: false });
    // A directory that matches only by itself comes when something in it does.
    if (parent === undefined || (selected && parent.selected)) yield* this.#openLevels();
  }

  /** The directories that are open and have not been delivered. */
  *#openLevels(): Generator<SelectedEntry> {
    for (const level of this.#levels) {
      if (level.delivered) continue;
      level.delivered = true;
      yield { path: pathBytes(level.path), entry: level.entry, first: undefined };
    }
  }

  async *#take(entry: Exclude<ChildEntry, DirectoryEntry>): AsyncGenerator<SelectedEntry> {
    const path = this.#pathOf(entry);
    const inherited = this.#levels.at(-1)?.selected ?? false;
    if (!isSelected(this.#includes, path, false, inherited)) {
      if (entry.kind === 'file') this.#leftOut.add(entry.position);
      return;
    }
    yield* this.#openLevels();
    if (entry.kind === 'hardlink') yield await this.#link(entry, pathBytes(path));
    else yield { path: pathBytes(path), entry, first: undefined };
  }

  async #link(link: HardlinkEntry, path: Buffer): Promise<SelectedEntry> {
    const { targetPosition: position, targetPath } = link;
    const entry = await this.#fileAt(link);
    if (!this.#leftOut.has(position)) return { path, entry, first: Buffer.from(targetPath) };
    const first = this.#substitutes.get(position);
    if (first === undefined) this.#substitutes.set(position, path);
    return { path, entry, first };
  }

  /** The file behind a hard link. The decoder has made sure that path and position name the same one, so no table is asked. */
  async #fileAt({ position, targetPosition }: HardlinkEntry): Promise<FileEntry> {
    const [window, parser] = [this.#window, this.#parser];
    parser.version = this.#decoder.version ?? 1;
    parser.appendix = this.#decoder.appendix;
    if (targetPosition < window.start) await window.fill(targetPosition);
    const entry = await parseFilled(window, targetPosition, () => parser.child(targetPosition, 1));
    if (entry.kind === 'file') return entry;
    throw new PxarError('PXAR_HARDLINK', this.#archiveName, position, `hard link to a ${entry.kind}`);
  }
}

/** What `includes` select of an archive; everything if there are none. Throws PxarError, and the signal's reason. */
export function selectedEntries(
  archive: OpenArchive,
  includes: readonly MatchEntry[],
  signal: AbortSignal,
): AsyncGenerator<SelectedEntry> {
  return new Walk(archive, includes).run(signal);
}
