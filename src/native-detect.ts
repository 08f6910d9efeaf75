/** The native side of change detection: a cursor over the reference that keeps step with the live tree. */
import type { Description, Listing, StatRecords } from './native-scan.js';

/** What a reference says of a row, as bits. */
export const MATCH = {
  /** The reference has a regular file with a payload of its own under that name … */
  file: 1,
  /** … or a further name of another entry … */
  hardlink: 2,
  /** … or something else. */
  other: 4,
  /** A file of the same size. */
  size: 8,
  /** A file of the same modification time. */
  mtime: 16,
  /** All encoded metadata are equal. */
  metadata: 32,
  /** A file of another ctime; only a catalog knows it. */
  otherCtime: 64,
} as const;

/** What a call says when the reference is not spooled so far: it is made again later. */
export const CURSOR_MORE = 2;

/**
 * Directories are entered and left in step with the live tree, names ascend. Calls throw REFERENCE_DAMAGED for bytes that are
 * no archive, or the error of a read.
 */
export interface NativeReferenceCursor {
  /** So many bytes of the spool may be read. */
  setAvailable(bytes: number): void;
  /** Goes to the root: 0, or CURSOR_MORE. */
  begin(): number;
  /** 1 if the reference has such a directory, 0 if not, or CURSOR_MORE. */
  enter(name: Uint8Array): number;
  /** 0, or CURSOR_MORE. */
  leave(): number;
  /**
   * Compares the rows [from, last) of a directory's records, and sets matches[row - first] and payloads[row - first] (position of
   * the old PAYLOAD header). Returns the first row that it did not come to.
   */
  compare(
    list: Listing,
    stats: StatRecords,
    description: Description,
    first: number,
    last: number,
    from: number,
    matches: Uint8Array,
    payloads: Float64Array,
  ): number;
  /** Payload positions of files that were passed over since the last call: the live tree does not have them. */
  takeGone(): Float64Array;
  /** Where it stands in the stream. */
  position(): number;
  /** Directories of the reference that are open; 1: the root. */
  depth(): number;
  /** Goes on with the entry at `position`, a child of the `depth`-th open directory; depth 0: there is nothing more. */
  resume(position: number, depth: number): void;
}

export interface NativeDetect {
  /** `fd` stays the caller's. */
  ReferenceCursor: new (
    fd: number,
  ) => NativeReferenceCursor;
  /** Ranges in the payload stream of all files of a spooled reference, up to its end or the first damage. */
  referenceFileRanges(fd: number, available: number): Promise<{ starts: Float64Array; ends: Float64Array }>;
}
