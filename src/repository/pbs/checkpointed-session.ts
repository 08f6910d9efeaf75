/**
 * The first backup of a group, which may take days: from time to time what was stored so far becomes a snapshot of its own (a
 * checkpoint), and another session goes on from there. A server keeps nothing of a session that is not finished (protocol.md §5.8), but
 * the chunks of the newest finished snapshot need not be sent again (§5.6).
 *
 * A session that may end as a checkpoint gives its archives the names of one, and the server has no way to change them: therefore the
 * complete snapshot is always written by a session of its own, to which all chunks are known.
 */
import type { IndexEntries, NativeChunkSink, NativeServerDigests } from '../../native-chunk.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import { checkpointNotes, incompleteName } from '../../snapshot/checkpoint.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import type { Manifest, ManifestFile } from '../../snapshot/manifest.js';
import { formatSnapshot, type SnapshotName } from '../../snapshot/names.js';
import type {
  BackupSession,
  CheckpointKeeper,
  FinishedStream,
  RunningStream,
  SnapshotReader,
} from '../repository.js';
import type { Seal } from '../seal.js';
import type { Base } from './base.js';
import type { CheckpointRemoval } from './checkpoint-removal.js';
import type { H2Session } from './h2-session.js';
import { EARLIER_NAME } from './inherited-chunks.js';
import { ServerError } from './server-error.js';
import { SessionCalls, writerKind } from './session-calls.js';
import { UploadStream, type UploadTarget } from './upload-stream.js';

/** A session as the server began it. */
export interface BegunSession {
  readonly snapshot: SnapshotName;
  readonly h2: H2Session;
  readonly base: Base | undefined;
}

export interface CheckpointedParts {
  readonly first: BegunSession;
  readonly seal: Seal;
  /** Begins a session of the same group with a later time, whose base is this snapshot. */
  readonly next: (after: SnapshotName) => Promise<BegunSession & { readonly base: Base }>;
  readonly digests: NativeServerDigests;
  /** Asks the server anew whether a snapshot is there and finished. */
  readonly isStored: (snapshot: SnapshotName) => Promise<boolean>;
  readonly removal: CheckpointRemoval;
  /** Checkpoints that are there, the newest of them as base. */
  readonly leftovers: readonly SnapshotName[];
  /** Entries of all chunks in the base, which are known to the first session; empty where there is none. */
  readonly inherited: IndexEntries;
  /** Milliseconds from the begin of a session to its checkpoint. */
  readonly intervalMs: number;
  readonly say: (message: string) => void;
}

/** One archive stream. */
interface Archive {
  readonly stream: UploadStream;
  /** Size of an image in bytes, where it is known. */
  readonly size: number | undefined;
  running: RunningStream | undefined;
  /** When the stream has ended. */
  entries: IndexEntries | undefined;
}

export class CheckpointedSession implements BackupSession, CheckpointKeeper {
  readonly #p: CheckpointedParts;
  #session: BegunSession;
  #calls: SessionCalls;
  readonly #archives = new Map<ServerName, Archive>();
  /** Files of the complete snapshot in their order: blobs with their content. */
  readonly #files: { readonly name: ServerName; readonly blob?: Buffer }[] = [];
  #leftovers: readonly SnapshotName[];
  /** Files of the last checkpoint of this run. */
  #written: readonly ManifestFile[] = [];
  /** Whether this session ends as a checkpoint. */
  #incomplete = true;
  #timer: NodeJS.Timeout | undefined;
  /** Ends when everything ended that must not run beside a checkpoint. */
  #turn: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  /** Whether there is a session with the server. */
  #stands = true;
  #finishing = false;
  #ended = false;

  constructor(parts: CheckpointedParts) {
    this.#p = parts;
    this.#session = parts.first;
    this.#calls = new SessionCalls(parts.first.h2, parts.seal);
    this.#leftovers = parts.leftovers;
    this.#startTimer();
  }

  get snapshot(): SnapshotName {
    return this.#session.snapshot;
  }

  get seal(): Seal {
    return this.#p.seal;
  }

  get previous(): SnapshotName | undefined {
    return this.#p.first.base?.snapshot;
  }

