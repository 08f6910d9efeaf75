/** Headers of tar archives: ustar blocks, with pax records in front for what they cannot hold (POSIX.1-2008, pax). */
import { isUtf8 } from 'node:buffer';
import type { Timestamp } from '../../pxar/metadata.js';

/** Tar archives consist of blocks of this size. */
export const TAR_BLOCK = 512;

/** Type flags of ustar. */
export type TarType = '0' | '1' | '2' | '3' | '4' | '5' | '6';

export interface TarMember {
  readonly type: TarType;
  /** Path as it stands in the archive: not empty, a directory's with a slash at its end. */
  readonly path: Buffer;
  /** Target of a symbolic link, earlier name of a hard link; empty for others. */
  readonly link: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly major: number;
  readonly minor: number;
  /** Further pax records. */
  readonly records: readonly PaxRecord[];
}

export interface PaxRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Offset and length of the fields of a ustar block. */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
} as const;

type Field = keyof typeof FIELD;

const NUMBERS = ['mode', 'uid', 'gid', 'size', 'major', 'minor'] as const;

/** Greatest number that a field of octal digits and a NUL holds. */
function fieldMax(field: Field): number {
  return 8 ** (FIELD[field][1] - 1) - 1;
}

/** Greatest number of a device that a tar archive can hold. */
export const TAR_DEVICE_MAX: number = fieldMax('major');

function putBytes(block: Buffer, field: Field, bytes: Buffer): void {
  const [offset, length] = FIELD[field];
  bytes.copy(block, offset, 0, length);
}

/** Numbers that do not fit stand in a pax record, which readers prefer: the field gets what is nearest. */
function putNumber(block: Buffer, field: Field, value: number): void {
  const digits = FIELD[field][1] - 1;
  const held = Math.max(0, Math.min(value, fieldMax(field)));
  block.write(held.toString(8).padStart(digits, '0'), FIELD[field][0], 'latin1');
}

function ustarBlock(type: TarType | 'x', member: Omit<TarMember, 'type' | 'records'>): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  putBytes(block, 'name', member.path);
  for (const field of NUMBERS) putNumber(block, field, member[field]);
  putNumber(block, 'mtime', member.mtime.seconds);
  putBytes(block, 'link', member.link);
  block.write(type, FIELD.type[0], 'latin1');
  block.write('ustar\u000000', FIELD.magic[0], 'latin1');
  block.fill(' ', FIELD.checksum[0], FIELD.checksum[0] + FIELD.checksum[1]);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, FIELD.checksum[0], 'latin1');
  return block;
}

/** Seconds as a decimal fraction; floor-style nanoseconds turn into the digits of a negative number. */
export function paxTime({ seconds, nanoseconds }: Timestamp): string {
  const negative = seconds < 0 && nanoseconds > 0;
  const whole = negative ? -(seconds + 1) : seconds;
  const rest = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  const digits = rest === 0 ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${negative ? '-' : ''}${whole}${digits}`;
}

/** A record of text. */
export function paxRecord(key: string, value: string): PaxRecord {
  return { key: Buffer.from(key), value: Buffer.from(value) };
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function recordBytes({ key, value }: PaxRecord): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length += 1;
  return Buffer.concat([Buffer.from(`${length} `), key, Buffer.from('='), value, Buffer.from('\n')]);
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte < 0x80);
}

/** What the block cannot hold of a member. */
function neededRecords(member: TarMember): PaxRecord[] {
  const { path, link, mtime } = member;
  const records: PaxRecord[] = [];
  // Names that are not UTF-8 come as they are.
  if (!isUtf8(path) || !isUtf8(link)) records.push(paxRecord('hdrcharset', 'BINARY'));
  if (path.length > FIELD.name[1] || !isAscii(path)) records.push({ key: Buffer.from('path'), value: path });
  if (link.length > FIELD.link[1] || !isAscii(link))
    records.push({ key: Buffer.from('linkpath'), value: link });
  for (const field of ['uid', 'gid', 'size'] as const)
    if (member[field] > fieldMax(field)) records.push(paxRecord(field, String(member[field])));
  const wholeTime = mtime.nanoseconds === 0 && mtime.seconds >= 0 && mtime.seconds <= fieldMax('mtime');
  if (!wholeTime) records.push(paxRecord('mtime', paxTime(mtime)));
  return records;
}

/** Zeros that fill the last block of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
}

/** The blocks in front of a member's content. Device numbers are at most TAR_DEVICE_MAX. */
export function tarHeader(member: TarMember): Buffer {
  const records = [...neededRecords(member), ...member.records].map(recordBytes);
  const block = ustarBlock(member.type, member);
  if (records.length === 0) return block;
  const body = Buffer.concat(records);
  const extended = { ...member, path: Buffer.from('PaxHeaders/entry'), link: Buffer.alloc(0), mode: 0o644 };
  const head = ustarBlock('x', { ...extended, size: body.length, major: 0, minor: 0 });
  return Buffer.concat([head, body, tarPadding(body.length), block]);
}
