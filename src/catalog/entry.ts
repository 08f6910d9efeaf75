/** What a catalog says of a directory's children. */
import type { OtherType } from './format.js';

/** Where a directory's block is, and what bounds it and all blocks below it. */
export interface CatalogDirectory {
  /** Position of the block. */
  readonly start: number;
  /** The block ends here or before. */
  readonly end: number;
  /** No block of a directory below begins before this position. */
  readonly least: number;
}

export interface DirectoryEntry {
  readonly type: 'd';
  readonly name: Buffer;
  readonly directory: CatalogDirectory;
  /** Version 2, an archive: position of its appendix. Undefined if it has none. */
  readonly appendixStart: number | undefined;
}

/** What version 2 says of a file beyond size and mtime. docs/formats.md. */
export interface FileExtension {
  /** Seconds since the epoch; a bigint beyond 2^53 - 1. */
  readonly ctime: number | bigint;
  readonly ctimeNanoseconds: number;
  readonly mtimeNanoseconds: number;
  /** What the offset of the PAYLOAD header is counted from: the archive's start or the first byte of its appendix's content. */
  readonly place: 'archive' | 'appendix';
  readonly offset: number;
}

export interface FileEntry {
  readonly type: 'f';
  readonly name: Buffer;
  /** Bytes. */
  readonly size: number;
  /** Seconds since the epoch, rounded down; a bigint beyond 2^53 - 1. */
  readonly mtime: number | bigint;
  /** Undefined in version 1. */
  readonly extension: FileExtension | undefined;
}

export interface OtherEntry {
  readonly type: OtherType;
  readonly name: Buffer;
}

/** One child of a directory. Its name is a copy. */
export type CatalogEntry = DirectoryEntry | FileEntry | OtherEntry;

/** An entry that a walk came to. */
export interface WalkedEntry {
  /** Directories between it and the one that is walked: 0 for an archive in a whole catalog. */
  readonly depth: number;
  readonly entry: CatalogEntry;
}
