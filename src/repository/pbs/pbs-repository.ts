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
import type { Transport } from './connect-tls.js';
import type { Session } from './credentials.js';
import { H2Session } from './h2-session.js';
import { listGroups, listSnapshots } from './listing.js';
import { PbsManagement } from './management.js';
import { ReaderSession } from './reader-session.js';
import type { PbsSpec } from './repository-string.js';
import { RestClient } from './rest-client.js';
import { ServerError } from './server-error.js';
import { PbsSnapshotReader } from './snapshot-reader.js';
import { uploadSpeed } from './speed-test.js';
import { upgrade } from './upgrade.js';

const BACKUP_PROTOCOL = 'proxmox-backup-protocol-v1';
const READER_PROTOCOL = 'proxmox-backup-reader-protocol-v1';
/** How often a group that somebody else holds is asked for again. */
const LOCK_RETRY_MS = 2000;
const LOCKED = /^unable to acquire backup group lock/;

export interface PbsOptions {
  readonly spec: PbsSpec;
  readonly transport: Transport;
  readonly session: Session;
  /** Longest time without an answer, in milliseconds. */
  readonly requestTimeoutMs: number;
}

function groupQuery(namespace: Namespace, group: GroupName): Record<string, string> {
  return {
    'backup-type': group.type,
    'backup-id': group.id,
    ...(namespace === '' ? {} : { ns: namespace }),
  };
}

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

  async open(namespace: Namespace, snapshot: SnapshotName): Promise<SnapshotReader> {
    const chunks = this.#reader(namespace, snapshot);
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
    const query = { ...groupQuery(namespace, snapshot), 'backup-time': snapshot.time };
    // Servers before 3.3 answer null, later ones with statistics.
    await this.rest.delete(path, query, z.unknown());
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
    const h2 = await this.#connect('backup', BACKUP_PROTOCOL, ROOT_NAMESPACE, snapshot, true);
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
    const h2 = await this.#lockedGroup(wait, () =>
      this.#connect('backup', BACKUP_PROTOCOL, namespace, snapshot),
    );
    try {
      const digests = new native.ServerDigests();
      const previous = await h2.call('GET', 'previous_backup_time', {}, z.int().positive().nullable());
      const base =
        previous === null
          ? undefined
          : this.#base(namespace, { ...snapshot, time: backupTime(previous) }, h2, digests);
      return new PbsBackupSession({ snapshot, h2, base, digests, rehearsal });
    } catch (error) {
      h2.close();
      throw error;
    }
  }

  #base(
    namespace: Namespace,
    snapshot: SnapshotName,
    h2: H2Session,
    digests: InstanceType<typeof native.ServerDigests>,
  ): Base {
    return new Base(snapshot, h2, digests, this.#reader(namespace, snapshot));
  }

  #reader(namespace: Namespace, snapshot: SnapshotName): ReaderSession {
    return new ReaderSession(() => this.#connect('reader', READER_PROTOCOL, namespace, snapshot));
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

  async #connect(
    path: 'backup' | 'reader',
    protocol: string,
    namespace: Namespace,
    snapshot: SnapshotName,
    benchmark = false,
  ): Promise<H2Session> {
    const { spec, transport, session, requestTimeoutMs } = this.#o;
    const query = {
      store: spec.store,
      ...groupQuery(namespace, snapshot),
      'backup-time': snapshot.time,
      debug: true,
      ...(path === 'backup' ? { benchmark } : {}),
    };
    const request = { path, query, protocol, timeoutMs: requestTimeoutMs, host: `${spec.host}:${spec.port}` };
    const connection = await upgrade(transport, session, request);
    return new H2Session(connection, requestTimeoutMs);
  }
}
