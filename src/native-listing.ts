/** Readings of the packed records of a directory: names, stat fields, bodies. No object per entry. */
import { type Description, type Listing, STAT, type StatRecords } from './native-scan.js';

const LIST_HEADER = 8;
const S_IFMT = 0o170000;

export const FileType = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** Names in a listing. */
export function countNames(list: Listing): number {
  return list.readUInt32LE(0);
}

/** Where the names begin. */
function namesAt(list: Listing): number {
  const count = list.readUInt32LE(0);
  return LIST_HEADER + 4 * (count + 1) + count;
}

/** Start of name i in the listing's bytes. */
export function nameStart(list: Listing, i: number): number {
  return namesAt(list) + list.readUInt32LE(LIST_HEADER + 4 * i);
}

/** End of name i in the listing's bytes. */
export function nameEnd(list: Listing, i: number): number {
  return namesAt(list) + list.readUInt32LE(LIST_HEADER + 4 * (i + 1));
}

/** DT_* of name i; 0 where the file system does not tell. */
export function directoryEntryType(list: Listing, i: number): number {
  return list[LIST_HEADER + 4 * (list.readUInt32LE(0) + 1) + i]!;
}

/** DT_DIR of getdents64. */
export const DT_DIR = 4;

export function nameBytes(list: Listing, i: number): Buffer {
  return list.subarray(nameStart(list, i), nameEnd(list, i));
}

export function nameLatin1(list: Listing, i: number): string {
  return list.toString('latin1', nameStart(list, i), nameEnd(list, i));
}

/** Index of a name in a listing, which is sorted by bytes; −1 where it is not there. */
export function indexOfName(list: Listing, name: Uint8Array): number {
  let low = 0;
  let high = countNames(list);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = list.compare(name, 0, name.length, nameStart(list, middle), nameEnd(list, middle));
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

export function countRecords(stats: StatRecords): number {
  return stats.length / STAT.size;
}

/** Record i as bytes of its own. */
export function record(stats: StatRecords, i: number): Buffer {
  return stats.subarray(i * STAT.size, (i + 1) * STAT.size);
}

export function statWord(stats: StatRecords, i: number, field: number): number {
  return stats.readUInt32LE(i * STAT.size + field);
}

export function fileType(stats: StatRecords, i: number): number {
  return statWord(stats, i, STAT.mode) & S_IFMT;
}

/** File size in bytes; sizes beyond 2^53 do not exist on Linux file systems (2^63 − 1 on paper). */
export function fileSize(stats: StatRecords, i: number): number {
  return statWord(stats, i, STAT.fileSize) + statWord(stats, i, STAT.fileSize + 4) * 2 ** 32;
}

const WORD = 2 ** 32;
/** Seconds whose upper word is below this, signed, are exact as a number. */
const SAFE_UPPER = 2 ** 21;

/** Whole seconds of a time (STAT.mtime, STAT.ctime) of record i, rounded down; a bigint beyond 2^53 - 1. */
export function statSeconds(stats: StatRecords, i: number, field: number): number | bigint {
  const at = i * STAT.size + field;
  const upper = stats.readInt32LE(at + 4);
  return Math.abs(upper) < SAFE_UPPER ? upper * WORD + stats.readUInt32LE(at) : stats.readBigInt64LE(at);
}

/** Device or inode as two words joined to a key. */
export function identityKey(stats: StatRecords, i: number): string {
  const at = i * STAT.size;
  return stats.toString('latin1', at + STAT.dev, at + STAT.dev + 16);
}

/** True if records i and j (of two buffers) are on the same device. */
export function sameDevice(a: StatRecords, i: number, b: StatRecords, j: number): boolean {
  return (
    statWord(a, i, STAT.dev) === statWord(b, j, STAT.dev) &&
    statWord(a, i, STAT.dev + 4) === statWord(b, j, STAT.dev + 4)
  );
}

const DESCRIPTION_HEADER = 8;

/** Status word of body i: errno in the low 16 bits, DESCRIBE_* above. */
export function bodyStatus(description: Description, i: number): number {
  return description.readUInt32LE(DESCRIPTION_HEADER + 4 * i);
}

export function bodyStart(description: Description, i: number): number {
  const count = description.readUInt32LE(0);
  const offsets = DESCRIPTION_HEADER + 4 * count;
  return offsets + 4 * (count + 1) + description.readUInt32LE(offsets + 4 * i);
}

export function bodyEnd(description: Description, i: number): number {
  return bodyStart(description, i + 1);
}
