/** What sessions may take of a server. Times in milliseconds, sizes in bytes. */
import type { ByteBudgetOptions } from './byte-budget.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

/** Longest container of a chunk or blob. protocol.md §5.1. */
export const MAX_ENCODED: number = 16 * MIB + 44;
/** Longest plain chunk. */
export const MAX_PLAIN: number = 16 * MIB;
/** Longest body of parameters. protocol.md §4.4. */
export const MAX_PARAMETERS: number = 512 * KIB;
/** Bodies of parameters of one session that are in memory: four at once. */
export const PARAMETERS: ByteBudgetOptions = { limit: 4 * MAX_PARAMETERS, share: 4 * MAX_PARAMETERS };
/** Uploads that are in memory: measured, each takes two and a half times as much of the process. */
export const UPLOADS: ByteBudgetOptions = { limit: 32 * MIB, share: 12 * MIB };
/** Parts of answers on their way to clients that read at their own pace; one answer of each session comes in addition. */
export const ANSWERS: ByteBudgetOptions = { limit: 32 * MIB, share: 4 * MIB };
/** Longest path with its query: more than official clients send, less than a header list may have. */
export const MAX_TARGET: number = 12 * KIB;

/**
 * A stream may send so much before anybody reads it: what waits for room in memory costs no more. The reference server gives 32 MiB, and so
 * would have to hold whole uploads.
 */
export const STREAM_WINDOW: number = 128 * KIB;
export const CONNECTION_WINDOW: number = 32 * MIB;
export const MAX_FRAME: number = 4 * MIB;
/** Offered; clients wait with more. The reference server offers 200. */
export const MAX_STREAMS = 32;
export const MAX_HEADERS = 16_384;
/** What Node may hold for a session besides, in its unit: MB. */
export const SESSION_MEMORY = 32;

/** How long a session waits for its client, in milliseconds. */
export interface SessionTimes {
  /** A client that says nothing for so long is gone, and its group free again. A slow scan between two uploads stays far below. */
  readonly idle: number;
  /** Between two parts of a body, or of an answer that is taken. */
  readonly silence: number;
  /** A body has this long, and a second for each 64 KiB. */
  readonly body: number;
}

export const DEFAULT_TIMES: SessionTimes = {
  idle: 30 * 60 * SECOND,
  silence: 60 * SECOND,
  body: 60 * SECOND,
};
/** From an upgrade that is allowed to its 101: then the connection is closed. */
export const OPENING: number = 30 * SECOND;
/** Bytes of a body in a second, at least. */
export const BODY_RATE: number = 64 * KIB;
/** A chunk that may not be read is refused after so long. protocol.md §6. */
export const REFUSAL_DELAY: number = 3 * SECOND;

/** Chunks that one session can know: 48 TB in chunks of 4 MiB, and 600 MB of memory. */
export const MAX_KNOWN = 12_000_000;
/** Writers of a session. protocol.md §5.1. */
export const MAX_WRITERS = 256;
/** Of them so many may be open at one time: each holds descriptors. */
export const MAX_OPEN_WRITERS = 16;
/** Size of all chunks of an image but the last. protocol.md §5.3. */
export const FIXED_CHUNK: number = 4 * MIB;
/** Longest image: its index has 3.2 GB. */
export const MAX_IMAGE: number = 100_000_000 * FIXED_CHUNK;
