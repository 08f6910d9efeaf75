/** Indexes of both kinds, told apart by the names of their files. indexes-blobs-chunks.md §2, §3. */
import type { ServerName } from './archive-names.js';
import {
  DynamicIndex,
  type DynamicIndexParts,
  decodeDynamicIndex,
  encodeDynamicIndex,
} from './dynamic-index.js';
import { decodeFixedIndex, encodeFixedIndex, fixedIndex } from './fixed-index.js';

/** Which kind a file is; everything that is not fixed is read as a dynamic one. */
export function isFixed(file: string): boolean {
  return file.endsWith('.fidx');
}

/** Decodes an index file; its checksum is computed. `file` is its name. Throws IndexError. */
export function decodeIndex(bytes: Buffer, file: string): DynamicIndex {
  return isFixed(file) ? decodeFixedIndex(bytes, file) : decodeDynamicIndex(bytes, file);
}

/** The index that a file of this name holds for a stream. Throws IndexError for chunks that such a file cannot have. */
export function indexOf(parts: DynamicIndexParts, name: ServerName): DynamicIndex {
  return isFixed(name) ? fixedIndex(parts, name) : new DynamicIndex(parts, name);
}

/** Encodes an index file. Throws IndexError as `indexOf`. */
export function encodeIndex(parts: DynamicIndexParts, name: ServerName): Buffer {
  return isFixed(name) ? encodeFixedIndex(parts, name) : encodeDynamicIndex(parts, name);
}
