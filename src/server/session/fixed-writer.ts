/** A fixed index as a client of a server makes it: chunks of 4 MiB at their places, in any order. protocol.md §5.3, §5.4, §5.7. */
import { createHash, type Hash } from 'node:crypto';
import type { ServerName } from '../../snapshot/archive-names.js';
import { encodeFixedHeader, FIXED_ENTRY_SIZE, fixedCount } from '../../snapshot/fixed-index.js';
import { CallError } from '../http/call-error.js';
import type { WriterParts } from './dynamic-writer.js';
import { type Announced, type IndexWriter, type Placed, WriterState } from './index-writer.js';
import type { ChunkClass } from './known-chunks.js';
import { FIXED_CHUNK, MAX_IMAGE } from './session-limits.js';
import type { UploadStatistics } from './upload-statistics.js';

export interface FixedParts extends WriterParts {
  readonly wid: number;
  /** Length of the image; undefined where the first short chunk tells it. */
  readonly size: number | undefined;
  /** The index begins as a copy of the base's, whose chunks have this class. */
  readonly reused: ChunkClass | undefined;
}

const NO_DIGEST = Buffer.alloc(FIXED_ENTRY_SIZE);

export class FixedWriter implements IndexWriter {
  readonly kind = 'fixed';
  readonly name: ServerName;
  readonly #parts: FixedParts;
  readonly #state: WriterState;
  /** Undefined until it is known; `#longest` is the end of what was appended. */
  #size: number | undefined;
  #longest = 0;
  #appended = 0;
  #shortChunks = 0;

  constructor(parts: FixedParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#size = parts.size;
    this.#state = new WriterState('fixed', parts.name);
    this.#state.chunkClass = parts.reused;
  }

  get statistics(): UploadStatistics {
    return this.#state.statistics;
  }

  get chunkClass(): ChunkClass | undefined {
    return this.#state.chunkClass;
  }

  register(size: number, encodedSize: number, duplicate: boolean): void {
    this.#state.requireOpen('register chunk');
    if (size > FIXED_CHUNK) {
      // Without a closing bracket, as the reference server says it.
      throw new CallError(400, `fixed writer '${this.name}' - got large chunk (${size} > ${FIXED_CHUNK}`);
    }
    if (size < FIXED_CHUNK) {
      if (this.#shortChunks > 0) {
        const problem = 'detected multiple end chunks (chunk size too small)';
        throw new CallError(400, `fixed writer '${this.#parts.wid}' - ${problem}`);
      }
      this.#shortChunks += 1;
    }
    this.statistics.addChunk(size, encodedSize, duplicate);
  }

  async append(chunks: readonly Placed[]): Promise<void> {
    for (const { digest, offset, chunk } of chunks) {
      this.#state.requireOpen('append chunk');
      this.#place(offset, chunk.size);
      this.#state.requireClass(digest, chunk.class);
      this.#longest = Math.max(this.#longest, offset + chunk.size);
      this.#appended += 1;
      await this.#parts.index.write(digest, (offset / FIXED_CHUNK) * FIXED_ENTRY_SIZE);
    }
  }

  async close(announced: Announced): Promise<void> {
    this.#state.requireOpen('close');
    const { reused, index, uuid, now: ctime } = this.#parts;
    const size = this.#size ?? this.#longest;
    const count = fixedCount({ size, chunkSize: FIXED_CHUNK });
    this.#check('received wrong number of chunk', this.#appended, announced.count);
    if (reused === undefined) {
      this.#check('unexpected chunk count', count, announced.count);
      this.#check('unexpected file size', size, announced.size);
    }
    const hash = await this.#hashEntries(count * FIXED_ENTRY_SIZE);
    const csum = this.#state.checkCsum(hash, announced);
    const header = encodeFixedHeader({ uuid, ctime, csum, size, chunkSize: FIXED_CHUNK });
    await index.complete(this.name, header, count * FIXED_ENTRY_SIZE);
  }

  #check(what: string, here: number, there: number): void {
    if (here !== there) throw this.#state.failure('close', `${what} (${here} != ${there})`);
  }

  /** Throws CallError where a chunk cannot lie; learns the size from a short one. */
  #place(offset: number, size: number): void {
    const end = offset + size;
    if (this.#size !== undefined && end > this.#size)
      throw new CallError(400, `refusing to resize from ${this.#size} to ${end}`);
    if (end > MAX_IMAGE) throw new CallError(400, `image is too large (${end} > ${MAX_IMAGE})`);
    if (offset % FIXED_CHUNK !== 0) throw new CallError(400, `got unaligned chunk (pos = ${offset})`);
    const isLast = this.#size === undefined ? end >= this.#longest : end === this.#size;
    if (size !== FIXED_CHUNK && !isLast)
      throw new CallError(400, `chunk with unexpected length (${size} != ${FIXED_CHUNK}`);
    if (size !== FIXED_CHUNK) this.#size = end;
  }

  /** Throws CallError where a chunk was never appended. */
  async #hashEntries(length: number): Promise<Hash> {
    const hash = createHash('sha256');
    for await (const piece of this.#parts.index.entries(length)) {
      hash.update(piece);
      for (let at = 0; at < piece.length; at += FIXED_ENTRY_SIZE) {
        if (piece.compare(NO_DIGEST, 0, FIXED_ENTRY_SIZE, at, at + FIXED_ENTRY_SIZE) === 0)
          throw this.#state.failure('close', 'a chunk is missing');
      }
    }
    return hash;
  }
}
