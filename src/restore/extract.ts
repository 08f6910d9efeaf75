/** Extracts a pxar archive into a directory: TypeScript decodes and selects, native code does everything on disk. */
import type { MatchEntry } from '../backup/match-list.js';
import { native } from '../native.js';
import type {
  ExtractionEvent,
  ExtractionOptions,
  ExtractionSummary,
  NativeExtraction,
} from '../native-extract.js';
import { PxarAccessor } from '../pxar/accessor.js';
import { PxarDecoder } from '../pxar/decoder.js';
import type { ChildEntry, DirectoryEntry, Entry, FileEntry, HardlinkEntry } from '../pxar/entry.js';
import type { OpenArchive } from './archive-source.js';
import { PositionSet } from './position-set.js';
import { NO_PARENT, RecordKind, RecordWriter } from './records.js';
import { isSelected } from './selection.js';

/** What extraction may do; see ExtractionOptions. */
export type ExtractSettings = Omit<ExtractionOptions, 'target' | 'source' | 'cancel'>;

export interface ExtractRequest {
  readonly archive: OpenArchive;
  readonly target: string;
  readonly includes: readonly MatchEntry[];
  readonly settings: ExtractSettings;
  readonly signal: AbortSignal;
  readonly onEvent: (event: ExtractionEvent) => void;
  readonly onProgress: (progress: {
    readonly files: number;
    readonly bytes: number;
    readonly path: Buffer;
  }) => void;
}

export interface ExtractResult {
  readonly summary: ExtractionSummary;
  /** Content of the prelude item, if there is one. */
  readonly prelude: Buffer | undefined;
}

/** Entries decoded at once. */
const BATCH = 1024;

/** A directory on the way down. */
interface Level {
  readonly entry: DirectoryEntry;
  /** Path inside the archive, latin1. */
  readonly path: string;
  readonly selected: boolean;
  /** Number of its record, or undefined while it has not been made. */
  own: number | undefined;
}

class Extractor {
  readonly #request: ExtractRequest;
  readonly #extraction: NativeExtraction;
  readonly #records = new RecordWriter();
  readonly #levels: Level[] = [];
  #nextOwn = 0;
  /** First names that were not selected, as far as a link to them was: what was restored instead. */
  readonly #substitutes = new Map<number, { readonly position: number; readonly path: Buffer }>();
  #accessor: Promise<PxarAccessor> | undefined;
  /** Positions of files that were left out, kept only where patterns select. */
  readonly #leftOut = new PositionSet();

  constructor(request: ExtractRequest, extraction: NativeExtraction) {
    this.#request = request;
    this.#extraction = extraction;
  }

  async run(): Promise<ExtractResult> {
    const { archive, signal } = this.#request;
    const decoder = new PxarDecoder(archive.metadata, {
      archive: archive.name,
      ...(archive.payloadSize === undefined ? {} : { payloadSize: archive.payloadSize }),
    });
    for (;;) {
      signal.throwIfAborted();
      const batch = await decoder.nextBatch(BATCH);
      if (batch.length === 0) break;
      for (const entry of batch) {
        this.#take(entry);
        if (entry.kind === 'hardlink') await this.#takeLink(entry);
        if (this.#records.isFull) await this.#submit();
      }
      await this.#submit();
    }
    return { summary: await this.#extraction.finish(), prelude: decoder.prelude };
  }

  async #submit(): Promise<void> {
    if (!this.#records.isEmpty) await this.#extraction.submit(this.#records.take());
    this.handOn();
  }

  /** Passes on events and progress. A lost connection ends it all: that is one error, not one for each file. */
  handOn(): void {
    const lost = this.#request.archive.failure();
    for (const event of this.#extraction.takeEvents())
      if (lost === undefined || !event.message.includes(lost.message)) this.#request.onEvent(event);
    if (lost !== undefined) this.#extraction.abort();
    const { files, bytes, currentPath } = this.#extraction.progress();
    this.#request.onProgress({ files, bytes, path: currentPath });
  }

  #take(entry: Entry): void {
    if (entry.kind === 'directory') this.#enter(entry);
    else if (entry.kind === 'leave') this.#leave();
    else if (entry.kind !== 'hardlink' && this.#selects(entry)) this.#add(entry);
    else if (entry.kind === 'file' && this.#request.includes.length > 0) this.#leftOut.add(entry.position);
  }

  #pathOf(entry: ChildEntry): string {
    const parent = this.#levels.at(-1);
    return parent === undefined ? '' : `${parent.path}/${entry.name.toString('latin1')}`;
  }

  #selects(entry: ChildEntry): boolean {
    const { includes } = this.#request;
    const inherited = this.#levels.at(-1)?.selected ?? false;
    return isSelected(includes, this.#pathOf(entry), entry.kind === 'directory', inherited);
  }

  #enter(entry: DirectoryEntry): void {
    const parent = this.#levels.at(-1);
    const selected = parent === undefined ? this.#request.includes.length === 0 : this.#selects(entry);
    // Blocks of the decoder go on living while one entry of them is held: a copy frees them.
    const kept = { ...entry, name: Buffer.from(entry.name), body: Buffer.from(entry.body) };
    this.#levels.push({ entry: kept, path: this.#pathOf(entry), selected, own: undefined });
    // A directory that matches only by itself is made when something in it is: cli.md §8.4.
    if (parent === undefined || (selected && parent.selected)) this.#materialise();
  }

  #leave(): void {
    const level = this.#levels.pop()!;
    if (level.own === undefined) return;
    const parent = this.#levels.at(-1)?.own ?? NO_PARENT;
    this.#records.add({ kind: RecordKind.close, parent, own: level.own });
  }

  /** Makes the directories that are open and not made; returns the number of the innermost. */
  #materialise(): number {
    let parent = NO_PARENT;
    for (const level of this.#levels) {
      if (level.own === undefined) {
        level.own = this.#nextOwn;
        this.#nextOwn += 1;
        const { name, body } = level.entry;
        this.#records.add({ kind: RecordKind.directory, parent, own: level.own, name, body });
      }
      parent = level.own;
    }
    return parent;
  }

