/** Records of zip archives, with Zip64 where it is needed (APPNOTE.TXT 6.3, §4.3). */
import type { Stat } from '../../pxar/metadata.js';

export interface ZipMember {
  /** UTF-8; a directory's with a slash at its end. */
  readonly name: Buffer;
  readonly stat: Pick<Stat, 'mode' | 'uid' | 'gid' | 'mtime'>;
  /** Bytes of content. */
  readonly size: number;
  readonly deflated: boolean;
  /** Checksum and sizes stand behind the content. */
  readonly sizesBehind: boolean;
}

/** Checksum and sizes of a member's content. */
export interface ZipContent {
  readonly crc: number;
  readonly compressed: number;
  readonly size: number;
}

const LOCAL_HEADER = 0x0403_4b50;
const DESCRIPTOR = 0x0807_4b50;
const CENTRAL_HEADER = 0x0201_4b50;
const END_64 = 0x0606_4b50;
const LOCATOR_64 = 0x0706_4b50;
const END = 0x0605_4b50;

/** This number says that a Zip64 field has the value. */
const ELSEWHERE = 0xffff_ffff;
/** From this size on a member has Zip64 fields: what does not compress grows a little. */
const LARGE = 0xff00_0000;
const MANY = 0xffff;
const FLAG = { sizesBehind: 0x0008, utf8: 0x0800 } as const;
const DEFLATE = 8;
const VERSION = 20;
const VERSION_64 = 45;
const MADE_BY_UNIX = (3 << 8) | VERSION_64;
const DOS_DIRECTORY = 0x10;
const DIRECTORY = 0o040000;
const TYPE = 0o170000;
/** Tags of extra fields: Zip64 sizes, Info-ZIP's time and owner. */
const EXTRA = { zip64: 0x0001, time: 0x5455, owner: 0x7875 } as const;

function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16LE(value, 2 * i);
  return bytes;
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
}

function u64(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  return bytes;
}

function extraField(tag: number, content: Buffer): Buffer {
  return Buffer.concat([u16(tag, content.length), content]);
}

/** Local time in steps of two seconds, as near as years from 1980 to 2107 come. */
function dosTime(seconds: number): Buffer {
  const wanted = new Date(seconds * 1000);
  const year = Number.isNaN(wanted.getTime()) ? (seconds < 0 ? 0 : 9999) : wanted.getFullYear();
  if (year < 1980) return u16(0, (1 << 5) | 1);
  if (year > 2107) return u16((23 << 11) | (59 << 5) | 29, (127 << 9) | (12 << 5) | 31);
  const time = (wanted.getHours() << 11) | (wanted.getMinutes() << 5) | (wanted.getSeconds() >> 1);
  return u16(time, ((year - 1980) << 9) | ((wanted.getMonth() + 1) << 5) | wanted.getDate());
}

/** Time in UTC where 32 bits hold it, and the owner. */
function unixFields({ stat }: ZipMember): Buffer {
  const { uid, gid, mtime } = stat;
  const fits = mtime.seconds === (mtime.seconds | 0);
  const time = Buffer.concat([Buffer.from([1]), u32(mtime.seconds)]);
  const owner = Buffer.concat([Buffer.from([1, 4]), u32(uid), Buffer.from([4]), u32(gid)]);
  return Buffer.concat([...(fits ? [extraField(EXTRA.time, time)] : []), extraField(EXTRA.owner, owner)]);
}

function isLarge({ size }: Pick<ZipMember, 'size'>): boolean {
  return size >= LARGE;
}

/** From the version to the time: the same in local and central headers. */
function commonStart(member: ZipMember, version: number): Buffer {
  const flags = FLAG.utf8 | (member.sizesBehind ? FLAG.sizesBehind : 0);
  const method = member.deflated ? DEFLATE : 0;
  return Buffer.concat([u16(version, flags, method), dosTime(member.stat.mtime.seconds)]);
}

/** What stands in front of a member's content; `content` is left out where `sizesBehind` says so. */
export function localHeader(member: ZipMember, content?: ZipContent): Buffer {
  const large = isLarge(member);
  const { crc, compressed, size } = content ?? { crc: 0, compressed: 0, size: 0 };
  const sizes = large ? u32(crc, ELSEWHERE, ELSEWHERE) : u32(crc, compressed, size);
  const extra = Buffer.concat([
    ...(large ? [extraField(EXTRA.zip64, u64(size, compressed))] : []),
    unixFields(member),
  ]);
  const start = commonStart(member, large ? VERSION_64 : VERSION);
  const lengths = u16(member.name.length, extra.length);
  return Buffer.concat([u32(LOCAL_HEADER), start, sizes, lengths, member.name, extra]);
}

/** What stands behind a content where `sizesBehind` says so. */
export function dataDescriptor({ crc, compressed, size }: ZipContent): Buffer {
  const sizes = isLarge({ size }) ? u64(compressed, size) : u32(compressed, size);
  return Buffer.concat([u32(DESCRIPTOR, crc), sizes]);
}

/** A member's record at the archive's end; `offset` is where its local header begins. */
export function centralHeader(
  member: ZipMember,
  { crc, compressed, size }: ZipContent,
  offset: number,
): Buffer {
  const large = isLarge(member);
  const far = offset >= ELSEWHERE;
  const beyond = [...(large ? [size, compressed] : []), ...(far ? [offset] : [])];
  const extra = Buffer.concat([
    ...(beyond.length > 0 ? [extraField(EXTRA.zip64, u64(...beyond))] : []),
    unixFields(member),
  ]);
  const { mode } = member.stat;
  const attributes = (mode << 16) | ((mode & TYPE) === DIRECTORY ? DOS_DIRECTORY : 0);
  return Buffer.concat([
    u32(CENTRAL_HEADER),
    u16(MADE_BY_UNIX),
    commonStart(member, beyond.length > 0 ? VERSION_64 : VERSION),
    u32(crc, large ? ELSEWHERE : compressed, large ? ELSEWHERE : size),
    u16(member.name.length, extra.length, 0, 0, 0),
    u32(attributes, far ? ELSEWHERE : offset),
    member.name,
    extra,
  ]);
}

/** The archive's last bytes: how many central records there are, how long they are, and where they begin. */
export function endRecords(count: number, length: number, offset: number): Buffer {
  const short = u16(0, 0, Math.min(count, MANY), Math.min(count, MANY));
  const places = u32(Math.min(length, ELSEWHERE), Math.min(offset, ELSEWHERE));
  const end = Buffer.concat([u32(END), short, places, u16(0)]);
  if (count < MANY && length < ELSEWHERE && offset < ELSEWHERE) return end;
  const end64 = Buffer.concat([
    u32(END_64),
    u64(44),
    u16(MADE_BY_UNIX, VERSION_64),
    u32(0, 0),
    u64(count, count, length, offset),
  ]);
  const locator = Buffer.concat([u32(LOCATOR_64, 0), u64(offset + length), u32(1)]);
  return Buffer.concat([end64, locator, end]);
}
