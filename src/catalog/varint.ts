/**
 * Numbers in groups of 7 bits, the lowest first: U (unsigned 64 bit) and I (signed 64 bit). catalog.md §2. A value is a `number`
 * where that is exact and a `bigint` beyond ±(2^53 - 1): nothing is rounded, and what is usual costs no BigInt.
 */

/** Most bytes of a U. */
export const MAX_U = 10;
/** Most bytes of an I: a negative one has a byte 0 behind its groups. */
export const MAX_I = 11;

const MORE = 0x80;
const GROUP = 0x7f;
/** Below it, a number can be shifted as a 32-bit one. */
const SMALL = 0x8000_0000;
/** Groups whose sum is exact as a number, whatever is in them. */
const EXACT_GROUPS = 7;
const TWO_63 = 1n << 63n;
const TWO_64 = 1n << 64n;

/** True for what `writeU` can write. */
export function isU(value: number | bigint): boolean {
  return typeof value === 'number'
    ? Number.isSafeInteger(value) && value >= 0
    : value >= 0n && value < TWO_64;
}

/** True for what `writeI` can write. */
export function isI(value: number | bigint): boolean {
  return typeof value === 'number' ? Number.isSafeInteger(value) : value >= -TWO_63 && value < TWO_63;
}

/** Bytes of a non-negative whole number below 2^53 as U. */
export function sizeOfU(value: number): number {
  let size = 1;
  for (let rest = value; rest >= MORE; rest = Math.floor(rest / MORE)) size++;
  return size;
}

/** Writes U(value) to bytes[at…], which has room for 10 bytes. `isU(value)` must hold. The result is the offset behind it. */
export function writeU(bytes: Uint8Array, at: number, value: number | bigint): number {
  const last = writeGroups(bytes, at, value);
  bytes[last]! &= GROUP;
  return last + 1;
}

/** Writes I(value) to bytes[at…], which has room for 11 bytes. `isI(value)` must hold. The result is the offset behind it. */
export function writeI(bytes: Uint8Array, at: number, value: number | bigint): number {
  if (value >= 0) return writeU(bytes, at, value);
  const last = writeGroups(bytes, at, -value);
  bytes[last + 1] = 0;
  return last + 2;
}

/** Writes the groups of a magnitude, all with the high bit; the result is the offset of the last. */
function writeGroups(bytes: Uint8Array, start: number, value: number | bigint): number {
  let at = start;
  let wide = value;
  for (; wide >= SMALL; at++) {
    if (typeof wide === 'bigint') {
      bytes[at] = MORE | Number(wide & 0x7fn);
      wide >>= 7n;
    } else {
      bytes[at] = MORE | (wide % MORE);
      wide = Math.floor(wide / MORE);
    }
  }
  let rest = Number(wide);
  for (; rest >= MORE; rest >>>= 7) bytes[at++] = MORE | rest;
  bytes[at] = MORE | rest;
  return at;
}

/** Reads numbers and says where each ends. One object serves a whole catalog. */
export class VarintReader {
  /** Offset behind the number that was read last. */
  next = 0;

  /** The U at bytes[at], which must end before bytes[end]; undefined if it does not, or does not fit into 64 bits. */
  u(bytes: Uint8Array, at: number, end: number): number | bigint | undefined {
    return this.#read(bytes, at, end, false);
  }

  /**
   * The I at bytes[at], as `u`. A positive one of 2^63 and more is what old writers made of a negative time, and comes out as that
   * time. §2.3.
   */
  i(bytes: Uint8Array, at: number, end: number): number | bigint | undefined {
    return this.#read(bytes, at, end, true);
  }

  #read(bytes: Uint8Array, at: number, end: number, signed: boolean): number | bigint | undefined {
    const exact = Math.min(end, at + EXACT_GROUPS);
    let value = 0;
    let weight = 1;
    for (let i = at; i < exact; i++) {
      const byte = bytes[i]!;
      value += (byte & GROUP) * weight;
      if (byte < MORE) {
        this.next = i + 1;
        // Not -value: the I of a single byte 0 is 0, not -0.
        return signed && byte === 0 ? 0 - value : value;
      }
      weight *= MORE;
    }
    return this.#readWide(bytes, at, end, signed);
  }

  #readWide(bytes: Uint8Array, at: number, end: number, signed: boolean): number | bigint | undefined {
    const limit = Math.min(end, at + (signed ? MAX_I : MAX_U));
    let magnitude = 0n;
    for (let i = at; i < limit; i++) {
      const byte = bytes[i]!;
      magnitude |= BigInt(byte & GROUP) << BigInt(7 * (i - at));
      if (byte >= MORE) continue;
      this.next = i + 1;
      return narrow(signed ? signedValue(magnitude, byte) : unsignedValue(magnitude));
    }
    return undefined;
  }
}

function unsignedValue(magnitude: bigint): bigint | undefined {
  return magnitude < TWO_64 ? magnitude : undefined;
}

function signedValue(magnitude: bigint, last: number): bigint | undefined {
  if (last === 0) return magnitude <= TWO_63 ? -magnitude : undefined;
  return magnitude < TWO_64 ? BigInt.asIntN(64, magnitude) : undefined;
}

function narrow(value: bigint | undefined): number | bigint | undefined {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}
