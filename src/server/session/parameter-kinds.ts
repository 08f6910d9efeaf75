/** Parameters that several calls of a session have. protocol.md §5.1. */

const DIGEST = /^[0-9a-f]{64}$/;

export const HEX_DIGEST = { kind: 'text', pattern: DIGEST } as const;
export const HEX_DIGESTS = { kind: 'texts', pattern: DIGEST } as const;
export const OFFSETS = { kind: 'integers', min: 0 } as const;
