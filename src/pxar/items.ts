/** Checks that every reader of items shares. pxar.md §1.1, §1.2, §6. */
import { PxarError } from './errors.js';
import {
  HEADER_SIZE,
  Item,
  itemName,
  itemOf,
  MAX_CONTENT,
  MAX_NAME,
  MIN_CONTENT,
  readU64,
} from './format.js';

/** The header that was read last. One object serves a whole archive. */
export class ItemHeader {
  item: number = Item.UNKNOWN;
  /** Content size in bytes. */
  content = 0;
  readonly #archive: string;

  constructor(archive: string) {
    this.#archive = archive;
  }

  /** Reads the 16 bytes at `at`, which lie at `position` of the archive, and checks type and size. */
  read(view: DataView, at: number, position: number): void {
    const item = itemOf(view.getInt32(at, true), view.getInt32(at + 4, true));
    if (item === Item.UNKNOWN) {
      const type = view.getBigUint64(at, true).toString(16).padStart(16, '0');
      throw new PxarError('PXAR_ITEM', this.#archive, position, `unknown item type ${type}`);
    }
    const size = readU64(view, at + 8);
    if (size < HEADER_SIZE) {
      throw new PxarError(
        'PXAR_HEADER',
        this.#archive,
        position,
        `${itemName(item)} has a full size of ${size}`,
      );
    }
    const content = size - HEADER_SIZE;
    // Not (a <= b) rather than (a > b): a size above 2^53 - 1 was read as NaN.
    if (!(content <= MAX_CONTENT[item]! && content >= MIN_CONTENT[item]!)) {
      const bounds = `${MIN_CONTENT[item]} to ${MAX_CONTENT[item]}`;
      const found = Number.isNaN(content) ? 'more than 2^53 - 1' : content;
      throw new PxarError(
        'PXAR_ITEM_SIZE',
        this.#archive,
        position,
        `${itemName(item)} of ${found} bytes, not ${bounds}`,
      );
    }
    this.item = item;
    this.content = content;
  }
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** What is wrong with the name bytes[start, end), without a NUL; undefined if nothing is. §3.6. */
export function nameProblem(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length <= 0) return 'empty name';
  if (length > MAX_NAME) return `name of ${length} bytes`;
  if (bytes[start] === DOT && (length === 1 || (length === 2 && bytes[start + 1] === DOT)))
    return 'name is . or ..';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === SLASH || byte === 0) return byte === 0 ? 'NUL in a name' : 'slash in a name';
  }
  return undefined;
}

/** What is wrong with a path from the archive's root (the target of a hard link); undefined if nothing is. §3.8. */
export function pathProblem(path: Uint8Array): string | undefined {
  if (path.length > MAX_NAME) return `path of ${path.length} bytes`;
  for (let start = 0; start <= path.length; ) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    const problem = nameProblem(path, start, end);
    if (problem !== undefined) return `${problem} in a path`;
    start = end + 1;
  }
  return undefined;
}

const ONCE =
  (1 << Item.ACL_GROUP_OBJ) | (1 << Item.ACL_DEFAULT) | (1 << Item.FCAPS) | (1 << Item.QUOTA_PROJID);
const FIRST_ATTRIBUTE = Item.XATTR;
const LAST_ATTRIBUTE = Item.QUOTA_PROJID;

/** True for the items that may stand between an ENTRY and what ends it. §2. */
export function isAttribute(item: number): boolean {
  return item >= FIRST_ATTRIBUTE && item <= LAST_ATTRIBUTE;
}

/**
 * Checks the attribute of `header`, whose content starts at block[at] and is there completely. `seen` has a bit for each item
 * so far; the result is the new set. `position` is the item's, for errors. §2, §3.10.
 */
export function checkAttribute(
  header: ItemHeader,
  block: Buffer,
  at: number,
  seen: number,
  archive: string,
  position: number,
): number {
  const bit = 1 << header.item;
  if ((seen & bit & ONCE) !== 0) {
    throw new PxarError(
      'PXAR_DUPLICATE_ITEM',
      archive,
      position,
      `second ${itemName(header.item)} of an entry`,
    );
  }
  if (header.item === Item.XATTR) {
    const nul = block.indexOf(0, at);
    if (nul < at || nul >= at + header.content) {
      throw new PxarError('PXAR_XATTR', archive, position, 'extended attribute without NUL behind its name');
    }
  }
  return seen | bit;
}
