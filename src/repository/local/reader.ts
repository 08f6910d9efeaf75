/** A finished snapshot of a local datastore, read with every check. snapshot-manifest.md §9. */
import { join } from 'node:path';
import type { EncryptionKey } from '../../keys/encryption-key.js';
import { native } from '../../native.js';
import type { NativeChunkReader, NativeChunkStore } from '../../native-chunk.js';
import { decodeIndex } from '../../snapshot/archive-index.js';
import {
  type ArchiveFiles,
  MANIFEST_NAME,
  resolveArchive,
  type ServerName,
} from '../../snapshot/archive-names.js';
import { decodeBlob } from '../../snapshot/blob.js';
import { type DynamicIndex, MAX_INDEX_SIZE } from '../../snapshot/dynamic-index.js';
import { type Manifest, parseManifest } from '../../snapshot/manifest.js';
import type { SnapshotName } from '../../snapshot/names.js';
import { OpenIndexes } from '../open-indexes.js';
import type { SnapshotReader } from '../repository.js';
import { type KeySource, keyFor } from '../snapshot-key.js';
import { BLOB_LIMIT, checkedBlob, checkName, MANIFEST_LIMIT, manifestEntry } from '../stored-files.js';
import { readBounded } from './bounded-read.js';
import type { Lock } from './locks.js';

export class LocalSnapshotReader implements SnapshotReader {
  readonly snapshot: SnapshotName;
  readonly manifest: Manifest;
  readonly manifestText: Buffer;
  /** Files of a directory are read one by one: no connection can be lost. */
  readonly failure: Error | undefined = undefined;
  readonly #directory: string;
  readonly #chunks: NativeChunkStore;
  readonly #lock: Lock;
  readonly #key: EncryptionKey | undefined;
  readonly #indexes: OpenIndexes;

  private constructor(
    directory: string,
    manifestText: Buffer,
    manifest: Manifest,
    { chunks, lock }: { readonly chunks: NativeChunkStore; readonly lock: Lock },
    key: EncryptionKey | undefined,
  ) {
    this.snapshot = manifest.snapshot;
    this.manifest = manifest;
    this.manifestText = manifestText;
    this.#directory = directory;
    this.#chunks = chunks;
    this.#lock = lock;
    this.#key = key;
    this.#indexes = new OpenIndexes(manifest, key);
  }

  /** `lock` is released by `close`. Throws RepositoryError, BlobError or ManifestError, and what `keys` throws. */
  static async open(
    directory: string,
    snapshot: SnapshotName,
    parts: { readonly chunks: NativeChunkStore; readonly lock: Lock },
    keys: KeySource | undefined,
  ): Promise<LocalSnapshotReader> {
    const path = join(directory, MANIFEST_NAME);
    const text = decodeBlob(await readBounded(path, MANIFEST_LIMIT), path, MANIFEST_LIMIT);
    const manifest = parseManifest(text, path);
    const key = keys === undefined ? undefined : await keyFor(manifest, keys);
    // Who renames the directory of a group may go on; what a key has signed is that snapshot and no other.
    if (key !== undefined) checkName(snapshot, manifest);
    return new LocalSnapshotReader(directory, text, manifest, parts, key);
  }

  files(name: string): ArchiveFiles {
    return resolveArchive(this.manifest, name);
  }

  async index(name: ServerName): Promise<DynamicIndex> {
    const { csum, size } = manifestEntry(this.manifest, name);
    const path = join(this.#directory, name);
    const index = decodeIndex(await readBounded(path, MAX_INDEX_SIZE), path);
    index.verify(csum, size);
    this.#indexes.add(index, name);
    return index;
  }

  async blob(name: ServerName): Promise<Buffer> {
    const entry = manifestEntry(this.manifest, name);
    const path = join(this.#directory, name);
    return checkedBlob(await readBounded(path, BLOB_LIMIT), entry, path, this.#key);
  }

  open(index: DynamicIndex, cacheBytes: number): NativeChunkReader {
    const key = this.#indexes.key(index);
    return new native.ChunkReader({ store: this.#chunks, entries: index.entries, cacheBytes, key });
  }

  digest(index: DynamicIndex, plain: Buffer): Buffer {
    return this.#indexes.digest(index, plain);
  }

  close(): Promise<void> {
    return this.#lock.release();
  }
}