  #add(entry: Exclude<ChildEntry, DirectoryEntry | HardlinkEntry>): void {
    const { name, body } = entry;
    const parent = this.#materialise();
    switch (entry.kind) {
      case 'file':
        this.#addFile(parent, name, entry.position, entry);
        return;
      case 'symlink':
        this.#records.add({ kind: RecordKind.symlink, parent, name, body, extra: entry.target });
        return;
      case 'device':
        this.#records.add({ kind: RecordKind.device, parent, name, body, value: [entry.major, entry.minor] });
        return;
      case 'fifo':
        this.#records.add({ kind: RecordKind.fifo, parent, name, body });
        return;
      case 'socket':
        this.#records.add({ kind: RecordKind.socket, parent, name, body });
    }
  }

  #addFile(parent: number, name: Buffer, position: number, { body, payloadOffset, size }: FileEntry): void {
    this.#records.add({ kind: RecordKind.file, parent, name, body, payloadOffset, size, position });
  }

  async #takeLink(link: HardlinkEntry): Promise<void> {
    if (!this.#selects(link)) return;
    const { targetPosition: target } = link;
    const substitute = this.#substitutes.get(target);
    if (!this.#leftOut.has(target)) return this.#addLink(link, target, link.targetPath);
    if (substitute !== undefined) return this.#addLink(link, substitute.position, substitute.path);
    // The first name was not selected: the content is restored here, and later links point to this name.
    this.#accessor ??= PxarAccessor.open(this.#request.archive.metadata, {
      archive: this.#request.archive.name,
    });
    const { entry } = await (await this.#accessor).resolveLink(link);
    const path = Buffer.from(this.#pathOf(link).slice(1), 'latin1');
    this.#substitutes.set(target, { position: link.position, path });
    this.#addFile(this.#materialise(), link.name, link.position, entry);
  }

  #addLink({ name }: HardlinkEntry, target: number, path: Buffer): void {
    const parent = this.#materialise();
    this.#records.add({ kind: RecordKind.hardlink, parent, name, extra: path, value: target });
  }
}

/** Restores an archive. Errors of single entries are events; throws PxarError for a damaged tree, AbortError, and what `failure` says. */
export async function extractArchive(request: ExtractRequest): Promise<ExtractResult> {
  const cancel = native.cancelFlag();
  const extraction = new native.Extraction({
    ...request.settings,
    target: request.target,
    source: request.archive.payload,
    cancel,
  });
  const extractor = new Extractor(request, extraction);
  const onAbort = (): void => native.cancel(cancel);
  request.signal.addEventListener('abort', onAbort, { once: true });
  const timer = setInterval(() => extractor.handOn(), 200);
  try {
    const result = await extractor.run();
    const lost = request.archive.failure();
    if (lost !== undefined) throw lost;
    return result;
  } catch (error) {
    extraction.abort();
    // Nothing may go on on disk once this has returned.
    await extraction.finish().catch(() => undefined);
    throw request.archive.failure() ?? error;
  } finally {
    clearInterval(timer);
    extractor.handOn();
    request.signal.removeEventListener('abort', onAbort);
  }
}
