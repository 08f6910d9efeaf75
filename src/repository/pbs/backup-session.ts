/** A backup that is being written to a server. protocol.md §5. */
import type { NativeChunkSink, NativeServerDigests } from '../../native-chunk.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import type { Manifest, ManifestFile } from '../../snapshot/manifest.js';
import type { SnapshotName } from '../../snapshot/names.js';
import { RepositoryError } from '../errors.js';
import type { BackupSession, FinishedStream, SnapshotReader } from '../repository.js';
import type { Seal } from '../seal.js';
import type { Base } from './base.js';
import type { H2Session } from './h2-session.js';
import { SessionCalls, writerKind } from './session-calls.js';
import { UploadStream } from './upload-stream.js';

export interface PbsSessionParts {
  readonly snapshot: SnapshotName;
  readonly h2: H2Session;
  readonly seal: Seal;
  /** The base snapshot; undefined where the group has none that is usable. */
  readonly base: Base | undefined;
  readonly digests: NativeServerDigests;
  /** Asks the server anew whether the snapshot is there and finished. */
  readonly isStored: () => Promise<boolean>;
  /** Called when the snapshot is complete and its locks are gone. */
  readonly onFinished?: () => Promise<unknown>;
  /** Nothing is uploaded, and the server removes what was begun. */
  readonly rehearsal: boolean;
}

export class PbsBackupSession implements BackupSession {
  readonly snapshot: SnapshotName;
  readonly seal: Seal;
  readonly #calls: SessionCalls;
  readonly #base: Base | undefined;
  readonly #digests: NativeServerDigests;
  readonly #rehearsal: boolean;
  readonly #isStored: () => Promise<boolean>;
  readonly #onFinished: (() => Promise<unknown>) | undefined;
  readonly #streams = new Map<ServerName, UploadStream>();
  readonly #files: ManifestFile[] = [];

  constructor({ snapshot, h2, seal, base, digests, rehearsal, isStored, onFinished }: PbsSessionParts) {
    this.snapshot = snapshot;
    this.seal = seal;
    this.#calls = new SessionCalls(h2, seal);
    this.#base = base;
    this.#digests = digests;
    this.#rehearsal = rehearsal;
    this.#isStored = isStored;
    this.#onFinished = onFinished;
  }

  get previous(): SnapshotName | undefined {
    return this.#base?.snapshot;
  }

  get failure(): Error | undefined {
    const failed = [...this.#streams.values()].find(({ failure }) => failure !== undefined);
    return failed?.failure ?? this.#calls.h2.failure;
  }

  /** The base, whose indexes are registered as known chunks when they are read. */
  openPrevious(): Promise<SnapshotReader> {
    if (this.#base === undefined)
      return Promise.reject(new RepositoryError('SNAPSHOT_MISSING', 'the group has no previous snapshot'));
    return this.#base.openFor(this.seal);
  }

  /** The server has every chunk of an index that it registered, or will say so when it is appended. */
  present(index: DynamicIndex): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(index.count).fill(1));
  }

  async sink(name: ServerName, size?: number): Promise<NativeChunkSink> {
    await this.#base?.registerKnown(name, this.seal);
    const writer = await this.#calls.writer(name, size);
    const stopAll = (): void => {
      for (const each of this.#streams.values()) each.stop();
    };
    const target = { h2: this.#calls.h2, kind: writerKind(name), writer: () => Promise.resolve(writer) };
    const stream = new UploadStream(target, { digests: this.#digests, seal: this.seal }, stopAll);
    this.#streams.set(name, stream);
    return stream.sink;
  }

  async putIndex(name: ServerName, { entries }: FinishedStream): Promise<void> {
    if (this.#rehearsal) return;
    await this.#streams.get(name)?.drain();
    // A chunk of this archive may have been sent with another one, which may go on.
    for (const each of this.#streams.values()) await each.settle();
    this.#files.push(await this.#calls.putIndex(name, entries));
  }

  async putBlob(name: ServerName, encoded: Buffer): Promise<void> {
    this.#files.push(await this.#calls.putBlob(name, encoded));
  }

  async finish(unprotected: Manifest['unprotected']): Promise<void> {
    if (this.#rehearsal) return this.#end();
    const { snapshot } = this;
    await this.#calls.finish({ snapshot, files: this.#files, unprotected }, this.#isStored);
    await this.#end();
    await this.#onFinished?.();
  }

  /** Closes the connections: requests that run are rejected. */
  interrupt(): void {
    void this.#end();
  }

  /** The server removes what was begun when the connection ends. §5.8. */
  abort(): Promise<void> {
    return this.#end();
  }

  async #end(): Promise<void> {
    for (const stream of this.#streams.values()) stream.stop();
    this.#calls.h2.close();
    await this.#base?.close();
  }
}
