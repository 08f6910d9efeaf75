/** A finished snapshot of a server, read with every check. snapshot-manifest.md §9, protocol.md §6. */
import type { EncryptionKey } from '../../keys/encryption-key.js';
import type { NativeChunkReader } from '../../native-chunk.js';
import { decodeIndex } from '../../snapshot/archive-index.js';
import {
  type ArchiveFiles,
  MANIFEST_NAME,
  resolveArchive,
  type ServerName,
} from '../../snapshot/archive-names.js';
import { decodeBlob } from '../../snapshot/blob.js';
import {
  type DynamicIndex,
  ENTRY_SIZE,
  HEADER_SIZE as INDEX_HEADER_SIZE,
} from '../../snapshot/dynamic-index.js';
import { type Manifest, parseManifest } from '../../snapshot/manifest.js';
import type { SnapshotName } from '../../snapshot/names.js';
import { OpenIndexes } from '../open-indexes.js';
import type { SnapshotReader } from '../repository.js';
import { type KeySource, keyFor } from '../snapshot-key.js';
import { BLOB_LIMIT, checkedBlob, checkName, MANIFEST_LIMIT, manifestEntry } from '../stored-files.js';
import type { ReaderSession } from './reader-session.js';
import { ServerError } from './server-error.js';

/** Far less than chunks have on average, in bytes, and entries of indexes whose chunks are shorter than that. */
const SHORT_CHUNK = 4096;
const FEW_ENTRIES = 65_536;

/** No chunk is longer, in bytes. */
const LONGEST_CHUNK = 16 * 1024 * 1024;
/**
 * Longest index file that is taken from a server, in bytes: 26 million chunks, 100 TB where they have 4 MiB. Manifest and index may
 * agree on any size, and the index stands in memory.
 */
const INDEX_LIMIT = 1024 * 1024 * 1024;

function indexSize(size: number, chunkSize: number): number {
  return INDEX_HEADER_SIZE + Math.ceil(size / chunkSize) * ENTRY_SIZE;
}

/**
 * Longest index file of an archive of `size` bytes that is worth taking memory for, in bytes. Throws ServerError `SERVER_REPLY` where
 * every index would be longer than any that is taken.
 */
function indexLimit(name: ServerName, size: number): number {
  if (indexSize(size, LONGEST_CHUNK) > INDEX_LIMIT) {
    const problem = `${name}: an archive of ${size} bytes has an index of more than 1 GiB, which is not taken from a server`;
    throw new ServerError('SERVER_REPLY', problem);
  }
  return Math.min(INDEX_LIMIT, indexSize(size, SHORT_CHUNK) + FEW_ENTRIES * ENTRY_SIZE);
}

/** Where the files of a snapshot come from: a reader session, or the base of a backup session. */
export interface FileSource {
  /** A file as it is stored, at most `limit` bytes. */
  download(name: ServerName, limit: number): Promise<Buffer>;
  /** Called with each index that was checked. */
  onIndex(name: ServerName, index: DynamicIndex): void;
}

export class PbsSnapshotReader implements SnapshotReader {
  readonly snapshot: SnapshotName;
  readonly manifest: Manifest;
  readonly manifestText: Buffer;
  readonly #files: FileSource;
  readonly #chunks: ReaderSession;
  readonly #indexes: OpenIndexes;
  /** Whether the reader session itself has to download an index before it may have its chunks. */
  readonly #separate: boolean;
  readonly #key: EncryptionKey | undefined;

  private constructor(
    snapshot: SnapshotName,
    manifestText: Buffer,
    manifest: Manifest,
    files: FileSource,
    chunks: ReaderSession,
    { separate, key }: { readonly separate: boolean; readonly key: EncryptionKey | undefined },
  ) {
    this.snapshot = snapshot;
    this.manifest = manifest;
    this.manifestText = manifestText;
    this.#files = files;
    this.#chunks = chunks;
    this.#separate = separate;
    this.#key = key;
    this.#indexes = new OpenIndexes(manifest, key);
  }

  /** Fetches the manifest. Throws ServerError, RepositoryError, BlobError or ManifestError, and what `keys` throws. */
  static async open(
    snapshot: SnapshotName,
    files: FileSource,
    chunks: ReaderSession,
    { separate, keys }: { readonly separate: boolean; readonly keys?: KeySource | undefined },
  ): Promise<PbsSnapshotReader> {
    const stored = await files.download(MANIFEST_NAME, MANIFEST_LIMIT);
    const text = decodeBlob(stored, MANIFEST_NAME, MANIFEST_LIMIT);
    const manifest = parseManifest(text, MANIFEST_NAME);
    checkName(snapshot, manifest);
    const key = keys === undefined ? undefined : await keyFor(manifest, keys);
    return new PbsSnapshotReader(snapshot, text, manifest, files, chunks, { separate, key });
  }

  files(name: string): ArchiveFiles {
    return resolveArchive(this.manifest, name);
  }

  async index(name: ServerName): Promise<DynamicIndex> {
    const { csum, size } = manifestEntry(this.manifest, name);
    const index = decodeIndex(await this.#download(name, indexLimit(name, size)), name);
    index.verify(csum, size);
    this.#files.onIndex(name, index);
    this.#indexes.add(index, name);
    return index;
  }

  async blob(name: ServerName): Promise<Buffer> {
    const entry = manifestEntry(this.manifest, name);
    return checkedBlob(await this.#download(name, Math.min(entry.size, BLOB_LIMIT)), entry, name, this.#key);
  }

  open(index: DynamicIndex, cacheBytes: number): NativeChunkReader {
    const name = this.#indexes.name(index);
    const key = this.#indexes.key(index);
    let ready: Promise<unknown> | undefined;
    return this.#chunks.open(index, { cacheBytes, key }, () => {
      ready ??= this.#separate
        ? this.#chunks.download(name, indexLimit(name, index.size))
        : Promise.resolve();
      return ready;
    });
  }

  digest(index: DynamicIndex, plain: Buffer): Buffer {
    return this.#indexes.digest(index, plain);
  }

  /**
   * The same snapshot, read with a key that its manifest must be signed with; both are closed as one. Throws RepositoryError, and what
   * `keys` throws.
   */
  async unlocked(keys: KeySource): Promise<PbsSnapshotReader> {
    const key = await keyFor(this.manifest, keys);
    return new PbsSnapshotReader(this.snapshot, this.manifestText, this.manifest, this.#files, this.#chunks, {
      separate: this.#separate,
      key,
    });
  }

  /** What is wrong with an answer is said with the file's name. */
  #download(name: ServerName, limit: number): Promise<Buffer> {
    return this.#files.download(name, limit).catch((error: unknown) => {
      if (!(error instanceof ServerError) || error.code !== 'SERVER_REPLY') throw error;
      throw new ServerError('SERVER_REPLY', `${name}: ${error.message}`, { cause: error });
    });
  }

  get failure(): Error | undefined {
    return this.#chunks.failure;
  }

  close(): Promise<void> {
    return this.#chunks.close();
  }
}
