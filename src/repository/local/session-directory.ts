/** The directory in which a snapshot grows until it is complete: it appears under its name whole or not at all. */
import { randomBytes } from 'node:crypto';
import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { native } from '../../native.js';
import { MANIFEST_NAME } from '../../snapshot/archive-names.js';
import { formatTime, type SnapshotName } from '../../snapshot/names.js';
import { RepositoryError, systemCode } from '../errors.js';
import { type OpenFileSystems, syncDirectory } from './durability.js';
import { UNFINISHED } from './layout.js';
import type { Lock } from './locks.js';
import { letGo, takeAll } from './session-close.js';

/** When written data must be on disk: `filesystem` syncs once before the snapshot appears, `file` each file. */
export type SyncMode = 'filesystem' | 'file' | 'none';

export interface GrowingParts {
  readonly groupDirectory: string;
  readonly snapshot: SnapshotName;
  readonly sync: SyncMode;
  /** Every file system that is written to, open since before the first write. */
  readonly fileSystems: OpenFileSystems;
  /** Owner of new files: that of the store's root. */
  readonly uid: number;
  readonly gid: number;
  readonly locks: readonly Lock[];
}

/** Mode of files in a snapshot. */
export const FILE_MODE = 0o640;

export class GrowingSnapshot {
  readonly parts: GrowingParts;
  /** Where its files are until it is complete. */
  readonly directory: string;
  /** Where it will be. */
  readonly path: string;
  #open = true;

  private constructor(parts: GrowingParts, directory: string) {
    this.parts = parts;
    this.directory = directory;
    this.path = join(parts.groupDirectory, formatTime(parts.snapshot.time));
  }

  /** Makes the directory. Locks are released and file systems closed at the end. */
  static async start(parts: GrowingParts): Promise<GrowingSnapshot> {
    const name = `${UNFINISHED}${formatTime(parts.snapshot.time)}-${randomBytes(6).toString('hex')}`;
    const directory = join(parts.groupDirectory, name);
    // A group, type or namespace may be a file system of its own.
    await parts.fileSystems.add(parts.groupDirectory);
    await mkdir(directory, { mode: 0o755 });
    await chown(directory, parts.uid, parts.gid);
    return new GrowingSnapshot(parts, directory);
  }

  /** Writes a file whole. EEXIST unless it may `replace` one. */
  publish(name: string, bytes: Buffer, { replace = false } = {}): Promise<void> {
    return this.#publish(name, bytes, replace, this.parts.sync === 'file');
  }

  /** Everything is on disk, then the manifest, then the snapshot appears. SNAPSHOT_EXISTS. */
  async complete(manifest: Buffer): Promise<void> {
    const { groupDirectory, sync, fileSystems } = this.parts;
    if (sync === 'filesystem') await fileSystems.sync();
    await this.#publish(MANIFEST_NAME, manifest, true, sync !== 'none');
    if (sync !== 'none') await syncDirectory(this.directory);
    await this.#appear();
    if (sync !== 'none') await syncDirectory(groupDirectory);
    await this.#end();
  }

  /** Removes everything, unless the snapshot is complete. Rejects with the first error, when nothing is locked any more. */
  async abandon(): Promise<void> {
    if (!this.#open) return;
    await takeAll([() => rm(this.directory, { recursive: true, force: true }), () => this.#end()]);
  }

  async #appear(): Promise<void> {
    try {
      await native.renameExclusive(this.directory, this.path);
    } catch (cause) {
      if (systemCode(cause) !== 'EEXIST' && systemCode(cause) !== 'ENOTEMPTY') throw cause;
      throw new RepositoryError('SNAPSHOT_EXISTS', `${this.path} exists already`, { cause });
    }
  }

  #publish(name: string, bytes: Buffer, replace: boolean, sync: boolean): Promise<void> {
    const { uid, gid } = this.parts;
    return native.publishFile(this.directory, name, bytes, { mode: FILE_MODE, uid, gid, replace, sync });
  }

  #end(): Promise<void> {
    this.#open = false;
    return letGo(this.parts);
  }
}
