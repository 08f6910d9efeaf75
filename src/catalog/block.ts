/** A directory's block while its entries are read, and where children of it may lie. catalog.md §3. */
import type { CatalogDirectory } from './entry.js';
import { CatalogError } from './errors.js';
import { MIN_BLOCK, MIN_ENTRY } from './format.js';
import type { NumberReader } from './number-reader.js';
import type { Page } from './pages.js';

/** An open block. Nothing of its table is kept: entries are read one by one where they are. */
export interface Block {
  /** Position of the block, from which distances to children are counted. */
  readonly start: number;
  /** Position behind its table. */
  readonly end: number;
  /** Position of the next entry. */
  at: number;
  /** Entries that are left. */
  left: number;
  /** The next child begins here or behind: writers finish children one after the other. §4. */
  least: number;
}

/** Reads the head of a directory's block, in the page that holds it. Throws CatalogError. */
export function openBlock({ start, end, least }: CatalogDirectory, page: Page, numbers: NumberReader): Block {
  numbers.within(page, start, end);
  const length = numbers.u('length of a table');
  const table = numbers.position;
  if (length < 1 || length > end - table) {
    throw numbers.fail('CATALOG_TABLE', start, `table of ${length} bytes, there are ${end - table}`);
  }
  numbers.within(page, table, table + length);
  const count = numbers.u('number of entries');
  const at = numbers.position;
  const left = table + length - at;
  // Before anybody counts on it: the shortest entries would not fit.
  if (count * MIN_ENTRY > left) {
    throw numbers.fail('CATALOG_TABLE', table, `${count} entries in ${left} bytes`);
  }
  return { start, end: table + length, at, left: count, least };
}

/** Throws CatalogError unless the entries of a block that has been read fill it. §3. */
export function checkFilled({ at, end }: Block, archive: string): void {
  if (at === end) return;
  throw new CatalogError('CATALOG_TABLE', archive, at, `${end - at} bytes behind the last entry`);
}

/**
 * The directory `distance` before a block, for an entry at `position`. Children lie before their parent, and one behind the
 * other: so no block is part of two directories, and a walk reads no byte twice. Throws CatalogError.
 */
export function childOf(block: Block, distance: number, archive: string, position: number): CatalogDirectory {
  const { start: end, least } = block;
  const start = end - distance;
  if (!(distance >= MIN_BLOCK && start >= least)) {
    const problem = `directory ${distance} bytes before ${end}, expected between ${least} and there`;
    throw new CatalogError('CATALOG_POSITION', archive, position, problem);
  }
  block.least = start + MIN_BLOCK;
  return { start, end, least };
}
