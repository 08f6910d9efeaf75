/** What keeps a reference in step with the live tree, whatever form the reference has. */
import type { Description, Listing, StatRecords } from '../native-scan.js';

/** Rows of a live directory. */
export interface LiveRows {
  readonly list: Listing;
  readonly stats: StatRecords;
  readonly description: Description;
  readonly first: number;
  readonly last: number;
}

/** What the reference says of each row: MATCH bits and the old payload position. */
export interface Comparison {
  readonly matches: Uint8Array;
  readonly payloads: Float64Array;
}

export interface WalkEvents {
  /** Files of the reference that the live tree does not have, by payload position. */
  readonly onGone: (payloads: Float64Array) => void;
  /** The reference is damaged at `position`; `resumed` tells whether reading goes on further back. */
  readonly onDamage: (error: unknown, position: number, resumed: boolean) => void;
}

/** Directories are entered and left in step with the live tree, names ascend. Damage is an event, not an error. */
export interface ReferenceWalk {
  /** Change times have been compared, too. */
  readonly comparesCtime: boolean;
  /** Goes to the root. */
  begin(): Promise<void>;
  /** Enters a directory of the live tree, also one that the reference does not have. */
  enter(name: Buffer): Promise<void>;
  leave(): Promise<void>;
  compare(rows: LiveRows): Promise<Comparison>;
}
