/** What a scan finds in one directory. */
import type { Description, DirectoryId, Listing, StatRecords } from '../native-scan.js';
import type { MatchEntry } from './match-list.js';
import type { WarningKind } from './report.js';

/** What becomes of a row. */
export const Keep = { no: 0, yes: 1, empty: 2 } as const;

export interface ScanWarning {
  readonly kind: WarningKind;
  readonly path: string;
  readonly message: string;
}

/** A directory whose rows (records of `stats`) are ready to be written, in name order. */
export interface ScannedDirectory {
  readonly id: DirectoryId;
  /** Path inside the archive, latin1, '' for the root. */
  readonly path: string;
  /** The memory of listing, records and description, where they have it together. */
  readonly memory: ArrayBuffer | undefined;
  readonly list: Listing;
  readonly stats: StatRecords;
  readonly description: Description;
  /** For each row one of Keep. */
  readonly keep: Uint8Array;
  /** Patterns that hold for what is in here. */
  readonly patterns: readonly MatchEntry[];
  /** Entries held along the path down to here. */
  readonly held: number;
  readonly excluded: number;
  readonly warnings: readonly ScanWarning[];
  /** First row whose subdirectory has not been asked for. */
  nextToScan: number;
  /** Scans of subdirectories by row. */
  readonly children: Map<number, PendingScan>;
}

/** A scan that was begun ahead of need. */
export interface PendingScan {
  readonly directory: Promise<ScannedDirectory>;
  /** To be called when somebody waits for it: it is admitted however much is held. */
  readonly hurry: () => void;
}
