/** A backup that is being written into a local datastore: whole or not at all. */
import { createHash, randomBytes } from 'node:crypto';
import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { native } from '../../native.js';
import type { NativeChunkSink, NativeChunkStore } from '../../native-chunk.js';
import { MANIFEST_NAME, type ServerName } from '../../snapshot/archive-names.js';
import { encodeBlob } from '../../snapshot/blob.js';
import { DynamicIndex, encodeDynamicIndex } from '../../snapshot/dynamic-index.js';
import { encodeManifest, type Manifest, type ManifestFile } from '../../snapshot/manifest.js';
import { formatTime, type SnapshotName } from '../../snapshot/names.js';
import { RepositoryError, systemCode } from '../errors.js';
import type { BackupSession, FinishedStream, SnapshotReader } from '../repository.js';
import { type OpenFileSystems, syncDirectory } from './durability.js';
import { UNFINISHED } from './layout.js';
import type { Lock } from './locks.js';

/** When written data must be on disk: `filesystem` syncs once before the snapshot appears, `file` each file. */
export type SyncMode = 'filesystem' | 'file' | 'none';

export interface SessionParts {
  readonly groupDirectory: string;
  readonly snapshot: SnapshotName;
  readonly previous: SnapshotName | undefined;
  readonly chunks: NativeChunkStore;
  /** Opens `previous` so that it is read through `chunks`: a chunk that is found damaged is stored again. */
  readonly openPrevious: () => Promise<SnapshotReader>;
  readonly sync: SyncMode;
  /** Every file system that is written to, open since before the first write. */
  readonly fileSystems: OpenFileSystems;
  /** Owner of new files: that of the store's root. */
  readonly uid: number;
  readonly gid: number;
  /** Creation time in index headers, seconds. */
  readonly now: number;
  readonly locks: readonly Lock[];
}

/** A random UUID of version 4, as bytes. */
function uuid4(): Buffer {
  const uuid = randomBytes(16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x40;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}

export class LocalSession implements BackupSession {
  readonly snapshot: SnapshotName;
  readonly previous: SnapshotName | undefined;
  /** Nothing ends it from outside. */
  readonly failure = undefined;
  readonly #parts: SessionParts;
  readonly #directory: string;
  readonly #files: ManifestFile[] = [];
  #open = true;

  private constructor(parts: SessionParts, directory: string) {
    this.snapshot = parts.snapshot;
    this.previous = parts.previous;
    this.#parts = parts;
    this.#directory = directory;
  }

  /** Makes the directory that the snapshot grows in. The session releases the locks and closes the file systems at its end. */
  static async start(parts: SessionParts): Promise<LocalSession> {
    const name = `${UNFINISHED}${formatTime(parts.snapshot.time)}-${randomBytes(6).toString('hex')}`;
    const directory = join(parts.groupDirectory, name);
    // A group, type or namespace may be a file system of its own.
    await parts.fileSystems.add(parts.groupDirectory);
    await mkdir(directory, { mode: 0o755 });
    await chown(directory, parts.uid, parts.gid);
    return new LocalSession(parts, directory);
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
    const { csum, size } = new DynamicIndex(parts, name);
    await this.#publish(name, encodeDynamicIndex(parts, name));
    this.#files.push({ filename: name, cryptMode: 'none', size, csum: csum.toString('hex') });
  }

  async putBlob(name: ServerName, content: Buffer): Promise<void> {
    const bytes = encodeBlob(content, name, { compress: true });
    await this.#publish(name, bytes);
    const csum = createHash('sha256').update(bytes).digest('hex');
    this.#files.push({ filename: name, cryptMode: 'none', size: bytes.length, csum });
  }

  async finish(unprotected: Manifest['unprotected']): Promise<void> {
    const { groupDirectory, sync, snapshot, fileSystems } = this.#parts;
    if (sync === 'filesystem') await fileSystems.sync();
    const manifest = encodeManifest({ snapshot, files: this.#files, signature: null, unprotected });
    await this.#publish(MANIFEST_NAME, manifest, sync !== 'none');
    if (sync !== 'none') await syncDirectory(this.#directory);
    await this.#appear(join(groupDirectory, formatTime(snapshot.time)));
    if (sync !== 'none') await syncDirectory(groupDirectory);
    await this.#end();
  }

  interrupt(): void {
    // Nothing waits for others once the session has begun.
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    try {
      await rm(this.#directory, { recursive: true, force: true });
    } finally {
      await this.#end();
    }
  }

  async #appear(path: string): Promise<void> {
    try {
      await native.renameExclusive(this.#directory, path);
    } catch (cause) {
      if (systemCode(cause) !== 'EEXIST' && systemCode(cause) !== 'ENOTEMPTY') throw cause;
      throw new RepositoryError('SNAPSHOT_EXISTS', `${path} exists already`, { cause });
    }
  }

  #publish(name: string, bytes: Buffer, sync = this.#parts.sync === 'file'): Promise<void> {
    const { uid, gid } = this.#parts;
    return native.publishFile(this.#directory, name, bytes, { mode: 0o640, uid, gid, sync });
  }

  async #end(): Promise<void> {
    this.#open = false;
    await this.#parts.fileSystems.close();
    for (const lock of this.#parts.locks) await lock.release();
  }
}
