/**
 * The typed face of the native addon. Nobody else loads it.
 *
 * Byte layouts that cross this border are declared here once, beside the call that returns or takes them.
 * 64-bit values are little-endian; a time is (i64 seconds, u32 nanoseconds), floor-style as in pxar.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeChunks } from './native-chunk.js';
import type { NativeDetect } from './native-detect.js';
import type { NativeExtractions } from './native-extract.js';
import type { NativeFileCalls } from './native-file.js';
import type { NativeImages } from './native-image.js';
import type { NativeScan } from './native-scan.js';

/** What the addon exports; see `native/addon.cc`, the one list. */
export interface NativeAddon
  extends NativeChunks,
    NativeDetect,
    NativeExtractions,
    NativeScan,
    NativeFileCalls,
    NativeImages {
  /** Versions the addon was built with. `zstd` is the linked library, `zstdHeader` the header it was compiled against. */
  versions(): { zstd: string; zstdHeader: string };
  /** CRC-32 (IEEE 802.3, as zlib) of the bytes. indexes-blobs-chunks.md §4.1. */
  crc32(bytes: Uint8Array): number;
  /** SipHash-2-4 of a name with the archive keys. pxar.md §5.1. */
  nameHash(name: Uint8Array): bigint;
  /**
   * Orders goodbye rows in place: `rows` holds n child rows of 24 bytes (hash, offset, size); afterwards they stand in
   * search-tree order. The tail row is not part of it. pxar.md §5.3.
   */
  goodbyeOrder(rows: Uint8Array): void;
  /** One zstd frame, level 1, or undefined when it would be longer than the input. indexes-blobs-chunks.md §4.1. */
  zstdCompress(bytes: Uint8Array): Buffer | undefined;
  /** Decompresses one or more frames to at most `maxBytes`; throws NativeError `ZSTD` otherwise. */
  zstdDecompress(bytes: Uint8Array, maxBytes: number): Buffer;
}

/** An addon that is missing or does not fit this Node. */
export class AddonLoadError extends Error {
  readonly code = 'RESTAT_ADDON';
}

const ADDON = 'build/Release/restat.node';

/** The nearest directory above this file that holds the built addon. */
function findAddon(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(directory, ADDON);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(directory);
    if (parent === directory) throw new AddonLoadError(`${ADDON} is not built: run npm ci in the project`);
    directory = parent;
  }
}

function load(): NativeAddon {
  const path = findAddon();
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    throw new AddonLoadError(`cannot load ${path} in Node ${process.version}: rebuild it with npm rebuild`, {
      cause,
    });
  }
}

export const native: NativeAddon = load();
