/** Which regular files an archive had so far, so that hard links can be checked in one pass. pxar.md §3.8. */
import { native } from '../native.js';

const FIRST_CAPACITY = 64;
const SLASH = 0x2f;

/**
 * A 32-bit key of a path, made from its parent's key and the two words of its last name's hash. It finds damage, it is no
 * defence: two paths with one key can be made on purpose, and then only the position says which file is meant.
 */
export function pathKey(parent: number, low: number, high: number): number {
  return (Math.imul(parent ^ low, 0x9e37_79b1) + Math.imul(high, 0x85eb_ca6b)) | 0;
}

/** Key of the root directory. */
export const ROOT_KEY = 0;

/** Key of a `/` separated path from the root. */
export function pathKeyOf(path: Buffer): number {
  let key = ROOT_KEY;
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    const hash = native.nameHash(path.subarray(start, end));
    key = pathKey(key, Number(hash & 0xffff_ffffn), Number(hash >> 32n));
    start = end + 1;
  }
  return key;
}

/** Positions of regular files (12 bytes each), added in ascending order. */
export class FileRegistry {
  #count = 0;
  #positions = new Float64Array(FIRST_CAPACITY);
  #keys = new Int32Array(FIRST_CAPACITY);

  add(position: number, key: number): void {
    if (this.#count === this.#keys.length) this.#grow();
    this.#positions[this.#count] = position;
    this.#keys[this.#count++] = key;
  }

  /** The path key of the file whose FILENAME is at `position`; undefined if there is none. */
  keyAt(position: number): number | undefined {
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#positions[middle]!;
      if (found === position) return this.#keys[middle];
      if (found < position) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #grow(): void {
    const positions = new Float64Array(this.#keys.length * 2);
    positions.set(this.#positions);
    this.#positions = positions;
    const keys = new Int32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
  }
}
