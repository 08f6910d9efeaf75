/** Parameters that several calls have. protocol.md §4.1, §5.1. */

const SAFE_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const DIGEST = /^[0-9a-f]{64}$/;
/** Longest name of a file on Linux, in bytes. */
const MAX_NAME = 255;
/** The end of the year 9999. */
const MAX_TIME = 253_402_300_799;

export const FILE_NAME = { kind: 'text', pattern: SAFE_ID, max: MAX_NAME } as const;
export const HEX_DIGEST = { kind: 'text', pattern: DIGEST } as const;
export const HEX_DIGESTS = { kind: 'texts', pattern: DIGEST } as const;
export const OFFSETS = { kind: 'integers', min: 0 } as const;

/** Which snapshot a session is about. */
export const SNAPSHOT = {
  store: { kind: 'text', pattern: SAFE_ID, min: 3, max: 32 },
  'backup-type': { kind: 'text', choices: ['vm', 'ct', 'host'] },
  'backup-id': { kind: 'text', pattern: SAFE_ID, max: MAX_NAME },
  'backup-time': { kind: 'integer', min: 1, max: MAX_TIME },
  ns: {
    kind: 'text',
    pattern: /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,6})?$/,
    max: 256,
    optional: true,
  },
  debug: { kind: 'boolean', optional: true },
} as const;
