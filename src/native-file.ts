/** Whole files, locks and sync. */

export interface PublishOptions {
  /** Permission bits; 0640 unless told. */
  readonly mode?: number;
  /** Owner of the new file, where it differs from the process's own. */
  readonly uid?: number;
  readonly gid?: number;
  /** Replace an existing file; else it is EEXIST. */
  readonly replace?: boolean;
  /** fsync before the name appears. */
  readonly sync?: boolean;
}

export interface NativeFileCalls {
  /** Writes a file that appears under its name whole or not at all (O_TMPFILE + linkat, else a temporary name). */
  publishFile(directory: string, name: string, bytes: Uint8Array, options: PublishOptions): Promise<void>;
  /** Renames a directory without ever replacing anything that has content: EEXIST where `to` exists. */
  renameExclusive(from: string, to: string): Promise<void>;
  /**
   * syncfs of the file system that holds the open file, which stays open until the promise settles. Rejects also where data
   * written since `fd` was opened could not be kept: open it before the first write. `path` stands in errors.
   */
  syncFilesystem(fd: number, path: string): Promise<void>;
  /** Descriptor of a new file without a name in `directory`. */
  openUnnamed(directory: string): number;
  /** Takes a lock without waiting; false when somebody else holds it. `record` locks belong to the process. */
  tryLock(fd: number, kind: 'flock' | 'record', exclusive: boolean): boolean;
}
