/** One side of a comparison: an entry of an archive, or of a live directory. */
import type { EntryRow } from '../entry-row.js';

/** Types that are compared: a later name of a file counts as the file. */
export type DiffType = Exclude<EntryRow['type'], 'h'>;

export interface DiffNode {
  readonly type: DiffType;
  readonly row: EntryRow;
  /** Major and minor number of a device. */
  readonly device: readonly [major: number, minor: number] | undefined;
  /** Flags, extended attributes, ACLs and the like as comparable bytes; undefined where they are not known. */
  readonly attributes: Buffer | undefined;
  /** What is in a directory, by name as latin1. */
  children(): Promise<ReadonlyMap<string, DiffNode>>;
  /** What is in a regular file. */
  content(): AsyncIterable<Buffer>;
}
