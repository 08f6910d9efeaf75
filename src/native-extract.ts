/**
 * Extraction of the addon: everything on disk that a restore does.
 *
 * Records: one per entry, in archive order, little-endian, each a multiple of 8 bytes long.
 *
 * | off | size | field |
 * |---|---|---|
 * | 0 | 4 | length of the record with padding |
 * | 4 | 1 | kind: 1 directory, 2 close directory, 3 file, 4 symlink, 5 device, 6 FIFO, 7 socket, 8 hard link |
 * | 5 | 3 | 0 |
 * | 8 | 4 | id of the directory that holds it, which is the one opened last; 0xffffffff: the target itself |
 * | 12 | 4 | own id (directory, close) |
 * | 16 | 8 | file: position of its FILENAME item; these increase |
 * | 24 | 8 | file: position of its PAYLOAD header in the payload stream |
 * | 32 | 8 | file: size of the content |
 * | 40 | 4 | length of the name; 0 for the target |
 * | 44 | 4 | length of the body; 0 for a directory that keeps the metadata it has |
 * | 48 | 4 | length of the extra bytes |
 * | 52 | 4 | 0 |
 * | 56 | 8 | hard link: position of its target; device: major << 32 \| minor |
 * | 64 | | name, body (ENTRY and attribute items, pxar.md §3), extra (symlink: target; hard link: path below the root) |
 */
import type { NativeChunkReader } from './native-chunk.js';
import type { CancelFlag } from './native-scan.js';

export interface ExtractionOptions {
  /** Made with mode 0700 if it is missing; its parent has to be there. */
  readonly target: string | Buffer;
  /** The payload stream; without it every regular file is an error. */
  readonly source: NativeChunkReader | undefined;
  /** Files and special files may replace what is no directory. */
  readonly overwriteFiles?: boolean;
  readonly overwriteSymlinks?: boolean;
  readonly overwriteHardlinks?: boolean;
  /** Existing directories below the target are entered, and get the archive's metadata. */
  readonly allowExistingDirs?: boolean;
  readonly ignoreAcls?: boolean;
  readonly ignoreXattrs?: boolean;
  readonly ignoreOwnership?: boolean;
  readonly ignorePermissions?: boolean;
  /** Devices that cannot be made are warnings and skipped. */
  readonly ignoreDeviceErrors?: boolean;
  /** Devices, FIFOs and sockets are skipped. */
  readonly noSpecials?: boolean;
  /** Regular files lose setuid, setgid and capabilities. */
  readonly noSetuid?: boolean;
  /** The first error ends the extraction: `submit` or `finish` rejects with it. */
  readonly strict?: boolean;
  readonly cancel?: CancelFlag;
}

/** Counts of what was restored; `bytes` are contents. `skipped` also counts what is below a directory that failed. */
export interface ExtractionSummary {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly specials: number;
  readonly skipped: number;
  readonly bytes: number;
  readonly errors: number;
  readonly warnings: number;
}

/**
 * An entry that was not restored, or not with everything (`error`), or something that the file system cannot hold
 * (`warning`). Codes: names of errno values, and NAME, DEPTH, METADATA, SYMLINK, PAYLOAD_RANGE, PAYLOAD_HEADER,
 * CHUNK_MISSING, CHUNK_CORRUPT, HARDLINK_TARGET, DIRECTORY_CHANGED, ENTRY_CHANGED, XATTR_NAME, XATTR_KIND,
 * FLAG_UNSUPPORTED, PROJECT_UNSUPPORTED.
 */
export interface ExtractionEvent {
  readonly severity: 'error' | 'warning';
  /** Relative to the target; empty for the target itself. */
  readonly path: Buffer;
  readonly code: string;
  readonly message: string;
}

export interface ExtractionProgress {
  readonly files: number;
  /** Bytes of contents written so far. */
  readonly bytes: number;
  /** The entry that was begun last, relative to the target. */
  readonly currentPath: Buffer;
}

export interface NativeExtraction {
  /**
   * Takes whole records, best up to 1 MiB at a time, and resolves when there is room for more. Rejects with RECORD,
   * SUBMIT_PENDING (the call before has not resolved), FINISHED, ABORT_ERR, or with what ended the extraction.
   */
  submit(records: Uint8Array): Promise<void>;
  /**
   * Resolves when everything is on disk; directories that are open are closed. Rejects as `submit` does, once nothing
   * is running any more and no temporary name is left.
   */
  finish(): Promise<ExtractionSummary>;
  /** The events since the last call; of all together the first 10,000 are kept, the others only counted. */
  takeEvents(): ExtractionEvent[];
  progress(): ExtractionProgress;
  /** Ends the extraction early; `finish` says when it has ended. */
  abort(): void;
}

export interface NativeExtractions {
  Extraction: new (options: ExtractionOptions) => NativeExtraction;
}
