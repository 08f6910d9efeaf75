/** What a backup of one tree is told to do. */
import type { MatchEntry } from './match-list.js';

/** A directory whose presence of a file excludes its contents (`--exclude-if-present NAME[:HEADER]`). */
export interface PresenceMarker {
  /** File name, latin1. */
  readonly name: string;
  /** Bytes the file must begin with, latin1; '' for any. */
  readonly header: string;
}

export interface WalkOptions {
  /** Patterns of the command line, in order. */
  readonly excludes: readonly MatchEntry[];
  /** Directories that hold one of these keep it and lose everything else. */
  readonly markers: readonly PresenceMarker[];
  /** Regular files with more bytes are left out. */
  readonly largestFile: number;
  /** Enter every mount point. */
  readonly allFileSystems: boolean;
  /** Device keys (16 latin1 bytes would be dev + ino; here the 8 of dev) whose mount points are entered. */
  readonly includedDevices: ReadonlySet<string>;
  /** Identities (dev + ino, latin1) of directories that are stored empty: the repository itself. */
  readonly storedEmpty: ReadonlySet<string>;
  /** Name of an entry that is left out of the root; undefined where there is none. */
  readonly reservedName?: Buffer | undefined;
  /** Most entries held along the current directory path. */
  readonly entriesMax: number;
}

/** The tag of the Cache Directory Tagging Specification. */
export const CACHE_MARKER: PresenceMarker = {
  name: 'CACHEDIR.TAG',
  header: 'Signature: 8a477f597d28d172789f06886806bc55',
};
