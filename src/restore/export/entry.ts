/** What an archive's tree comes to on its way into another format. */
import type { Content } from '../archive-tree.js';

/** An entry that was selected, or a directory on the way to one. */
export interface SelectedEntry {
  /** From the archive's root, without a slash at its start; empty for the root. */
  readonly path: Buffer;
  /** The entry; for a later name of a file, the file. Its buffers are views of larger blocks. */
  readonly entry: Content;
  /** Path under which the file came before; undefined if it has not. */
  readonly first: Buffer | undefined;
}

export interface ExportEntry extends SelectedEntry {
  /** What is in a file, checked; nothing for others. */
  readonly content: () => AsyncIterable<Buffer>;
}

/** Something that did not go into the stream as it is in the archive. */
export interface ExportNotice {
  readonly path: Buffer;
  readonly message: string;
}

/** What went into the stream so far. */
export interface ExportCounts {
  files: number;
  directories: number;
  symlinks: number;
  hardlinks: number;
  specials: number;
  /** Of file contents. */
  bytes: number;
  /** Entries that the format cannot hold. */
  skipped: number;
}

/** What the writers of formats get. */
export interface ExportJob {
  readonly entries: AsyncIterable<ExportEntry>;
  readonly counts: ExportCounts;
  readonly onNotice: (notice: ExportNotice) => void;
  /** The archive's name, for errors. */
  readonly archive: string;
}

/** Counts an entry that went into the stream under a name of its own. */
export function countEntry(counts: ExportCounts, { kind }: Content): void {
  if (kind === 'file') counts.files += 1;
  else if (kind === 'directory') counts.directories += 1;
  else if (kind === 'symlink') counts.symlinks += 1;
  else counts.specials += 1;
}
