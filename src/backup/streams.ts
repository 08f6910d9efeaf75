/** Streams of a run: into the session, or nowhere. */
import { native } from '../native.js';
import type { ArchiveStream, IngestOptions } from '../native-chunk.js';
import type { BackupSession } from '../repository/repository.js';
import type { ServerName } from '../snapshot/archive-names.js';
import { DryStream } from './dry-stream.js';
import { RestableStream } from './running-stream.js';

/** Where the streams of a run go. */
export interface StreamTarget {
  readonly session: BackupSession;
  /** They go nowhere. */
  readonly dryRun: boolean;
}

/** Begins the stream that becomes file `name` of the snapshot. */
export async function beginStream(
  { session, dryRun }: StreamTarget,
  name: ServerName,
  options: Omit<IngestOptions, 'store'>,
): Promise<ArchiveStream> {
  if (dryRun) return new DryStream();
  const ingest = new native.Ingest({ store: await session.sink(name), ...options });
  if (session.checkpoints === undefined) return ingest;
  const stream = new RestableStream(ingest);
  session.checkpoints.follow(name, stream);
  return stream;
}

/** Writes to a stream that are on their way. */
export class PendingWrites {
  #pending: Promise<void>[] = [];

  add(written: Promise<void>): void {
    // The error is seen by `drain`, or by nobody when the run has failed elsewhere.
    written.catch(() => undefined);
    this.#pending.push(written);
  }

  /** Waits until all of them are taken over. Throws what went wrong. */
  async drain(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
  }
}
