/** What both kinds of writers of a session have in common. protocol.md §5.3, §5.4, §5.7. */
import type { Hash } from 'node:crypto';
import type { ServerName } from '../../snapshot/archive-names.js';
import { CallError } from '../http/call-error.js';
import type { ChunkClass, KnownChunk } from './known-chunks.js';
import { UploadStatistics } from './upload-statistics.js';

/** One chunk of an append: the offset is that of its first byte. */
export interface Placed {
  readonly digest: Buffer;
  readonly offset: number;
  readonly chunk: KnownChunk;
}

/** What the client says of a complete archive. */
export interface Announced {
  readonly count: number;
  readonly size: number;
  /** 64 hex digits. */
  readonly csum: string;
}

export interface IndexWriter {
  readonly kind: 'dynamic' | 'fixed';
  readonly name: ServerName;
  readonly statistics: UploadStatistics;
  /** Of its chunks; undefined as long as there are none. */
  readonly chunkClass: ChunkClass | undefined;
  /** Counts a chunk that was uploaded for it. Throws CallError. */
  register(size: number, encodedSize: number, duplicate: boolean): void;
  /** Appends one after the other; those before a failure stay. Throws CallError. */
  append(chunks: readonly Placed[]): Promise<void>;
  /** Puts the index in its place. Throws CallError. */
  close(announced: Announced): Promise<void>;
}

/** State that says no when it should. */
export class WriterState {
  readonly kind: 'dynamic' | 'fixed';
  readonly name: ServerName;
  readonly statistics: UploadStatistics = new UploadStatistics();
  chunkClass: ChunkClass | undefined;
  #closed = false;

  constructor(kind: 'dynamic' | 'fixed', name: ServerName) {
    this.kind = kind;
    this.name = name;
  }

  /** After a wrong checksum nothing is possible any more. */
  requireOpen(what: string): void {
    if (this.#closed) throw this.failure(what, 'already closed');
  }

  failure(what: string, problem: string): CallError {
    return new CallError(400, `${this.kind} writer '${this.name}' ${what} failed - ${problem}`);
  }

  /** An archive has chunks of one class: whoever reads it relies on that. */
  requireClass(digest: Buffer, chunkClass: ChunkClass): void {
    if (chunkClass !== (this.chunkClass ?? chunkClass)) {
      const problem = `chunk ${digest.toString('hex')} is ${chunkClass}, those before it are ${this.chunkClass}`;
      throw this.failure('append chunk', problem);
    }
    this.chunkClass = chunkClass;
  }

  /** The checksum of all entries. Throws CallError, and the writer is closed, where it is not the announced one. */
  checkCsum(hash: Hash, { csum }: Announced): Buffer {
    const found = hash.digest();
    this.#closed = true;
    if (found.toString('hex') !== csum) throw this.failure('close', 'got unexpected checksum');
    return found;
  }
}
