/** A backup that is being written into a local datastore: whole or not at all. */
import { createHash, randomBytes } from 'node:crypto';
import type { NativeChunkSink, NativeChunkStore } from '../../native-chunk.js';
import { encodeIndex, indexOf } from '../../snapshot/archive-index.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import { encodeManifest, type Manifest, type ManifestFile } from '../../snapshot/manifest.js';
import type { SnapshotName } from '../../snapshot/names.js';
import type { BackupSession, FinishedStream, SnapshotReader } from '../repository.js';
import type { Seal } from '../seal.js';
import { type GrowingParts, GrowingSnapshot } from './session-directory.js';

export type { SyncMode } from './session-directory.js';

export interface SessionParts extends GrowingParts {
  readonly previous: SnapshotName | undefined;
  readonly seal: Seal;
  /** Encrypts by the seal. */
  readonly chunks: NativeChunkStore;
  /** Opens `previous` so that it is read through `chunks`: a chunk that is found damaged is stored again. */
  readonly openPrevious: () => Promise<SnapshotReader>;
  /** Creation time in index headers, seconds. */
  readonly now: number;
}

/** A random UUID of version 4, as bytes. */
export function uuid4(): Buffer {
  const uuid = randomBytes(16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x40;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}

export class LocalSession implements BackupSession {
  readonly snapshot: SnapshotName;
  readonly seal: Seal;
  readonly previous: SnapshotName | undefined;
  /** Nothing ends it from outside. */
  readonly failure = undefined;
  readonly #parts: SessionParts;
  readonly #growing: GrowingSnapshot;
  readonly #files: ManifestFile[] = [];

  private constructor(parts: SessionParts, growing: GrowingSnapshot) {
    this.snapshot = parts.snapshot;
    this.seal = parts.seal;
    this.previous = parts.previous;
    this.#parts = parts;
    this.#growing = growing;
  }

  /** Makes the directory that the snapshot grows in. The session releases the locks and closes the file systems at its end. */
  static async start(parts: SessionParts): Promise<LocalSession> {
    return new LocalSession(parts, await GrowingSnapshot.start(parts));
  }

  openPrevious(): Promise<SnapshotReader> {
    return this.#parts.openPrevious();
  }

  present(index: DynamicIndex): Promise<Uint8Array> {
    return this.#parts.chunks.probe(index.entries);
  }

  sink(): Promise<NativeChunkSink> {
    return Promise.resolve(this.#parts.chunks);
  }

  async putIndex(name: ServerName, { entries }: FinishedStream): Promise<void> {
    const parts = { uuid: uuid4(), ctime: this.#parts.now, entries };
    const { csum, size } = indexOf(parts, name);
    await this.#growing.publish(name, encodeIndex(parts, name));
    this.#files.push({ filename: name, cryptMode: this.seal.mode, size, csum: csum.toString('hex') });
  }

  async putBlob(name: ServerName, bytes: Buffer): Promise<void> {
    await this.#growing.publish(name, bytes);
    const csum = createHash('sha256').update(bytes).digest('hex');
    this.#files.push({ filename: name, cryptMode: this.seal.mode, size: bytes.length, csum });
  }

  async finish(unprotected: Manifest['unprotected']): Promise<void> {
    const { snapshot, seal } = this;
    await this.#growing.complete(
      encodeManifest(seal.manifest({ snapshot, files: this.#files, unprotected })),
    );
  }

  interrupt(): void {
    // Nothing waits for others once the session has begun.
  }

  abort(): Promise<void> {
    return this.#growing.abandon();
  }
}
