/** What stands behind the tree of an archive of version 3: appendix and closing table. docs/formats.md. */
import type { Window } from './byte-source.js';
import { PxarError } from './errors.js';
import {
  APPENDIX_TAIL_HIGH,
  APPENDIX_TAIL_LOW,
  HEADER_SIZE,
  Item,
  itemName,
  itemOf,
  ROW_SIZE,
  readU64,
  TAIL_HIGH,
  TAIL_LOW,
} from './format.js';

/** Format version of an archive that ends in an appendix. */
export const APPENDIX_VERSION = 3;
/** Full size of the closing table: an item of two rows. */
export const CLOSING_SIZE: number = HEADER_SIZE + 2 * ROW_SIZE;

/** Offsets in the closing table: its two rows, and what is in a row. */
const APPENDIX_ROW = HEADER_SIZE;
const TAIL_ROW = HEADER_SIZE + ROW_SIZE;
const DISTANCE = 8;
const SIZE = 16;

/** Where the APPENDIX item of an archive is. */
export interface Appendix {
  /** Position of its header. The tree ends here. */
  readonly start: number;
  /** Full size, header included. */
  readonly size: number;
}

/** Position of the first byte of the appendix's content, which references count from. `start` is that of the APPENDIX header. */
export function appendixContent(start: number): number {
  return start + HEADER_SIZE;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hasWords(view: DataView, at: number, low: number, high: number): boolean {
  return view.getInt32(at, true) === low && view.getInt32(at + 4, true) === high;
}

/** What the header at `at` says, for comparison and for messages. */
function headerOf(view: DataView, at: number): string {
  const item = itemOf(view.getInt32(at, true), view.getInt32(at + 4, true));
  return `${itemName(item)} of ${readU64(view, at + 8)} bytes`;
}

/**
 * Reads the last bytes of an archive whose root's ENTRY is at `root`. Throws PxarError: PXAR_APPENDIX where they are not a closing
 * table, or not one that leads to this root and to an appendix between root and table.
 */
export async function readClosingTable(window: Window, root: number, archive: string): Promise<Appendix> {
  const table = window.limit - CLOSING_SIZE;
  const fail = (problem: string): PxarError => new PxarError('PXAR_APPENDIX', archive, table, problem);
  if (table < root) throw new PxarError('PXAR_APPENDIX', archive, root, 'no room for a closing table');
  const view = viewOf(await window.read(table, CLOSING_SIZE));
  const found = headerOf(view, 0);
  if (found !== `${itemName(Item.GOODBYE)} of ${CLOSING_SIZE} bytes`)
    throw fail(`${found} instead of the closing table`);
  if (!hasWords(view, APPENDIX_ROW, APPENDIX_TAIL_LOW, APPENDIX_TAIL_HIGH))
    throw fail('closing table whose first row does not lead to an appendix');
  if (!hasWords(view, TAIL_ROW, TAIL_LOW, TAIL_HIGH)) throw fail('closing table without tail marker');
  const tableSize = readU64(view, TAIL_ROW + SIZE);
  if (tableSize !== CLOSING_SIZE) throw fail(`closing table with a size of ${tableSize} in its tail row`);
  const tableRoot = table - readU64(view, TAIL_ROW + DISTANCE);
  if (tableRoot !== root) throw fail(`closing table that leads to a root at ${tableRoot}`);
  const size = readU64(view, APPENDIX_ROW + SIZE);
  const start = table - readU64(view, APPENDIX_ROW + DISTANCE);
  if (!(start > root && size >= HEADER_SIZE && start + size === table))
    throw fail(`closing table that leads to an appendix of ${size} bytes at ${start}`);
  return { start, size };
}

/** Reads the header that the closing table leads to. Throws PxarError: PXAR_APPENDIX where it is another one. */
export async function checkAppendixHeader(
  window: Window,
  { start, size }: Appendix,
  archive: string,
): Promise<void> {
  const expected = `${itemName(Item.APPENDIX)} of ${size} bytes`;
  const found = headerOf(viewOf(await window.read(start, HEADER_SIZE)), 0);
  if (found !== expected)
    throw new PxarError('PXAR_APPENDIX', archive, start, `${found} instead of ${expected}`);
}
