/** A single archive that is being written, and its part of the run's catalog. pxar.md §2, catalog.md §4, docs/formats.md. */
import type { Injection } from '../detect/injection.js';
import type { ArchiveStream, IngestProgress } from '../native-chunk.js';
import { bodyEnd, bodyStart, fileSize, nameEnd, nameStart, statWord } from '../native-listing.js';
import { type NativeBatch, type NativeFile, STAT } from '../native-scan.js';
import { EXCLUDE_LIST_NAME } from '../pxar/format.js';
import { SingleEncoder } from '../pxar/single-encoder.js';
import { type ArchiveName, type ServerName, serverName } from '../snapshot/archive-names.js';
import type { ArchiveOutput, ArchiveStreams } from './archive-output.js';
import { EntryWriter } from './entry-writer.js';
import { excludeListContent, writeExcludeList } from './exclude-list-file.js';
import type { MatchEntry } from './match-list.js';
import type { RunCatalog } from './run-catalog.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { beginStream, PendingWrites, type StreamTarget } from './streams.js';

const RING = 40 * 1024 * 1024;

export interface SingleOptions {
  readonly archive: ArchiveName;
  /** Average chunk size in bytes. */
  readonly averageSize: number;
  /** Patterns of the command line, which the archive keeps. */
  readonly excludes: readonly MatchEntry[];
  readonly catalog: RunCatalog;
  /** Where reused files go, in the archive's appendix; undefined: everything is read, and there is none. */
  readonly injection: Injection | undefined;
}

const ITEM_HEADER = 16;

export class SingleOutput implements ArchiveOutput {
  readonly reservedName = EXCLUDE_LIST_NAME;
  readonly #o: SingleOptions;
  readonly #name: ServerName;
  readonly #stream: ArchiveStream;
  readonly #writes = new PendingWrites();
  readonly #encoder: SingleEncoder;
  readonly #entries: EntryWriter;
  #batch: NativeBatch | undefined;
  /** Files of the batch that belong into the block being filled, and where. */
  #indexes: number[] = [];
  #ends: number[] = [];

  private constructor(options: SingleOptions, name: ServerName, stream: ArchiveStream) {
    this.#o = options;
    this.#name = name;
    this.#stream = stream;
    this.#encoder = new SingleEncoder({
      onBlock: (block) => this.#writes.add(this.#write(block)),
      archive: options.archive,
      appendix: options.injection !== undefined,
    });
    this.#entries = new EntryWriter(this.#encoder);
  }

  /** Begins the stream, and the archive's part of the catalog. */
  static async begin(target: StreamTarget, options: SingleOptions): Promise<SingleOutput> {
    const { archive, averageSize, catalog } = options;
    const name = serverName(archive);
    await catalog.startArchive(name);
    const stream = await beginStream(target, name, { averageSize, payload: false, ringBytes: RING });
    return new SingleOutput(options, name, stream);
  }

  contentAt({ list, stats, description }: ScannedDirectory, row: number): number {
    const name = statWord(stats, row, STAT.nameIndex);
    const filename = ITEM_HEADER + nameEnd(list, name) - nameStart(list, name) + 1;
    return this.#encoder.position + filename + bodyEnd(description, row) - bodyStart(description, row);
  }

  begin(root: Buffer): Promise<void> {
    this.#encoder.root(root, 0, root.length);
    return Promise.resolve();
  }

  enter(directory: ScannedDirectory, row: number): void {
    this.#entries.enter(directory, row);
    this.#o.catalog.enter(directory, row);
  }

  leave(): void {
    this.#entries.leave();
    this.#o.catalog.leave();
  }

  leaf(directory: ScannedDirectory, row: number): void {
    this.#entries.leaf(directory, row);
    this.#o.catalog.leaf(directory, row);
  }

  hardlink(directory: ScannedDirectory, row: number, target: { position: number; path: Buffer }): void {
    this.#entries.hardlink(directory, row, target);
    this.#o.catalog.hardlink(directory, row);
  }

  startRun(batch: NativeBatch | undefined): void {
    this.#batch = batch;
  }

  async endRun(): Promise<void> {
    if (this.#indexes.length > 0) this.#encoder.flush();
    await this.#writes.drain();
    await this.#o.catalog.drain();
  }

  /** Contents stand where their entries do: nothing is in their way. */
  ready(): undefined {
    return undefined;
  }

  fresh(directory: ScannedDirectory, row: number): number {
    const { list, stats, description } = directory;
    const name = statWord(stats, row, STAT.nameIndex);
    const content = this.contentAt(directory, row);
    const filename = this.#encoder.file(
      list,
      nameStart(list, name),
      nameEnd(list, name),
      stats,
      row * STAT.size + STAT.nameHash,
      description,
      bodyStart(description, row),
      bodyEnd(description, row),
      fileSize(stats, row),
    );
    this.#o.catalog.file(directory, row, 'archive', content);
    return filename;
  }

  reuse(directory: ScannedDirectory, row: number, payload: number): number {
    const { list, stats, description } = directory;
    const injection = this.#o.injection!;
    const size = fileSize(stats, row);
    const offset = injection.place(payload, size, injection.position);
    const name = statWord(stats, row, STAT.nameIndex);
    const filename = this.#encoder.reference(
      list,
      nameStart(list, name),
      nameEnd(list, name),
      stats,
      row * STAT.size + STAT.nameHash,
      description,
      bodyStart(description, row),
      bodyEnd(description, row),
      offset,
      size,
    );
    this.#o.catalog.file(directory, row, 'appendix', offset);
    return filename;
  }

  put(index: number): void {
    this.#indexes.push(index);
    this.#ends.push(this.#encoder.buffered);
  }

  stream(file: NativeFile, size: number): Promise<number> {
    this.#encoder.flush();
    return this.#stream.writeFile(file, size);
  }

  settle(): Promise<void> {
    return this.#writes.drain();
  }

  async finish(): Promise<ArchiveStreams> {
    const content = excludeListContent(this.#o.excludes);
    if (content !== undefined) {
      writeExcludeList(this.#encoder, content);
      const offset = this.#encoder.position - content.length - ITEM_HEADER;
      this.#o.catalog.madeFile(EXCLUDE_LIST_NAME, content.length, offset);
    }
    this.#encoder.finish();
    this.#o.catalog.endArchive(await this.#writeAppendix());
    await this.endRun();
    const stream = await this.#stream.finish();
    return {
      // A dry run hands no contents on.
      payload: { ...stream, size: this.#encoder.position },
      metadata: undefined,
      files: [{ name: this.#name, stream }],
    };
  }

  /** The chunks of all reused files follow the tree. Returns where they begin, 0 if there is no appendix. */
  async #writeAppendix(): Promise<number> {
    const { injection } = this.#o;
    if (injection === undefined) return 0;
    this.#encoder.startAppendix(injection.position);
    await this.#writes.drain();
    for (const chunks of injection.take()) await this.#stream.inject(chunks);
    this.#encoder.finishAppendix();
    return this.#encoder.appendixStart;
  }

  abort(): void {
    this.#stream.abort();
  }

  progress(): IngestProgress {
    return this.#stream.progress();
  }

  #write(block: Buffer): Promise<void> {
    if (this.#indexes.length === 0) return this.#stream.write(block);
    const [indexes, ends] = [Uint32Array.from(this.#indexes), Uint32Array.from(this.#ends)];
    this.#indexes = [];
    this.#ends = [];
    return this.#stream.writeMixed(this.#batch!, indexes, block, ends);
  }
}
