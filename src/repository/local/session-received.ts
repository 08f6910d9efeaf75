/** A backup that a client of a server makes: its files come as they are to be stored. protocol.md §4.2, §5. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeChunkReceiver } from '../../native-chunk.js';
import { MANIFEST_NAME, type ServerName } from '../../snapshot/archive-names.js';
import type { Manifest } from '../../snapshot/manifest.js';
import type { SnapshotName } from '../../snapshot/names.js';
import { MANIFEST_LIMIT } from '../stored-files.js';
import { readBounded } from './bounded-read.js';
import { takeAll } from './session-close.js';
import { type GrowingParts, GrowingSnapshot } from './session-directory.js';
import { GrowingIndex } from './session-index.js';

/** The snapshot that a client may refer to. */
export interface ReceivedBase {
  readonly snapshot: SnapshotName;
  readonly directory: string;
  readonly manifest: Manifest;
}

export interface ReceivedParts extends GrowingParts {
  readonly base: ReceivedBase | undefined;
  readonly chunks: NativeChunkReceiver;
}

export class ReceivedSession {
  readonly snapshot: SnapshotName;
  readonly base: ReceivedBase | undefined;
  readonly chunks: NativeChunkReceiver;
  readonly #growing: GrowingSnapshot;
  readonly #indexes = new Set<GrowingIndex>();

  private constructor(parts: ReceivedParts, growing: GrowingSnapshot) {
    this.snapshot = parts.snapshot;
    this.base = parts.base;
    this.chunks = parts.chunks;
    this.#growing = growing;
  }

  /** Makes the directory that the snapshot grows in. The session releases the locks and closes the file systems at its end. */
  static async start(parts: ReceivedParts): Promise<ReceivedSession> {
    return new ReceivedSession(parts, await GrowingSnapshot.start(parts));
  }

  /** Where a file will be when the snapshot is complete. */
  pathOf(name: string): string {
    return join(this.#growing.path, name);
  }

  async createIndex(): Promise<GrowingIndex> {
    const index = await GrowingIndex.create(this.#growing);
    this.#indexes.add(index);
    return index;
  }

  /** Nobody wants this index any more. */
  async dropIndex(index: GrowingIndex): Promise<void> {
    this.#indexes.delete(index);
    await index.discard();
  }

  /** Stores a blob as it is; another of that name gives way. */
  putBlob(name: ServerName, bytes: Buffer): Promise<void> {
    return this.#growing.publish(name, bytes, { replace: true });
  }

  /** The manifest as it was stored. ARCHIVE_MISSING. */
  manifest(): Promise<Buffer> {
    return readBounded(join(this.#growing.directory, MANIFEST_NAME), MANIFEST_LIMIT);
  }

  /** False if somebody removed the base although it is locked. */
  async baseIsThere(): Promise<boolean> {
    if (this.base === undefined) return true;
    return (await stat(this.base.directory).catch(() => undefined)) !== undefined;
  }

  /** The snapshot appears with this manifest. SNAPSHOT_EXISTS. */
  async finish(manifest: Buffer): Promise<void> {
    await this.#closeIndexes();
    await this.#growing.complete(manifest);
  }

  /**
   * Removes what there is, unless the snapshot is finished. Rejects with the first error, when nothing is open and locked any more.
   */
  abort(): Promise<void> {
    return takeAll([() => this.#closeIndexes(), () => this.#growing.abandon()]);
  }

  #closeIndexes(): Promise<void> {
    const indexes = [...this.#indexes];
    this.#indexes.clear();
    return takeAll(indexes.map((index) => () => index.close()));
  }
}
