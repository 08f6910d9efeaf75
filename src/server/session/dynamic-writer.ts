/** A dynamic index as a client of a server makes it: strictly one chunk after the other. protocol.md §5.4, §5.7. */
import { createHash } from 'node:crypto';
import type { GrowingIndex } from '../../repository/local/session-index.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import { ENTRY_SIZE, encodeDynamicHeader } from '../../snapshot/dynamic-index.js';
import { CallError } from '../http/call-error.js';
import { type Announced, type IndexWriter, type Placed, WriterState } from './index-writer.js';
import type { ChunkClass } from './known-chunks.js';
import type { UploadStatistics } from './upload-statistics.js';

export interface WriterParts {
  readonly name: ServerName;
  readonly index: GrowingIndex;
  /** 16 random bytes. */
  readonly uuid: Buffer;
  /** Seconds. */
  readonly now: number;
}

export class DynamicWriter implements IndexWriter {
  readonly kind = 'dynamic';
  readonly name: ServerName;
  readonly #parts: WriterParts;
  readonly #state: WriterState;
  readonly #hash = createHash('sha256');
  #count = 0;
  #end = 0;

  constructor(parts: WriterParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#state = new WriterState('dynamic', parts.name);
  }

  get statistics(): UploadStatistics {
    return this.#state.statistics;
  }

  get chunkClass(): ChunkClass | undefined {
    return this.#state.chunkClass;
  }

  register(size: number, encodedSize: number, duplicate: boolean): void {
    this.#state.requireOpen('register chunk');
    this.statistics.addChunk(size, encodedSize, duplicate);
  }

  async append(chunks: readonly Placed[]): Promise<void> {
    const entries = Buffer.alloc(chunks.length * ENTRY_SIZE);
    const at = this.#count * ENTRY_SIZE;
    let filled = 0;
    let failure: CallError | undefined;
    for (const chunk of chunks) {
      failure = this.#problem(chunk);
      if (failure !== undefined) break;
      this.#end += chunk.chunk.size;
      entries.writeBigUInt64LE(BigInt(this.#end), filled);
      chunk.digest.copy(entries, filled + ENTRY_SIZE - chunk.digest.length);
      filled += ENTRY_SIZE;
    }
    if (filled > 0) {
      const written = entries.subarray(0, filled);
      this.#count += filled / ENTRY_SIZE;
      this.#hash.update(written);
      await this.#parts.index.write(written, at);
    }
    if (failure !== undefined) throw failure;
  }

  async close(announced: Announced): Promise<void> {
    this.#state.requireOpen('close');
    const check = (what: string, here: number, there: number): void => {
      if (here !== there) throw this.#state.failure('close', `unexpected ${what} (${here} != ${there})`);
    };
    check('chunk count', this.#count, announced.count);
    check('file size', this.#end, announced.size);
    const { index, uuid, now } = this.#parts;
    const csum = this.#state.checkCsum(this.#hash, announced);
    await index.complete(this.name, encodeDynamicHeader(uuid, now, csum), this.#count * ENTRY_SIZE);
  }

  #problem({ digest, offset, chunk }: Placed): CallError | undefined {
    try {
      this.#state.requireOpen('append chunk');
      if (offset !== this.#end)
        throw this.#state.failure('append chunk', `got strange chunk offset (${this.#end} != ${offset})`);
      this.#state.requireClass(digest, chunk.class);
      return undefined;
    } catch (error) {
      if (error instanceof CallError) return error;
      throw error;
    }
  }
}
