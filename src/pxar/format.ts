/** Item types, their content limits and the other constants of the pxar format. pxar.md §1; version 3: docs/formats.md. */

/** Bytes of an item header: u64 type, u64 full size (header included). §1.1. */
export const HEADER_SIZE = 16;
/** Bytes of a goodbye row: u64 hash, u64 offset, u64 size. §5.2. */
export const ROW_SIZE = 24;
/** Longest name, symbolic link target and hard link path. §3.6, §7.1. */
export const MAX_NAME = 4096;
/** Longest ENTRY with its attributes that is read or written: restat's own bound, the format has none. */
export const MAX_BODY = 64 * 1024 * 1024;
/** Longest PRELUDE that is read or written: restat's own bound. */
export const MAX_PRELUDE = 16 * 1024 * 1024;
/** Deepest directory that is read: more than any path of 4096 bytes can have. restat's own bound. */
export const MAX_DEPTH = 65536;

/** Small numbers for the item types, so that a parser can switch on them. */
export const Item = {
  UNKNOWN: 0,
  FORMAT_VERSION: 1,
  PRELUDE: 2,
  ENTRY: 3,
  ENTRY_V1: 4,
  FILENAME: 5,
  SYMLINK: 6,
  HARDLINK: 7,
  DEVICE: 8,
  XATTR: 9,
  ACL_USER: 10,
  ACL_GROUP: 11,
  ACL_GROUP_OBJ: 12,
  ACL_DEFAULT: 13,
  ACL_DEFAULT_USER: 14,
  ACL_DEFAULT_GROUP: 15,
  FCAPS: 16,
  QUOTA_PROJID: 17,
  PAYLOAD: 18,
  PAYLOAD_REF: 19,
  GOODBYE: 20,
  PAYLOAD_START_MARKER: 21,
  PAYLOAD_TAIL_MARKER: 22,
  APPENDIX_REF: 23,
  APPENDIX: 24,
} as const;

/** One of the numbers of `Item`. */
export type ItemId = (typeof Item)[keyof typeof Item];

const MAX_LENGTH = Number.MAX_SAFE_INTEGER - HEADER_SIZE;

/** Row i describes item i: type, least and greatest content size that a strict reader takes. §1.2, §6. */
const ITEMS: readonly (readonly [type: bigint, min: number, max: number])[] = [
  [0n, 0, 0],
  [0x730f6c75df16a40dn, 8, 8],
  [0xe309d79d9f7b771bn, 0, MAX_PRELUDE],
  [0xd5956474e588acefn, 40, 40],
  [0x11da850a1c1cceffn, 32, 32],
  [0x16701121063917b3n, 0, MAX_NAME + 1],
  [0x27f971e7dbf5dc5fn, 1, MAX_NAME + 1],
  [0x51269c8422bd7275n, 9, MAX_NAME + 9],
  [0x9fc9e906586d5ce9n, 16, 16],
  [0x0dab0229b57dcd03n, 1, 65791],
  [0x2ce8540a457d55b8n, 16, 16],
  [0x136e3eceb04c03abn, 16, 16],
  [0x10868031e9582876n, 8, 8],
  [0xbbbb13415a6896f5n, 32, 32],
  [0xc89357b40532cd1fn, 16, 16],
  [0xf90a8a5816038ffen, 16, 16],
  [0x2da9dd9db5f7fb67n, 0, 65791],
  [0xe07540e82f7d1cbbn, 8, 8],
  [0x28147a1b0b7c1a25n, 0, MAX_LENGTH],
  [0x419d3d6bc4ba977en, 16, 16],
  [0x2fec4fa642d5731dn, ROW_SIZE, MAX_LENGTH],
  [0x834c68c2194a4ed2n, 0, 0],
  [0x6c72b78b984c81b5n, 0, 0],
  [0x849b4a17e0234f8en, 16, 16],
  [0x9ff6c9507864b38dn, 0, MAX_LENGTH],
];

const low = (type: bigint): number => Number(BigInt.asIntN(32, type));
const high = (type: bigint): number => Number(BigInt.asIntN(32, type >> 32n));

/** The low and high 32 bits of each item's type, as signed words; indexed by `ItemId`. */
export const TYPE_LOW: Int32Array = Int32Array.from(ITEMS, ([type]) => low(type));
export const TYPE_HIGH: Int32Array = Int32Array.from(ITEMS, ([type]) => high(type));
/** Least and greatest content size, in bytes; indexed by `ItemId`. */
export const MIN_CONTENT: Float64Array = Float64Array.from(ITEMS, ([, min]) => min);
export const MAX_CONTENT: Float64Array = Float64Array.from(ITEMS, ([, , max]) => max);

/** The hash value of the last row of a goodbye table, as two signed words. §5.2. */
export const TAIL_LOW: number = low(0xef5eed5b753e1555n);
export const TAIL_HIGH: number = high(0xef5eed5b753e1555n);
/** The hash value of the row that leads to the appendix, as two signed words. docs/formats.md. */
export const APPENDIX_TAIL_LOW: number = low(0x5b1b9abb7ae454f1n);
export const APPENDIX_TAIL_HIGH: number = high(0x5b1b9abb7ae454f1n);

/** The low bytes of the types are all different: this finds the only candidate. */
const BY_LOW_BYTE: Uint8Array = new Uint8Array(256);
for (let item = 1; item < ITEMS.length; item++) BY_LOW_BYTE[TYPE_LOW[item]! & 0xff] = item;

const NAMES: readonly string[] = Object.keys(Item);

/** The number of the item with this type (two signed words), `Item.UNKNOWN` if there is none. */
export function itemOf(lowWord: number, highWord: number): number {
  const item = BY_LOW_BYTE[lowWord & 0xff]!;
  return TYPE_LOW[item] === lowWord && TYPE_HIGH[item] === highWord ? item : Item.UNKNOWN;
}

/** The name of an item as the specification writes it, for messages. */
export function itemName(item: number): string {
  return NAMES[item] ?? 'UNKNOWN';
}

/** File type bits of a mode. §3.4. */
export const Mode = {
  TYPE: 0o170000,
  SOCKET: 0o140000,
  SYMLINK: 0o120000,
  FILE: 0o100000,
  BLOCK: 0o060000,
  DIRECTORY: 0o040000,
  CHARACTER: 0o020000,
  FIFO: 0o010000,
  /** Everything that Linux knows: type, setuid, setgid, sticky, permissions. */
  KNOWN: 0o177777,
} as const;

/** Name of the last entry of a single archive's root that keeps the command line's exclude patterns; a real file of that name is left out. §7.2. */
export const EXCLUDE_LIST_NAME: Buffer = Buffer.from('.pxarexclude-cli');

const WORD = 0x1_0000_0000;

/** A u64 as a number, or NaN if it is greater than Number.MAX_SAFE_INTEGER. */
export function readU64(view: DataView, at: number): number {
  const upper = view.getUint32(at + 4, true);
  if (upper === 0) return view.getUint32(at, true);
  return upper < 0x20_0000 ? upper * WORD + view.getUint32(at, true) : Number.NaN;
}

/** Writes a number of 0..Number.MAX_SAFE_INTEGER as u64. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}
