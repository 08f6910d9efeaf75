/** What an archive is written to: entries in archive order, and the contents of files where its layout has them. */
import type { IngestProgress, IngestSummary } from '../native-chunk.js';
import type { NativeBatch, NativeFile } from '../native-scan.js';
import type { ServerName } from '../snapshot/archive-names.js';
import type { ScannedDirectory } from './scanned-directory.js';

/** The streams of an archive when they have ended. */
export interface ArchiveStreams {
  /** The stream with the contents; where there is no metadata stream, all of the archive. */
  readonly payload: IngestSummary;
  readonly metadata: IngestSummary | undefined;
  /** The files that they become, in the order of the manifest. */
  readonly files: readonly { readonly name: ServerName; readonly stream: IngestSummary }[];
}

/**
 * An archive that is being written. An entry is written at once; its bytes, and contents, are handed on in the same order and taken over
 * when `endRun`, `settle` or `finish` is. Rows are those of scanned directories.
 */
export interface ArchiveOutput {
  /** Name of an entry that the root must not have; undefined where there is none. */
  readonly reservedName: Buffer | undefined;
  /** Where the PAYLOAD header of this file will stand if it is the next entry and its contents follow. */
  contentAt(directory: ScannedDirectory, row: number): number;
  /** Writes the root, whose body is given. */
  begin(root: Buffer): Promise<void>;
  enter(directory: ScannedDirectory, row: number): void;
  /** Ends the open directory, which is not the root. */
  leave(): void;
  /** A link, device, FIFO or socket. */
  leaf(directory: ScannedDirectory, row: number): void;
  /** A later name of the file at `target`. */
  hardlink(directory: ScannedDirectory, row: number, target: { position: number; path: Buffer }): void;
  /** Small files of this batch follow until `endRun`. */
  startRun(batch: NativeBatch | undefined): void;
  endRun(): Promise<void>;
  /** To be awaited before the next file if it is not undefined: something of the other kind has to be handed on. */
  ready(next: 'fresh' | 'reused'): Promise<void> | undefined;
  /** A file whose contents `put` or `stream` gives next, or nobody in a dry run. The result is the position of its FILENAME. */
  fresh(directory: ScannedDirectory, row: number): number;
  /** The contents of the file are those of file `index` of the batch. */
  put(index: number): void;
  /** The contents are the first `size` bytes of the open file; the result is how many of them were really there. Follows `settle`. */
  stream(file: NativeFile, size: number): Promise<number>;
  /** A file whose old contents stand at `payload` of the reference; there where there is one. The result is as for `fresh`. */
  reuse?(directory: ScannedDirectory, row: number, payload: number): number;
  /** Hands on what must be in the streams before `stream` or `finish` is called. */
  settle(): Promise<void>;
  /** Ends the root and the streams. */
  finish(): Promise<ArchiveStreams>;
  abort(): void;
  /** Of the stream with the contents. */
  progress(): IngestProgress;
}
