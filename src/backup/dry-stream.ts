/** A stream that goes nowhere: what a dry run writes to. */
import type { ArchiveStream, IngestProgress, IngestStats, IngestSummary } from '../native-chunk.js';
import { ENTRY_SIZE } from '../snapshot/dynamic-index.js';

const EMPTY = Buffer.alloc(0);

export class DryStream implements ArchiveStream {
  #position = 0;
  #injectedChunks = 0;
  #injectedBytes = 0;

  get position(): number {
    return this.#position;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#position += bytes.length;
    return Promise.resolve();
  }

  inject(chunks: Uint8Array): Promise<void> {
    const view = new DataView(chunks.buffer, chunks.byteOffset, chunks.byteLength);
    for (let at = 0; at < chunks.length; at += ENTRY_SIZE) {
      this.#injectedChunks += 1;
      this.#injectedBytes += view.getUint32(at, true);
    }
    return Promise.resolve();
  }

  /** A dry run reads nothing, so it has nothing to write. */
  writeBatch(): Promise<void> {
    return Promise.reject(new Error('a dry run has no contents'));
  }

  writeMixed(): Promise<void> {
    return Promise.reject(new Error('a dry run has no contents'));
  }

  writeFile(): Promise<number> {
    return Promise.reject(new Error('a dry run has no contents'));
  }

  progress(): IngestProgress {
    return { ...this.#stats(), readBytes: this.#position };
  }

  finish(): Promise<IngestSummary> {
    return Promise.resolve({
      entries: EMPTY,
      size: this.#position,
      chunks: 0,
      csum: EMPTY,
      stats: this.#stats(),
    });
  }

  abort(): void {
    // Nothing is under way.
  }

  #stats(): IngestStats {
    return {
      newChunks: 0,
      newBytes: 0,
      newEncodedBytes: 0,
      knownChunks: 0,
      knownBytes: 0,
      injectedChunks: this.#injectedChunks,
      injectedBytes: this.#injectedBytes,
    };
  }
}
