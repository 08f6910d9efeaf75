/** What a key is called without saying it. indexes-blobs-chunks.md §5.4. */

declare const brand: unique symbol;
/** 32 bytes in lower-case hex, joined by colons. */
export type Fingerprint = string & { readonly [brand]: 'Fingerprint' };

const LONG = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/;
/** Characters of the first eight bytes. */
const SHORT_LENGTH = 8 * 3 - 1;

function isFingerprint(text: string): text is Fingerprint {
  return LONG.test(text);
}

/** From 64 hex digits with or without colons, in either case; undefined for anything else. */
export function parseFingerprint(text: string): Fingerprint | undefined {
  const digits = text.replaceAll(':', '').toLowerCase();
  const long = digits.match(/../g)?.join(':') ?? '';
  return digits.length === 64 && isFingerprint(long) ? long : undefined;
}

/** The first eight bytes, as messages have it. */
export function shortFingerprint(fingerprint: Fingerprint): string {
  return fingerprint.slice(0, SHORT_LENGTH);
}
