/** Constants of the catalog format, and the check of names that reader and writer share. catalog.md §1, §3. */

/** First 8 bytes of a catalog by version: 1 is what the reference programs know, 2 adds what docs/formats.md describes. */
export const MAGIC = {
  1: Buffer.from('91fd60f9c46758d5', 'hex'),
  2: Buffer.from('ccdf18d3bb7db7e2', 'hex'),
} as const;

export type CatalogVersion = keyof typeof MAGIC;

/** Where the first block begins: behind the magic. */
export const FIRST_BLOCK = 8;
/** Bytes at the end: position of the root block, u64 little endian. */
export const POINTER_SIZE = 8;
/** Bytes of the shortest block, which is that of an empty directory. */
export const MIN_BLOCK = 2;
/** Bytes of the shortest entry: type, length of the name, a name of one byte. */
export const MIN_ENTRY = 3;
/** Longest name. §3. */
export const MAX_NAME = 4095;
/** Deepest directory that is read or written, as in archives. restat's own bound. */
export const MAX_DEPTH = 65536;

/** Type bytes of entries. §3. */
export const Type = {
  DIRECTORY: 0x64,
  FILE: 0x66,
  SYMLINK: 0x6c,
  HARDLINK: 0x68,
  BLOCK_DEVICE: 0x62,
  CHARACTER_DEVICE: 0x63,
  FIFO: 0x70,
  SOCKET: 0x73,
  /** Version 2: the root of an archive. */
  ARCHIVE: 0x61,
  /** Version 2: a file whose content is in the appendix. */
  APPENDIX_FILE: 0x72,
} as const;

/** Entries that have nothing but a name: symbolic link, hard link, devices, FIFO, socket. */
export type OtherType = 'l' | 'h' | 'b' | 'c' | 'p' | 's';

/** Type bytes of the entries that have nothing but a name. */
export const OTHER_BYTES: Readonly<Record<OtherType, number>> = {
  l: Type.SYMLINK,
  h: Type.HARDLINK,
  b: Type.BLOCK_DEVICE,
  c: Type.CHARACTER_DEVICE,
  p: Type.FIFO,
  s: Type.SOCKET,
};

/** Nanoseconds of a second. */
export const SECOND = 1_000_000_000;

const SLASH = 0x2f;
const DOT = 0x2e;

/** What is wrong with the name bytes[start, end); undefined if nothing is. */
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
