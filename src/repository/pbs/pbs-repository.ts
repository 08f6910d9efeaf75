/** A datastore of a Proxmox Backup Server. protocol.md, rest-api.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { native } from '../../native.js';
import {
  type BackupTime,
  backupTime,
  type GroupName,
  type Namespace,
  parseBackupId,
  parseBackupType,
  ROOT_NAMESPACE,
  type SnapshotName,
} from '../../snapshot/names.js';
import type { Management } from '../management.js';
import type {
  BackupSession,
  BeginOptions,
  GroupInfo,
  LockWait,
  Repository,
  SnapshotInfo,
  SnapshotReader,
  SpeedTestOptions,
  UploadSpeed,
} from '../repository.js';
import { PbsBackupSession } from './backup-session.js';
import { Base } from './base.js';
import { connectBackup, type PbsOptions } from './connect-session.js';
import { listGroups, listSnapshots, snapshotQuery } from './listing.js';
import { PbsManagement } from './management.js';
import { openReaderSession } from './reader-session.js';
import { RestClient } from './rest-client.js';
import { ServerError } from './server-error.js';
import { PbsSnapshotReader } from './snapshot-reader.js';
import { uploadSpeed } from './speed-test.js';

/** How often a group that somebody else holds is asked for again. */
const LOCK_RETRY_MS = 2000;
const LOCKED = /^unable to acquire backup group lock/;

export class PbsRepository implements Repository {
  readonly name: string;
  readonly rest: RestClient;
  readonly #o: PbsOptions;

  private constructor(options: PbsOptions) {
    this.name = options.spec.canonical;
    this.#o = options;
    this.rest = new RestClient(options);
  }

  /** Connects when something is asked for. */
  static open(options: PbsOptions): Promise<PbsRepository> {
    return Promise.resolve(new PbsRepository(options));
  }

  groups(namespace: Namespace): Promise<GroupInfo[]> {
    return listGroups(this.rest, this.#o.spec.store, namespace);
  }

  snapshots(namespace: Namespace, group?: GroupName): Promise<SnapshotInfo[]> {
    return listSnapshots(this.rest, this.#o.spec.store, namespace, group);
  }

  async open(namespace: Namespace, snapshot: SnapshotName, { signal }: LockWait): Promise<SnapshotReader> {
    const chunks = openReaderSession(this.#o, { namespace, snapshot, signal });
    const files = {
      download: chunks.download.bind(chunks),
      onIndex: (): void => undefined,
    };
    try {
      return await PbsSnapshotReader.open(snapshot, files, chunks, { separate: false });
    } catch (error) {
      await chunks.close();
      throw error;
    }
  }

  begin(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    options: BeginOptions,
  ): Promise<BackupSession> {
    return this.#begin(namespace, { ...group, time }, options, false);
  }

  rehearse(namespace: Namespace, group: GroupName, time: BackupTime): Promise<BackupSession> {
    return this.#begin(namespace, { ...group, time }, { waitSeconds: 0 }, true);
  }

  async forget(namespace: Namespace, snapshot: SnapshotName): Promise<void> {
    const path = `admin/datastore/${this.#o.spec.store}/snapshots`;
    // Servers before 3.3 answer null, later ones with statistics.
    await this.rest.delete(path, snapshotQuery(namespace, snapshot), z.unknown());
  }

  management(): Management {
    return new PbsManagement(this.rest, this.#o.spec);
  }

  /** Nothing of a server lies in a tree that is backed up. */
  ownDirectories(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set());
  }

  /** Sends data that the server drops. It needs the right to make backups. */
  async uploadSpeed(options: SpeedTestOptions, time: BackupTime): Promise<UploadSpeed> {
    const snapshot = { type: parseBackupType('host'), id: parseBackupId('benchmark'), time };
    const target = { namespace: ROOT_NAMESPACE, snapshot, signal: options.signal };
    const h2 = await connectBackup(this.#o, target, { benchmark: true });
    try {
      return await uploadSpeed(h2, options);
    } finally {
      h2.close();
    }
  }

  async #begin(
    namespace: Namespace,
    snapshot: SnapshotName,
    wait: LockWait,
    rehearsal: boolean,
  ): Promise<BackupSession> {
    const { signal } = wait;
    const target = { namespace, snapshot, signal };
    const h2 = await this.#lockedGroup(wait, () => connectBackup(this.#o, target, { benchmark: false }));
    try {
      const digests = new native.ServerDigests();
      const previous = await h2.endedBy(signal, () =>
        h2.call('GET', 'previous_backup_time', {}, z.int().positive().nullable()),
      );
      const base =
        previous === null ? undefined : { ...target, snapshot: { ...snapshot, time: backupTime(previous) } };
      return new PbsBackupSession({
        snapshot,
        h2,
        base: base && new Base(base.snapshot, h2, digests, openReaderSession(this.#o, base, digests)),
        digests,
        rehearsal,
        isStored: () => this.#isStored(namespace, snapshot),
      });
    } catch (error) {
      h2.close();
      throw error;
    }
  }

  async #isStored(namespace: Namespace, snapshot: SnapshotName): Promise<boolean> {
    const all = await this.snapshots(namespace, snapshot);
    return all.some(({ finished, snapshot: { time } }) => finished && time === snapshot.time);
  }

  /** Begins while somebody else has the group, as often as `wait` allows. */
  async #lockedGroup<T>({ waitSeconds, signal }: LockWait, begin: () => Promise<T>): Promise<T> {
    for (let waited = 0; ; waited += LOCK_RETRY_MS) {
      try {
        return await begin();
      } catch (error) {
        const locked = error instanceof ServerError && LOCKED.test(error.message);
        if (!locked || waited >= waitSeconds * 1000) throw error;
      }
      await sleep(LOCK_RETRY_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}