  get failure(): Error | undefined {
    const failed = [...this.#archives.values()].find(({ stream }) => stream.failure !== undefined);
    return failed?.stream.failure ?? this.#failure ?? this.#calls.h2.failure;
  }

  get checkpoints(): CheckpointKeeper {
    return this;
  }

  get keeps(): boolean {
    return this.#incomplete && !this.#finishing;
  }

  /** There is none, or a checkpoint, whose manifest says so. */
  openPrevious(): Promise<SnapshotReader> {
    const { base } = this.#p.first;
    if (base === undefined) return Promise.reject(new Error('the group has no previous snapshot'));
    return base.openFor(this.seal);
  }

  present(index: DynamicIndex): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(index.count));
  }

  sink(name: ServerName, size?: number): Promise<NativeChunkSink> {
    return this.#exclusive(async () => {
      await this.#session.base?.registerKnown(name, this.seal);
      const stream = new UploadStream(this.#target(name, size), this.#p, () => this.#stop());
      this.#archives.set(name, { stream, size, running: undefined, entries: undefined });
      return stream.sink;
    });
  }

  follow(name: ServerName, running: RunningStream): void {
    this.#archive(name).running = running;
  }

  putIndex(name: ServerName, { entries }: FinishedStream): Promise<void> {
    return this.#exclusive(() => {
      const archive = this.#archive(name);
      archive.entries = entries;
      archive.running = undefined;
      this.#files.push({ name });
      return Promise.resolve();
    });
  }

  putBlob(name: ServerName, blob: Buffer): Promise<void> {
    this.#files.push({ name, blob });
    return Promise.resolve();
  }

  finish(unprotected: Manifest['unprotected']): Promise<void> {
    this.#finishing = true;
    clearTimeout(this.#timer);
    return this.#exclusive(async () => {
      if (this.#incomplete && (await this.#writeCheckpoint())) await this.#goOn(false);
      for (const { stream } of this.#archives.values()) await stream.settle();
      const files: ManifestFile[] = [];
      for (const { name, blob } of this.#files)
        files.push(
          blob === undefined
            ? await this.#calls.putIndex(name, this.#archive(name).entries!)
            : await this.#calls.putBlob(name, blob),
        );
      await this.#complete(files, unprotected);
      await this.#end();
      await this.#p.removal.removeAll(this.#leftovers);
    });
  }

  /** Leaves a checkpoint behind. Nothing can be done with the session afterwards. */
  async preserve(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#exclusive(async () => {
      if (this.#incomplete && this.#stands && (await this.#writeCheckpoint())) await this.#removeOlder();
    });
  }

  interrupt(): void {
    void this.#end();
  }

  abort(): Promise<void> {
    return this.#end();
  }

  #archive(name: ServerName): Archive {
    const archive = this.#archives.get(name);
    if (archive === undefined) throw new Error(`${name} was not begun`);
    return archive;
  }

  #target(name: ServerName, size: number | undefined): UploadTarget {
    const calls = this.#calls;
    const called = this.#incomplete ? incompleteName(name) : name;
    return { h2: calls.h2, kind: writerKind(called), writer: () => calls.writer(called, size) };
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => void this.#onTime(), this.#p.intervalMs);
    this.#timer.unref();
  }

  async #onTime(): Promise<void> {
    try {
      await this.#exclusive(async () => {
        if (!this.#stands) return;
        const written = await this.#writeCheckpoint();
        if (written) await this.#goOn(true);
        this.#resume();
        if (this.#incomplete && !this.#ended) this.#startTimer();
      });
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.#stop();
      // Their next chunk ends them.
      this.#resume();
    }
  }

  #resume(): void {
    for (const { running } of this.#archives.values()) running?.resume();
  }

  /**
   * Finishes the session with what all archives have so far; their streams rest from then on. False where nothing was sent in this
   * session: the last checkpoint has it all.
   */
  async #writeCheckpoint(): Promise<boolean> {
    const parts = new Map<ServerName, IndexEntries>();
    for (const [name, { running, entries }] of this.#archives)
      parts.set(incompleteName(name), entries ?? (await running?.pause()) ?? Buffer.alloc(0));
    // A chunk of one archive may be on its way as one of another.
    for (const { stream } of this.#archives.values()) await stream.settle();
    if (!this.#calls.isBegun) return false;
    // This run may not have come as far as an earlier one.
    parts.set(EARLIER_NAME, this.#p.inherited);
    const files: ManifestFile[] = [];
    for (const [name, entries] of parts)
      if (entries.length > 0) files.push(await this.#calls.putIndex(name, entries));
    await this.#complete(files, checkpointNotes());
    this.#written = files;
    this.#p.say(`Checkpoint: ${formatSnapshot(this.#session.snapshot)}`);
    await this.#close();
    return true;
  }

  /** After a checkpoint: another session, to which its chunks are known. */
  async #goOn(incomplete: boolean): Promise<void> {
    const checkpoint = this.#session.snapshot;
    const removable = await this.#removeOlder();
    this.#incomplete = incomplete && removable;
    const session = await this.#p.next(checkpoint);
    this.#session = session;
    this.#calls = new SessionCalls(session.h2, this.seal);
    this.#stands = true;
    if (this.#ended) return this.#close();
    this.#p.digests.clear();
    for (const { filename, csum } of this.#written) {
      if ((await session.base.register(filename)).csum.toString('hex') === csum) continue;
      throw new ServerError(
        'SERVER_REPLY',
        `${filename}: the server has another checkpoint than it was sent`,
      );
    }
    for (const [name, { stream, size }] of this.#archives) stream.moveTo(this.#target(name, size));
  }

  /** At most one checkpoint remains, the one that was just written; false if others cannot be removed. */
  async #removeOlder(): Promise<boolean> {
    const left = await this.#p.removal.remove(this.#leftovers);
    this.#leftovers = [...left, this.#session.snapshot];
    return left.length === 0;
  }

  #complete(files: readonly ManifestFile[], unprotected: Manifest['unprotected']): Promise<void> {
    const { snapshot } = this.#session;
    return this.#calls.finish({ snapshot, files, unprotected }, () => this.#p.isStored(snapshot));
  }

  #stop(): void {
    for (const { stream } of this.#archives.values()) stream.stop();
  }

  async #close(): Promise<void> {
    this.#stands = false;
    this.#calls.h2.close();
    await this.#session.base?.close();
  }

  async #end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#stop();
    await this.#close();
  }
}
