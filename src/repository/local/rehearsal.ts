/** A backup session that stores nothing: what a dry run talks to. */
import type { NativeChunkStore } from '../../native-chunk.js';
import type { SnapshotName } from '../../snapshot/names.js';
import type { BackupSession } from '../repository.js';

export class Rehearsal implements BackupSession {
  readonly snapshot: SnapshotName;
  readonly previous: SnapshotName | undefined;
  readonly chunks: NativeChunkStore;

  constructor(snapshot: SnapshotName, previous: SnapshotName | undefined, chunks: NativeChunkStore) {
    this.snapshot = snapshot;
    this.previous = previous;
    this.chunks = chunks;
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

  abort(): Promise<void> {
    return Promise.resolve();
  }
}
