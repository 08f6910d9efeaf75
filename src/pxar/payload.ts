/** What a payload archive must hold at its start and where a reference points. pxar.md §3.15, §4. */
import { PxarError } from './errors.js';
import { HEADER_SIZE, Item, itemName } from './format.js';
import { ItemHeader } from './items.js';
import type { Place } from './metadata.js';

function readHeader(bytes: Uint8Array, place: Place): ItemHeader {
  if (bytes.length < HEADER_SIZE) {
    throw new PxarError(
      'PXAR_EOF',
      place.archive,
      place.position,
      `${bytes.length} bytes where an item header is expected`,
    );
  }
  const header = new ItemHeader(place.archive);
  header.read(new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE), 0, place.position);
  return header;
}

/**
 * Checks the 16 bytes that a payload reference points to: a PAYLOAD header with `size` bytes of content. `place` names the
 * payload archive and the header's position. Throws PxarError.
 */
export function checkPayloadHeader(bytes: Uint8Array, size: number, place: Place): void {
  const header = readHeader(bytes, place);
  if (header.item !== Item.PAYLOAD || header.content !== size) {
    const found = `${itemName(header.item)} of ${header.content} bytes`;
    throw new PxarError(
      'PXAR_PAYLOAD',
      place.archive,
      place.position,
      `${found} instead of PAYLOAD of ${size} bytes`,
    );
  }
}

/** Checks the first 16 bytes of a payload archive. `archive` is its name for errors. Throws PxarError. */
export function checkStartMarker(bytes: Uint8Array, archive: string): void {
  const header = readHeader(bytes, { archive, position: 0 });
  if (header.item !== Item.PAYLOAD_START_MARKER) {
    throw new PxarError('PXAR_PAYLOAD', archive, 0, `${itemName(header.item)} instead of the start marker`);
  }
}
