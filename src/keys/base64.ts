/** Base64 from buffer to buffer: key material must not become a string, which nobody can overwrite. RFC 4648 §4. */
import { secretBytes } from './secret-bytes.js';

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1');
const PADDING = 0x3d;
/** Characters of a group, and the bytes that they stand for. */
const GROUP = 4;
const GROUP_BYTES = 3;

const VALUES: ReadonlyMap<number, number> = new Map(
  [...ALPHABET].map((character, value) => [character, value]),
);

/** Text of `bytes` in the standard alphabet, padded. */
export function encodeBase64(bytes: Buffer): Buffer {
  const text = secretBytes(Math.ceil(bytes.length / GROUP_BYTES) * GROUP).fill(PADDING);
  for (let at = 0, to = 0; at < bytes.length; at += GROUP_BYTES, to += GROUP) {
    const rest = Math.min(GROUP_BYTES, bytes.length - at);
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let i = 0; i <= rest; i += 1) text[to + i] = ALPHABET[(word >> (18 - 6 * i)) & 0x3f]!;
  }
  return text;
}

/** Bytes of a text that `encodeBase64` could have made; undefined for any other. */
export function decodeBase64(text: Buffer): Buffer | undefined {
  if (text.length % GROUP !== 0) return undefined;
  const padding = text.at(-1) !== PADDING ? 0 : text.at(-2) !== PADDING ? 1 : 2;
  const bytes = secretBytes((text.length / GROUP) * GROUP_BYTES - padding);
  let [word, to] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const value = at < text.length - padding ? VALUES.get(text[at]!) : 0;
    if (value === undefined) return wiped(bytes);
    word = ((word << 6) | value) & 0xffffff;
    if (at % GROUP !== GROUP - 1) continue;
    for (let i = 0; i < GROUP_BYTES && to < bytes.length; i += 1) bytes[to++] = (word >> (16 - 8 * i)) & 0xff;
    // Bits that stand for nothing have to be zero.
    if (at === text.length - 1 && (word & ((1 << (8 * padding)) - 1)) !== 0) return wiped(bytes);
  }
  return bytes;
}

function wiped(bytes: Buffer): undefined {
  bytes.fill(0);
  return undefined;
}
