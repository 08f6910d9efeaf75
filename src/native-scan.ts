/** What the addon does with a live tree, and the layout of the records that come back. */

/** A flag that stops a call: made by `cancelFlag()`, set by `cancel()`. */
export type CancelFlag = { readonly __cancelFlag: unique symbol };
/** The contents of a batch of small files, in native memory. */
export type NativeBatch = { readonly __batch: unique symbol };
/** An open regular file, in native hands. */
export type NativeFile = { readonly __file: unique symbol };

/** Number of a directory of a `Tree`; the root is 0. */
export type DirectoryId = number;

/**
 * The result of `list`: u32 count, u32 bytes of all names, u32 offset[count + 1] from the start of the names,
 * u8 type[count] (DT_*), then the names, sorted by bytes.
 */
export type Listing = Buffer;

/** The result of `stat`: STAT.size bytes for each selected name, in the order of the selection. */
export type StatRecords = Buffer;

/** Offsets in a stat record. Times are i64 seconds and u32 nanoseconds. */
export const STAT = {
  size: 104,
  /** errno of statx; 0 means that the rest is valid. */
  error: 0,
  nameIndex: 4,
  dev: 8,
  ino: 16,
  fileSize: 24,
  mtime: 32,
  ctime: 40,
  btime: 48,
  mtimeNs: 56,
  ctimeNs: 60,
  btimeNs: 64,
  mode: 68,
  uid: 72,
  gid: 76,
  nlink: 80,
  rdevMajor: 84,
  rdevMinor: 88,
  bits: 92,
  nameHash: 96,
} as const;

/**
 * The result of `describe`: u32 count, u32 0, u32 status[count] (errno in the low 16 bits, DESCRIBE_* above),
 * u32 offset[count + 1] from the start of the bodies, bodies. A body is what follows FILENAME in the archive: ENTRY,
 * attributes and, for links and devices, SYMLINK or DEVICE. pxar.md §2.
 */
export type Description = Buffer;

/** The entry is another inode or of another type than when it was stat'ed. */
export const DESCRIBE_REPLACED = 1 << 16;
/** Its extended attributes were too many to list and are left out. */
export const DESCRIBE_XATTRS_SKIPPED = 1 << 17;

/** Bits of a read status. */
export const READ = { changed: 1, short: 2, longer: 4, failed: 8, replaced: 16 } as const;

/** Regular files of one directory: rows of its stat records. */
export interface ReadGroup {
  readonly directory: DirectoryId;
  readonly list: Listing;
  readonly stats: StatRecords;
  /** Which rows of `stats`. */
  readonly indexes: Uint32Array;
}

/** What was read, in the order of the groups and their indexes. */
export interface ReadResult {
  /** Bits of READ for each file. */
  readonly status: Uint32Array;
  /** errno of those that failed. */
  readonly errors: Uint32Array;
  readonly batch: NativeBatch;
}

/** A live directory tree. Paths are bytes; nothing is followed but the link that the root's path may be. */
export interface NativeTree {
  /** Names a subdirectory by its name and its stat record (both identity and errors are checked when it is opened). */
  enter(parent: DirectoryId, name: Buffer, stat: Buffer): DirectoryId;
  /** Forgets a directory. */
  leave(directory: DirectoryId): void;
  /** Stat record and body of the root. */
  root(): Buffer;
  /** Names in a directory; ENTRIES_MAX when there are more than `limit`. */
  list(directory: DirectoryId, limit: number): Promise<Listing>;
  /**
   * Listing, stat records of all names and their description in one buffer, behind u32 length of the listing and u32
   * length of the records. Only the listing of a directory that has more than some 2,000 names, or one of `onlyList`
   * (names, each ended by a NUL); no description where a name could not be stat'ed.
   */
  whole(directory: DirectoryId, limit: number, onlyList: Buffer): Promise<ArrayBuffer>;
  /** statx of the names at `selected` indexes of the listing. */
  stat(directory: DirectoryId, list: Listing, selected: Uint32Array): Promise<StatRecords>;
  /** Metadata of the rows `indexes` of `stats`. */
  describe(
    directory: DirectoryId,
    list: Listing,
    stats: StatRecords,
    indexes: Uint32Array,
  ): Promise<Description>;
  /** Magic number of the file system that holds the directory. */
  magic(directory: DirectoryId): Promise<number>;
  /** The first `limit` bytes of a regular file; undefined where there is no readable regular file of that name. */
  content(directory: DirectoryId, name: string | Buffer, limit: number): Promise<Buffer | undefined>;
  /** Reads many small files at once; the caller bounds the sum of their sizes. */
  read(groups: readonly ReadGroup[]): Promise<ReadResult>;
  /**
   * Lets the contents of a batch, or a listing, stat records or description, go, or what `whole` returned; calls that were
   * given them before still have them. A large buffer is empty afterwards.
   */
  discard(memory: NativeBatch | Buffer | ArrayBuffer): void;
  /** Opens one regular file that must still be the stat'ed one (ESTALE). */
  open(directory: DirectoryId, name: Buffer, stat: Buffer): Promise<NativeFile>;
  /** Bits of READ: how the open file differs from its record now. Lets go of it: it can be compared once. */
  compare(file: NativeFile, stat: Buffer): number;
}

export interface NativeScan {
  /** Throws the error of open(2). `cancel` stops every call of the tree. */
  Tree: new (
    path: string | Buffer,
    skipE2bigXattr: boolean,
    cancel: CancelFlag | undefined,
  ) => NativeTree;
  cancelFlag(): CancelFlag;
  cancel(flag: CancelFlag): void;
}
