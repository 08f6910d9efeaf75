/** A datastore of a Proxmox Backup Server. protocol.md, rest-api.md. */
import * as z from 'zod';
import {
  type BackupTime,
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
  OpenOptions,
  RehearsalOptions,
  Repository,
  SnapshotInfo,
  SnapshotReader,
  SpeedTestOptions,
  UploadSpeed,
} from '../repository.js';
import { PbsBackupSession, type PbsSessionParts } from './backup-session.js';
import { CheckpointRemoval } from './checkpoint-removal.js';
import { type BegunSession, CheckpointedSession } from './checkpointed-session.js';
import { connectBackup, type PbsOptions } from './connect-session.js';
import { GroupSessions } from './group-sessions.js';
import { inheritedChunks } from './inherited-chunks.js';
import { listGroups, listSnapshots, snapshotQuery } from './listing.js';
import { PbsManagement } from './management.js';
import { openReaderSession } from './reader-session.js';
import { RestClient } from './rest-client.js';
import { PbsSnapshotReader } from './snapshot-reader.js';
import { uploadSpeed } from './speed-test.js';

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

  async open(
    namespace: Namespace,
    snapshot: SnapshotName,
    { signal, keys }: OpenOptions,
  ): Promise<SnapshotReader> {
    const chunks = openReaderSession(this.#o, { namespace, snapshot, signal });
    const files = {
      download: chunks.download.bind(chunks),
      onIndex: (): void => undefined,
    };
    try {
      return await PbsSnapshotReader.open(snapshot, files, chunks, { separate: false, keys });
    } catch (error) {
      await chunks.close();
      throw error;
    }
  }

  async begin(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    options: BeginOptions,
  ): Promise<BackupSession> {
    const sessions = new GroupSessions(this.#o, namespace, options);
    const begun = await sessions.begin({ ...group, time });
    try {
      return await begun.h2.endedBy(options.signal, () =>
        this.#sessionOf(begun, sessions, namespace, options),
      );
    } catch (error) {
      begun.h2.close();
      throw error;
    }
  }

  async rehearse(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    { seal, signal }: RehearsalOptions,
  ): Promise<BackupSession> {
    const wait = signal === undefined ? { waitSeconds: 0 } : { waitSeconds: 0, signal };
    const sessions = new GroupSessions(this.#o, namespace, wait);
    const begun = await sessions.begin({ ...group, time });
    return this.#plainSession(begun, sessions, namespace, { seal, rehearsal: true });
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

  async #sessionOf(
    begun: BegunSession,
    sessions: GroupSessions,
    namespace: Namespace,
    { seal, checkpoints, say = () => undefined }: BeginOptions,
  ): Promise<BackupSession> {
    const { base, snapshot } = begun;
    const isUnfinished = base !== undefined && (await base.isCheckpoint());
    // An interruption is why progress is kept: it does not end the requests for that.
    const lasting = new PbsRepository({ ...this.#o, signal: undefined });
    const removal = new CheckpointRemoval(lasting, namespace, snapshot, say);
    // Who does not use checkpoints is not asked for old ones, unless there is one.
    const older = base !== undefined && (isUnfinished || checkpoints !== undefined);
    const leftovers = older ? await removal.olderThan(base.snapshot) : [];
    if (isUnfinished) leftovers.push(base.snapshot);
    const wanted = checkpoints !== undefined && (base === undefined || isUnfinished);
    if (!wanted || !(await removal.isAllowed()))
      return this.#plainSession(begun, sessions, namespace, {
        seal,
        rehearsal: false,
        onFinished: () => removal.removeAll(leftovers),
      });
    return new CheckpointedSession({
      first: begun,
      seal,
      digests: sessions.digests,
      next: (after) => sessions.beginAfter(after, checkpoints.clock()),
      isStored: (checkpoint) => lasting.#isStored(namespace, checkpoint),
      removal,
      leftovers,
      inherited: isUnfinished ? await inheritedChunks(base, seal) : Buffer.alloc(0),
      intervalMs: checkpoints.intervalMs,
      say,
    });
  }

  #plainSession(
    begun: BegunSession,
    { digests }: GroupSessions,
    namespace: Namespace,
    more: Pick<PbsSessionParts, 'seal' | 'rehearsal' | 'onFinished'>,
  ): PbsBackupSession {
    const isStored = (): Promise<boolean> => this.#isStored(namespace, begun.snapshot);
    return new PbsBackupSession({ ...begun, digests, isStored, ...more });
  }

  async #isStored(namespace: Namespace, snapshot: SnapshotName): Promise<boolean> {
    const all = await this.snapshots(namespace, snapshot);
    return all.some(({ finished, snapshot: { time } }) => finished && time === snapshot.time);
  }
}
