/** A stream into a session that may let it rest, also when it has ended. */
import type {
  ArchiveStream,
  ImageStream,
  IndexEntries,
  IngestProgress,
  IngestSummary,
  NativeIngest,
} from '../native-chunk.js';
import type { CancelFlag, NativeBatch, NativeFile } from '../native-scan.js';
import type { RunningStream } from '../repository/repository.js';

function isFinished(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'INGEST_FINISHED';
}

export class RestableStream implements ArchiveStream, ImageStream, RunningStream {
  readonly #ingest: NativeIngest;
  #ended: Promise<IngestSummary> | undefined;

  constructor(ingest: NativeIngest) {
    this.#ingest = ingest;
  }

  get position(): number {
    return this.#ingest.position;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#ingest.write(bytes);
  }

  writeBatch(batch: NativeBatch, indexes: Uint32Array): Promise<void> {
    return this.#ingest.writeBatch(batch, indexes);
  }

  writeMixed(batch: NativeBatch, indexes: Uint32Array, bytes: Uint8Array, ends: Uint32Array): Promise<void> {
    return this.#ingest.writeMixed(batch, indexes, bytes, ends);
  }

  writeFile(file: NativeFile, size: number): Promise<number> {
    return this.#ingest.writeFile(file, size);
  }

  writeRange(file: NativeFile, offset: number, length: number): Promise<number> {
    return this.#ingest.writeRange(file, offset, length);
  }

  writeStream(pipe: NativeFile, cancel: CancelFlag): Promise<number> {
    return this.#ingest.writeStream(pipe, cancel);
  }

  writeZeros(chunks: number): Promise<void> {
    return this.#ingest.writeZeros(chunks);
  }

  inject(chunks: Uint8Array): Promise<void> {
    return this.#ingest.inject(chunks);
  }

  progress(): IngestProgress {
    return this.#ingest.progress();
  }

  finish(): Promise<IngestSummary> {
    this.#ended = this.#ingest.finish();
    return this.#ended;
  }

  abort(): void {
    this.#ingest.abort();
  }

  async pause(): Promise<IndexEntries> {
    try {
      return await this.#ingest.pause();
    } catch (error) {
      if (this.#ended === undefined || !isFinished(error)) throw error;
      return (await this.#ended).entries;
    }
  }

  resume(): void {
    this.#ingest.resume();
  }
}
