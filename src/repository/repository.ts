/** What restat asks of a place where snapshots live. `local/` implements it; other kinds follow. */
import type { IndexEntries, NativeChunkReader, NativeChunkSink } from '../native-chunk.js';
import type { ArchiveFiles, ServerName } from '../snapshot/archive-names.js';
import type { DynamicIndex } from '../snapshot/dynamic-index.js';
import type { CryptMode, Manifest } from '../snapshot/manifest.js';
import type { BackupTime, GroupName, Namespace, SnapshotName } from '../snapshot/names.js';
import type { Management } from './management.js';
import type { Seal } from './seal.js';
import type { KeySource } from './snapshot-key.js';

export interface FileInfo {
  readonly filename: string;
  /** Size as the manifest gives it, of the stored file for the manifest itself; none for what the manifest does not list. */
  readonly size?: number;
  readonly cryptMode?: CryptMode;
  /** Bytes of a payload archive that no file refers to, where restat noted them. */
  readonly padding?: number;
}

export interface SnapshotInfo {
  readonly snapshot: SnapshotName;
  readonly files: readonly FileInfo[];
  /** Sum of the files' sizes. */
  readonly size: number;
  readonly finished: boolean;
  /** Why the manifest that is there cannot be read. */
  readonly problem: string | undefined;
  readonly owner: string | undefined;
  readonly protected: boolean;
  /** First line of the notes. */
  readonly comment: string | undefined;
  readonly fingerprint: string | undefined;
  readonly verification: { readonly state: string; readonly upid: string } | undefined;
}

export interface GroupInfo {
  readonly group: GroupName;
  readonly owner: string | undefined;
  readonly comment: string | undefined;
  /** Finished snapshots. */
  readonly count: number;
  readonly last: SnapshotInfo | undefined;
}

export interface LockWait {
  /** Seconds to wait for a lock that somebody else holds. */
  readonly waitSeconds: number;
  readonly signal?: AbortSignal;
}

export interface OpenOptions extends LockWait {
  /** Where the key of an encrypted or signed snapshot comes from. Without it no signature is checked, and nothing encrypted is read. */
  readonly keys?: KeySource | undefined;
}

export interface BeginOptions extends LockWait {
  /** Owner of a group that does not exist yet. */
  readonly owner: string;
  /** Creation time in index headers, seconds. */
  readonly now: number;
  readonly seal: Seal;
  /** Keep what is stored so far while the group has no finished snapshot; undefined: only a complete backup is kept. */
  readonly checkpoints?: CheckpointOptions | undefined;
  /** Told what a person should know. */
  readonly say?: (message: string) => void;
}

export interface RehearsalOptions {
  readonly seal: Seal;
  readonly signal?: AbortSignal;
}

export interface CheckpointOptions {
  readonly intervalMs: number;
  /** Seconds since the epoch, for the snapshots that follow. */
  readonly clock: () => number;
}

/** One archive stream as the ingest made it. */
export interface FinishedStream {
  /** 40-byte entries. */
  readonly entries: Buffer;
}

/** A stream that can rest while a checkpoint is written. */
export interface RunningStream {
  /** The entries so far, also of a stream that has ended; their chunks are in its sink. No chunk is made until `resume`. */
  pause(): Promise<IndexEntries>;
  resume(): void;
}

/** What keeps the progress of an unfinished backup. */
export interface CheckpointKeeper {
  /** The stream that was begun with `sink`. */
  follow(name: ServerName, stream: RunningStream): void;
  /** Whether `preserve` would keep anything. */
  readonly keeps: boolean;
  /** Keeps what is stored for the next run, before this one is given up: only `abort` follows. */
  preserve(): Promise<void>;
}

