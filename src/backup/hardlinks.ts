/**
 * Files with several names: which name came first, and where it stands in the archive. Memory grows by a few words per
 * inode; everything else lies in an unnamed temporary file.
 */
import { closeSync, readSync, writeSync } from 'node:fs';
import { statWord } from '../native-listing.js';
import { STAT, type StatRecords } from '../native-scan.js';

/** Words of the stat record that identify the inode, and those that tell that its content is the same. */
const IDENTITY = [STAT.dev, STAT.dev + 4, STAT.ino, STAT.ino + 4] as const;
const CONTENT = [
  STAT.fileSize,
  STAT.fileSize + 4,
  STAT.mtime,
  STAT.mtime + 4,
  STAT.mtimeNs,
  STAT.btime,
  STAT.btime + 4,
  STAT.btimeNs,
] as const;

/**
 * Layout of a spilled record: identity words, content words, f64 position of the FILENAME (−1: not stored), f64 where the path
 * stands in the file, u32 length of the path. The path follows, or stands behind a later record.
 */
const CONTENT_AT = 4 * IDENTITY.length;
const POSITION_AT = CONTENT_AT + 4 * CONTENT.length;
const PATH_AT = POSITION_AT + 8;
const PATH_LENGTH_AT = PATH_AT + 8;
const RECORD_SIZE = PATH_LENGTH_AT + 4;

const FIRST_CAPACITY = 1024;

/** What is known of the first name of an inode. */
export interface FirstName {
  /** Number of the inode; `stored` takes it. */
  readonly slot: number;
  /** True if size, mtime and birth time are those of the first name. */
  readonly same: boolean;
}

export class HardlinkTable {
  readonly #fd: number;
  #end = 0;
  #count = 0;
  /** Open addressing: offset of the spilled record + 1; 0 is free. */
  #table = new Float64Array(FIRST_CAPACITY);
  #hashes = new Uint32Array(FIRST_CAPACITY);

  /** `fd` is an unnamed temporary file; the table closes it. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Looks the inode of a row up; adds it under `path` and returns undefined when this is its first name. */
  meet(
    stats: StatRecords,
    row: number,
    path: Buffer,
  ): FirstName | { readonly slot: number; readonly same: undefined } {
    const hash = hashOf(stats, row);
    let at = hash & (this.#table.length - 1);
    for (; this.#table[at] !== 0; at = (at + 1) & (this.#table.length - 1)) {
      if (this.#hashes[at] !== hash) continue;
      const offset = this.#table[at]! - 1;
      const known = this.#read(offset, POSITION_AT);
      if (!wordsEqual(known, 0, stats, row, IDENTITY)) continue;
      return { slot: offset, same: wordsEqual(known, CONTENT_AT, stats, row, CONTENT) };
    }
    const slot = this.#append(stats, row, path);
    this.#insert(at, hash, slot);
    return { slot, same: undefined };
  }

  /** Records where the FILENAME of the name that later ones refer to stands. */
  stored(slot: number, position: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(position);
    this.#write(bytes, slot + POSITION_AT);
  }

  /** Another name takes the place of the first one, which was not stored. */
  rename(slot: number, path: Buffer): void {
    const place = Buffer.alloc(12);
    place.writeDoubleLE(this.#end);
    place.writeUInt32LE(path.length, 8);
    this.#write(path, this.#end);
    this.#end += path.length;
    this.#write(place, slot + PATH_AT);
  }

  /** Position and path of the name that later ones refer to; undefined if none has been stored. */
  target(slot: number): { position: number; path: Buffer } | undefined {
    const head = this.#read(slot, RECORD_SIZE);
    const position = head.readDoubleLE(POSITION_AT);
    if (position < 0) return undefined;
    return { position, path: this.#read(head.readDoubleLE(PATH_AT), head.readUInt32LE(PATH_LENGTH_AT)) };
  }

  #append(stats: StatRecords, row: number, path: Buffer): number {
    const bytes = Buffer.alloc(RECORD_SIZE + path.length);
    [...IDENTITY, ...CONTENT].forEach((field, i) => {
      bytes.writeUInt32LE(statWord(stats, row, field), 4 * i);
    });
    bytes.writeDoubleLE(-1, POSITION_AT);
    bytes.writeDoubleLE(this.#end + RECORD_SIZE, PATH_AT);
    bytes.writeUInt32LE(path.length, PATH_LENGTH_AT);
    path.copy(bytes, RECORD_SIZE);
    this.#write(bytes, this.#end);
    const slot = this.#end;
    this.#end += bytes.length;
    return slot;
  }

  #write(bytes: Buffer, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    }
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let got = 0;
    while (got < length) {
      const n = readSync(this.#fd, bytes, got, length - got, offset + got);
      if (n === 0) throw new Error('the table of hard links is cut short');
      got += n;
    }
    return bytes;
  }

  #insert(at: number, hash: number, slot: number): void {
    this.#table[at] = slot + 1;
    this.#hashes[at] = hash;
    this.#count += 1;
    if (this.#count * 3 > this.#table.length * 2) this.#grow();
  }

  #grow(): void {
    const [table, hashes] = [this.#table, this.#hashes];
    this.#table = new Float64Array(2 * table.length);
    this.#hashes = new Uint32Array(2 * table.length);
    const mask = this.#table.length - 1;
    for (let i = 0; i < table.length; i += 1) {
      if (table[i] === 0) continue;
      let at = hashes[i]! & mask;
      while (this.#table[at] !== 0) at = (at + 1) & mask;
      this.#table[at] = table[i]!;
      this.#hashes[at] = hashes[i]!;
    }
  }
}

function hashOf(stats: StatRecords, row: number): number {
  let hash = 0;
  for (const field of IDENTITY)
    hash = Math.imul(hash ^ statWord(stats, row, field), 0x9e3779b1) ^ (hash >>> 15);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function wordsEqual(
  known: Buffer,
  offset: number,
  stats: StatRecords,
  row: number,
  fields: readonly number[],
): boolean {
  return fields.every((field, i) => known.readUInt32LE(offset + 4 * i) === statWord(stats, row, field));
}
