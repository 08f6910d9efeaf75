/** A split archive that is being written: metadata stream bytes, and payload stream operations in the same order. pxar.md §4. */
import type { Injection } from '../detect/injection.js';
import type { ArchiveStream, IngestProgress } from '../native-chunk.js';
import { bodyEnd, bodyStart, fileSize, nameEnd, nameStart, statWord } from '../native-listing.js';
import { type NativeBatch, type NativeFile, STAT } from '../native-scan.js';
import { MetadataEncoder } from '../pxar/encoder.js';
import { type ArchiveName, splitNames } from '../snapshot/archive-names.js';
import type { ArchiveOutput, ArchiveStreams } from './archive-output.js';
import { EntryWriter } from './entry-writer.js';
import type { MatchEntry } from './match-list.js';
import { encodePrelude } from './prelude.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { beginStream, PendingWrites, type StreamTarget } from './streams.js';

const PAYLOAD_START = Buffer.from('d24e4a19c2684c831000000000000000', 'hex');
const PAYLOAD_TAIL = Buffer.from('b5814c988bb7726c1000000000000000', 'hex');
const PAYLOAD_RING = 40 * 1024 * 1024;
const METADATA_RING = 32 * 1024 * 1024;
const PAYLOAD_HEADER = 16;

export interface SplitOptions {
  readonly archive: ArchiveName;
  /** Average chunk size in bytes. */
  readonly averageSize: number;
  /** Patterns of the command line, which the archive keeps. */
  readonly excludes: readonly MatchEntry[];
  /** Where reused files go; undefined when everything is read. */
  readonly injection: Injection | undefined;
}

/** Files of a batch whose contents follow each other in the payload stream. */
interface Pending {
  readonly batch: NativeBatch;
  readonly indexes: number[];
}

export class SplitOutput implements ArchiveOutput {
  readonly reservedName = undefined;
  readonly #o: SplitOptions;
  readonly #payload: ArchiveStream;
  readonly #metadata: ArchiveStream;
  readonly #blocks = new PendingWrites();
  readonly #encoder: MetadataEncoder;
  readonly #entries: EntryWriter;
  #position = PAYLOAD_START.length;
  #pending: Pending | undefined;

  private constructor(options: SplitOptions, payload: ArchiveStream, metadata: ArchiveStream) {
    this.#o = options;
    this.#payload = payload;
    this.#metadata = metadata;
    const prelude = encodePrelude(options.excludes);
    this.#encoder = new MetadataEncoder({
      onBlock: (block) => this.#blocks.add(this.#metadata.write(block)),
      archive: options.archive,
      ...(prelude === undefined ? {} : { prelude }),
    });
    this.#entries = new EntryWriter(this.#encoder);
  }

  /** Begins the two streams. */
  static async begin(target: StreamTarget, options: SplitOptions): Promise<SplitOutput> {
    const { averageSize } = options;
    const names = splitNames(options.archive);
    const metadata = { averageSize, payload: false, ringBytes: METADATA_RING };
    const payload = { averageSize, payload: true, ringBytes: PAYLOAD_RING };
    const metadataStream = await beginStream(target, names.metadata, metadata);
    return new SplitOutput(options, await beginStream(target, names.payload, payload), metadataStream);
  }

  contentAt(): number {
    return this.#position;
  }

  async begin(root: Buffer): Promise<void> {
    this.#encoder.root(root, 0, root.length);
    await this.#payload.write(PAYLOAD_START);
  }

  enter(directory: ScannedDirectory, row: number): void {
    this.#entries.enter(directory, row);
  }

  leave(): void {
    this.#entries.leave();
  }

  leaf(directory: ScannedDirectory, row: number): void {
    this.#entries.leaf(directory, row);
  }

  hardlink(directory: ScannedDirectory, row: number, target: { position: number; path: Buffer }): void {
    this.#entries.hardlink(directory, row, target);
  }

  startRun(batch: NativeBatch | undefined): void {
    this.#pending = batch === undefined ? undefined : { batch, indexes: [] };
  }

  async endRun(): Promise<void> {
    await this.#flushFiles();
    await this.#blocks.drain();
  }

  ready(next: 'fresh' | 'reused'): Promise<void> | undefined {
    if (next === 'fresh') return this.#o.injection?.isPending === true ? this.#flushInjection() : undefined;
    return this.#pending === undefined || this.#pending.indexes.length === 0 ? undefined : this.#flushFiles();
  }

  fresh(directory: ScannedDirectory, row: number): number {
    const filename = this.#file(directory, row, this.#position, true);
    this.#position += PAYLOAD_HEADER + fileSize(directory.stats, row);
    return filename;
  }

  put(index: number): void {
    this.#pending!.indexes.push(index);
  }

  stream(file: NativeFile, size: number): Promise<number> {
    return this.#payload.writeFile(file, size);
  }

  reuse(directory: ScannedDirectory, row: number, payload: number): number {
    const injection = this.#o.injection!;
    const offset = injection.place(payload, fileSize(directory.stats, row), this.#position);
    const filename = this.#file(directory, row, offset, false);
    this.#position = injection.position;
    return filename;
  }

  async settle(): Promise<void> {
    await this.#flushFiles();
    await this.#flushInjection();
  }

  async finish(): Promise<ArchiveStreams> {
    this.#encoder.finish();
    await this.#blocks.drain();
    await this.#payload.write(PAYLOAD_TAIL);
    const [payload, metadata] = await Promise.all([this.#payload.finish(), this.#metadata.finish()]);
    const names = splitNames(this.#o.archive);
    return {
      // A dry run hands no contents on.
      payload: { ...payload, size: this.#position + PAYLOAD_TAIL.length },
      metadata,
      files: [
        { name: names.payload, stream: payload },
        { name: names.metadata, stream: metadata },
      ],
    };
  }

  abort(): void {
    this.#payload.abort();
    this.#metadata.abort();
  }

  progress(): IngestProgress {
    return this.#payload.progress();
  }

  #file(
    { list, stats, description }: ScannedDirectory,
    row: number,
    payload: number,
    fresh: boolean,
  ): number {
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

  async #flushInjection(): Promise<void> {
    const { injection } = this.#o;
    if (injection?.isPending !== true) return;
    for (const chunks of injection.take()) await this.#payload.inject(chunks);
  }

  async #flushFiles(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined || pending.indexes.length === 0) return;
    const indexes = Uint32Array.from(pending.indexes);
    pending.indexes.length = 0;
    await this.#payload.writeBatch(pending.batch, indexes);
  }
}
