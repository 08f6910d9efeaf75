/** A backup session that stores nothing: what a dry run talks to. */
import type { NativeChunkSink, NativeChunkStore } from '../../native-chunk.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import type { SnapshotName } from '../../snapshot/names.js';
import type { BackupSession, SnapshotReader } from '../repository.js';
import type { Seal } from '../seal.js';

export class Rehearsal implements BackupSession {
  readonly snapshot: SnapshotName;
  readonly seal: Seal;
  readonly previous: SnapshotName | undefined;
  readonly failure = undefined;
  readonly #chunks: NativeChunkStore;
  readonly #openPrevious: () => Promise<SnapshotReader>;

  /** `openPrevious` as in a real session. */
  constructor(
    snapshot: SnapshotName,
    seal: Seal,
    previous: SnapshotName | undefined,
    chunks: NativeChunkStore,
    openPrevious: () => Promise<SnapshotReader>,
  ) {
    this.snapshot = snapshot;
    this.seal = seal;
    this.previous = previous;
    this.#chunks = chunks;
    this.#openPrevious = openPrevious;
  }

  openPrevious(): Promise<SnapshotReader> {
    return this.#openPrevious();
  }

  present(index: DynamicIndex): Promise<Uint8Array> {
    return this.#chunks.probe(index.entries);
  }

  sink(): Promise<NativeChunkSink> {
    return Promise.resolve(this.#chunks);
  }

  putIndex(): Promise<void> {
    return Promise.resolve();
  }

  putBlob(): Promise<void> {
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  interrupt(): void {
    // Nothing waits for others.
  }

  abort(): Promise<void> {
    return Promise.resolve();
  }
}