/** A backup that is being written. Nothing of it can be seen before `finish`. */
export interface BackupSession {
  /** Its time may become later while it runs. */
  readonly snapshot: SnapshotName;
  /** How it is protected: sinks encrypt chunks by it, blobs come encoded by it. */
  readonly seal: Seal;
  /** Newest finished snapshot of the group at the start. */
  readonly previous: SnapshotName | undefined;
  /** Why the session has ended from outside: its streams then end with ABORT_ERR. */
  readonly failure: Error | undefined;
  /** Undefined where nothing is kept of an unfinished backup, or all of it anyway. */
  readonly checkpoints?: CheckpointKeeper;
  /** The snapshot `previous` as a reference. Rejects when its manifest cannot be read, or has not the signature that the seal asks for. */
  openPrevious(): Promise<SnapshotReader>;
  /** For each chunk of an index of `previous` 1 if this session can refer to it without its data. */
  present(index: DynamicIndex): Promise<Uint8Array>;
  /** Begins an archive stream: where its ingest puts chunks. `putIndex` ends it. `size` in bytes, where an image has one that is known. */
  sink(name: ServerName, size?: number): Promise<NativeChunkSink>;
  /** Adds an index when all streams have ended; files stand in the manifest in the order of these calls. */
  putIndex(name: ServerName, stream: FinishedStream): Promise<void>;
  /** Adds a blob as it is to be stored. */
  putBlob(name: ServerName, encoded: Buffer): Promise<void>;
  /** Makes the snapshot complete. */
  finish(unprotected: Manifest['unprotected']): Promise<void>;
  /** Ends at once whatever waits for others; `abort` follows. */
  interrupt(): void;
  /** Removes everything but chunks. Does nothing after `finish`. */
  abort(): Promise<void>;
}

/** A finished snapshot that is being read. */
export interface SnapshotReader {
  readonly snapshot: SnapshotName;
  readonly manifest: Manifest;
  /** The raw text of the manifest as it is stored. */
  readonly manifestText: Buffer;
  files(name: string): ArchiveFiles;
  /** An index whose checksum and size are those of the manifest. */
  index(name: ServerName): Promise<DynamicIndex>;
  /** Content of a blob whose checksum and size are those of the manifest. */
  blob(name: ServerName): Promise<Buffer>;
  /** Random access to the archive behind an index. */
  open(index: DynamicIndex, cacheBytes: number): NativeChunkReader;
  /** What a chunk with these plain data is called in an index. */
  digest(index: DynamicIndex, plain: Buffer): Buffer;
  /** The lost connection that has kept a chunk from coming, and will keep all others; undefined while there is none. */
  readonly failure: Error | undefined;
  close(): Promise<void>;
}

/** How long a speed test sends, at least. */
export interface SpeedTestOptions {
  readonly seconds: number;
  /** Seconds, from any start. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface UploadSpeed {
  readonly bytesPerSecond: number;
  /** Seconds that the JavaScript thread was busy for each GiB. */
  readonly busyPerGiB: number;
}

export interface Repository {
  /** How messages call it. */
  readonly name: string;
  groups(namespace: Namespace): Promise<GroupInfo[]>;
  /** Sorted by type, id and time; of one group if given. */
  snapshots(namespace: Namespace, group?: GroupName): Promise<SnapshotInfo[]>;
  open(namespace: Namespace, snapshot: SnapshotName, options: OpenOptions): Promise<SnapshotReader>;
  begin(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    options: BeginOptions,
  ): Promise<BackupSession>;
  /** A session that stores nothing, for a dry run. A server sees a backup that is given up. */
  rehearse(
    namespace: Namespace,
    group: GroupName,
    time: BackupTime,
    options: RehearsalOptions,
  ): Promise<BackupSession>;
  forget(namespace: Namespace, snapshot: SnapshotName, wait: LockWait): Promise<void>;
  /** Everything beside backing up and restoring. */
  management(): Management;
  /** Sends data that nobody keeps for a while; undefined where nothing is sent. */
  readonly uploadSpeed?: (options: SpeedTestOptions, time: BackupTime) => Promise<UploadSpeed>;
  /** Identities (dev + ino, 16 latin1 bytes) of directories that must not be backed up. */
  ownDirectories(): Promise<ReadonlySet<string>>;
}
