/** Chunks of a session on their way into the store, and which of them an index may list. protocol.md §5.3, §5.4. */
import type { NativeChunkReceiver, ReceivedChunk } from '../../native-chunk.js';
import { systemCode } from '../../repository/errors.js';
import { CallError } from '../http/call-error.js';
import type { KnownChunk, KnownChunks } from './known-chunks.js';
import type { Uploaded } from './session-endpoint.js';

/** What a client says of a chunk. */
export interface AnnouncedChunk {
  /** 64 hex digits. */
  readonly digest: string;
  readonly size: number;
  readonly encodedSize: number;
}

/** Errors of the chunk itself, whose message is meant for the client. */
const CLIENT_ERRORS: ReadonlySet<string> = new Set([
  'BLOB_SIZE',
  'BLOB_MAGIC',
  'ZSTD',
  'CHUNK_LENGTH',
  'CHUNK_DIGEST',
  'CHUNK_OCCUPIED',
  'CHUNK_CONTENDED',
]);

export class ChunkIntake {
  readonly #chunks: NativeChunkReceiver;
  readonly #known: KnownChunks;

  constructor(chunks: NativeChunkReceiver, known: KnownChunks) {
    this.#chunks = chunks;
    this.#known = known;
  }

  /** Stores a chunk; it is known from then on. True if it was there already. Throws CallError. */
  async store({ digest, size, encodedSize }: AnnouncedChunk, { parts, length }: Uploaded): Promise<boolean> {
    if (length > encodedSize) throw new CallError(400, 'uploaded chunk is larger than announced.');
    if (length < encodedSize) throw new CallError(400, 'uploaded chunk has unexpected size.');
    const bytes = Buffer.from(digest, 'hex');
    const { duplicate, encrypted } = await this.#insert(bytes, size, parts);
    this.#known.add(bytes, { size, class: encrypted ? 'encrypted' : 'plain', own: true });
    return duplicate;
  }

  knows(digest: string): boolean {
    return this.#known.get(Buffer.from(digest, 'hex')) !== undefined;
  }

  /** The chunk, if the session knows it. Throws CallError. */
  require(digest: string): KnownChunk {
    const chunk = this.#known.get(Buffer.from(digest, 'hex'));
    if (chunk === undefined) throw new CallError(400, `no such chunk ${digest}`);
    return chunk;
  }

  /**
   * Chunks of the base that are about to be listed again get a new access time, so that garbage collection spares them; those whose
   * files are gone are forgotten.
   */
  async refresh(digests: readonly string[]): Promise<void> {
    const bytes = digests.map((digest) => Buffer.from(digest, 'hex'));
    const foreign = bytes.filter((digest) => this.#known.get(digest)?.own === false);
    if (foreign.length === 0) return;
    const found = await this.#chunks.touch(Buffer.concat(foreign));
    for (const [i, digest] of foreign.entries()) if (found[i] === 0) this.#known.forget(digest);
  }

  async #insert(digest: Buffer, size: number, parts: readonly Buffer[]): Promise<ReceivedChunk> {
    try {
      return await this.#chunks.insert(digest, size, parts);
    } catch (cause) {
      if (cause instanceof Error && CLIENT_ERRORS.has(systemCode(cause)))
        throw new CallError(400, cause.message, { cause });
      throw cause;
    }
  }
}
