/** Where things are in an archive of version 3. docs/formats.md. */
import { HEADER_SIZE, ROW_SIZE } from './format.js';

/** Format version of an archive that ends in an appendix. */
export const APPENDIX_VERSION = 3;
/** Full size of the closing table: an item of two rows. */
export const CLOSING_SIZE: number = HEADER_SIZE + 2 * ROW_SIZE;

/** Position of the first byte of the appendix's content, which references count from. `start` is that of the APPENDIX header. */
export function appendixContent(start: number): number {
  return start + HEADER_SIZE;
}
