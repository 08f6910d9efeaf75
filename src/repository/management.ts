/**
 * What restat asks of a repository beside backing up and restoring. A kind that cannot do something says so with
 * REPOSITORY_UNSUPPORTED. rest-api.md §3, §4.
 */
import type { BackupTime, GroupName, Namespace, SnapshotName } from '../snapshot/names.js';
import type { FileInfo, LockWait } from './repository.js';

/** Bytes of the file system or object store that the datastore lies on. */
export interface StorageStatus {
  readonly total: number;
  readonly used: number;
  readonly available: number;
  /** `filesystem`, `s3`; servers before 4.0 do not say. */
  readonly backend?: string;
}

export interface ServerVersion {
  /** Major and minor: `4.2`. */
  readonly version: string;
  readonly release: string;
  readonly repoid: string;
}

export interface NamespaceInfo {
  readonly namespace: Namespace;
  readonly comment?: string;
}

/** What a deletion did; servers before 3.3 do not say. */
export interface DeletionSummary {
  readonly groups: number;
  readonly snapshots: number;
  /** Snapshots that stay, and their groups with them. */
  readonly protectedSnapshots: number;
}

/** How many snapshots to keep, each at least 1. None given: all. snapshot-manifest.md §11. */
export interface KeepOptions {
  readonly last?: number;
  readonly hourly?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
}

/** What becomes of one snapshot. */
export interface PruneDecision {
  readonly snapshot: SnapshotName;
  readonly keep: boolean;
  readonly protected: boolean;
}

/** A server's name of a task; it begins with `UPID:`. rest-api.md §4.1. */
export type TaskId = string;

export interface TaskInfo {
  readonly upid: TaskId;
  readonly node: string;
  readonly pid: number;
  readonly processStart: number;
  readonly startTime: number;
  readonly type: string;
  readonly worker: string | undefined;
  readonly user: string;
  /** None while it runs. */
  readonly endTime: number | undefined;
  /** `OK`, `WARNINGS: n`, `unknown` or what went wrong; none while it runs. */
  readonly status: string | undefined;
}

/** Part of a task's log. */
export interface TaskLog {
  readonly lines: readonly string[];
  /** Number of the line behind these; the first one of a log is 1. */
  readonly next: number;
  /** How many lines there are so far. */
  readonly total: number;
  /** More may come. */
  readonly active: boolean;
}

export interface Tasks {
  /** Newest first: those that run, or with `finished` all; at most `limit`. */
  list(options: { readonly limit: number; readonly finished: boolean }): Promise<TaskInfo[]>;
  /** Lines from number `start` on, without their times. */
  log(upid: TaskId, start: number): Promise<TaskLog>;
  /** How a task ended: `OK`, `WARNINGS: n` or what went wrong; undefined while it runs. */
  result(upid: TaskId): Promise<string | undefined>;
  /** Asks a task to stop. */
  stop(upid: TaskId): Promise<void>;
}

export interface VerifyOptions {
  /** Leave out what was verified before. */
  readonly ignoreVerified: boolean;
  /** Days after which a verification counts no more. */
  readonly outdatedAfter?: number;
}

/** What to verify: a snapshot, a group, or all of a namespace. */
export type VerifyTarget = (GroupName & { readonly time?: BackupTime }) | undefined;

export interface Management {
  status(): Promise<StorageStatus>;
  /** Undefined where there is no server. */
  serverVersion(): Promise<ServerVersion | undefined>;
  /** 32 hex digits that name the server's installation. */
  serverIdentity(): Promise<string>;

  files(namespace: Namespace, snapshot: SnapshotName): Promise<FileInfo[]>;
  /** Empty where there are none. */
  notes(namespace: Namespace, snapshot: SnapshotName): Promise<string>;
  setNotes(namespace: Namespace, snapshot: SnapshotName, notes: string, wait: LockWait): Promise<void>;
  isProtected(namespace: Namespace, snapshot: SnapshotName): Promise<boolean>;
  setProtected(namespace: Namespace, snapshot: SnapshotName, on: boolean, wait: LockWait): Promise<void>;
  /** Adds an encoded blob as the snapshot's client log. LOG_EXISTS, or SERVER_REFUSED, where it has one. */
  uploadLog(namespace: Namespace, snapshot: SnapshotName, blob: Buffer, wait: LockWait): Promise<void>;

  groupNotes(namespace: Namespace, group: GroupName): Promise<string>;
  setGroupNotes(namespace: Namespace, group: GroupName, notes: string, wait: LockWait): Promise<void>;
  changeOwner(namespace: Namespace, group: GroupName, owner: string, wait: LockWait): Promise<void>;
  /** Deletes all snapshots that are not protected, and the group if none is. Throws after that if one stays. */
  forgetGroup(namespace: Namespace, group: GroupName, wait: LockWait): Promise<DeletionSummary | undefined>;
  moveGroup(
    namespace: Namespace,
    group: GroupName,
    target: Namespace,
    options: { readonly merge: boolean },
  ): Promise<TaskId>;
  /**
   * Undefined where no server decides and deletes by itself: `maintenance/prune.ts` does then. The decisions come oldest
   * first.
   */
  readonly pruneGroup:
    | ((
        namespace: Namespace,
        group: GroupName,
        keep: KeepOptions,
        options: { readonly dryRun: boolean },
      ) => Promise<PruneDecision[]>)
    | undefined;

  /** `parent` itself first, then what is below it down to `maxDepth` levels. */
  namespaces(parent: Namespace, maxDepth?: number): Promise<NamespaceInfo[]>;
  /** The parent must exist; an existing namespace is no error. */
  createNamespace(namespace: Namespace): Promise<void>;
  /** Deletes empty levels, with `groups` also the groups in them. Throws after that if something stays. */
  deleteNamespace(
    namespace: Namespace,
    options: LockWait & { readonly groups: boolean },
  ): Promise<DeletionSummary | undefined>;
  moveNamespace(
    namespace: Namespace,
    target: Namespace,
    options: { readonly maxDepth?: number; readonly deleteSource: boolean; readonly mergeGroups: boolean },
  ): Promise<TaskId>;

  readonly tasks: Tasks;
  collectGarbage(): Promise<TaskId>;
  verify(namespace: Namespace, target: VerifyTarget, options: VerifyOptions): Promise<TaskId>;
}
