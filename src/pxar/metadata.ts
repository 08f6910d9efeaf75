/** Owner, times, attributes of an entry: from and to the bytes of ENTRY and what follows it. pxar.md §3.3–3.5, §3.10–3.13. */
import { PxarError } from './errors.js';
import { HEADER_SIZE, Item, itemName, readU64 } from './format.js';
import { checkAttribute, ItemHeader, isAttribute } from './items.js';

/** A point in time, floor-style: nanoseconds are 0..999999999 also before 1970. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What an ENTRY item holds. */
export interface Stat {
  /** File type and permission bits. */
  readonly mode: number;
  /** File attribute bits of §3.5. */
  readonly flags: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
}

export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** A named user or group of an ACL: permissions are read 4, write 2, execute 1. */
export interface AclEntry {
  readonly id: number;
  readonly permissions: number;
}

/** The four unnamed entries of a default ACL; undefined where the ACL has none. */
export interface AclDefault {
  readonly userObj: number | undefined;
  readonly groupObj: number | undefined;
  readonly other: number | undefined;
  readonly mask: number | undefined;
}

/** Access and default ACL as far as the mode does not hold them. §3.11. */
export interface Acl {
  readonly users: readonly AclEntry[];
  readonly groups: readonly AclEntry[];
  readonly groupObj: number | undefined;
  readonly default: AclDefault | undefined;
  readonly defaultUsers: readonly AclEntry[];
  readonly defaultGroups: readonly AclEntry[];
}

export interface Metadata extends Stat {
  readonly xattrs: readonly Xattr[];
  readonly acl: Acl;
  /** Value of `security.capability`. */
  readonly fcaps: Buffer | undefined;
  readonly projectId: number | undefined;
}

/** Where a body stands, for errors: the archive's name and the position of the ENTRY item. */
export interface Place {
  readonly archive: string;
  readonly position: number;
}

/** Offsets in the content of ENTRY and ENTRY_V1. */
const STAT = { mode: 0, flags: 8, uid: 16, gid: 20, seconds: 24, nanoseconds: 32 } as const;
const SECOND = 1_000_000_000;
const NO_PERMISSION = 0xffff_ffff_ffff_ffffn;

class BodyReader {
  readonly body: Buffer;
  readonly view: DataView;
  readonly place: Place;
  readonly header: ItemHeader;

  constructor(body: Buffer, place: Place) {
    this.body = body;
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.place = place;
    this.header = new ItemHeader(place.archive);
  }

  fail(code: PxarError['code'], at: number, problem: string): PxarError {
    return new PxarError(code, this.place.archive, this.place.position + at, problem);
  }

  /** Reads the header at `at` and makes sure that its content is there. */
  item(at: number): number {
    if (at + HEADER_SIZE > this.body.length)
      throw this.fail('PXAR_EOF', at, 'metadata ends inside an item header');
    this.header.read(this.view, at, this.place.position + at);
    const end = at + HEADER_SIZE + this.header.content;
    if (end > this.body.length)
      throw this.fail('PXAR_EOF', at, `metadata ends inside ${itemName(this.header.item)}`);
    return this.header.item;
  }

  number(at: number, what: string): number {
    const value = readU64(this.view, at);
    if (Number.isNaN(value)) throw this.fail('PXAR_RANGE', at, `${what} above 2^53 - 1`);
    return value;
  }

  permissions(at: number): number {
    const value = readU64(this.view, at);
    if (!(value <= 7)) throw this.fail('PXAR_ACL', at, 'permission word with unknown bits');
    return value;
  }

  optionalPermissions(at: number): number | undefined {
    return this.view.getBigUint64(at, true) === NO_PERMISSION ? undefined : this.permissions(at);
  }

  aclEntry(at: number): AclEntry {
    return { id: this.number(at, 'ACL id'), permissions: this.permissions(at + 8) };
  }

  aclDefault(at: number): AclDefault {
    return {
      userObj: this.optionalPermissions(at),
      groupObj: this.optionalPermissions(at + 8),
      other: this.optionalPermissions(at + 16),
      mask: this.optionalPermissions(at + 24),
    };
  }

  xattr(at: number, length: number): Xattr {
    const nul = this.body.indexOf(0, at);
    return { name: this.body.subarray(at, nul), value: this.body.subarray(nul + 1, at + length) };
  }

  stat(): Stat {
    const item = this.item(0);
    if (item !== Item.ENTRY && item !== Item.ENTRY_V1)
      throw this.fail('PXAR_ITEM', 0, `${itemName(item)} instead of ENTRY`);
    const base = HEADER_SIZE;
    return {
      mode: this.number(base + STAT.mode, 'mode'),
      flags: this.view.getBigUint64(base + STAT.flags, true),
      uid: this.view.getUint32(base + STAT.uid, true),
      gid: this.view.getUint32(base + STAT.gid, true),
      mtime: item === Item.ENTRY ? this.#mtime(base) : this.#mtimeV1(base),
    };
  }

  #mtime(base: number): Timestamp {
    const seconds = Number(this.view.getBigInt64(base + STAT.seconds, true));
    const nanoseconds = this.view.getUint32(base + STAT.nanoseconds, true);
    if (!Number.isSafeInteger(seconds) || nanoseconds >= SECOND) {
      throw this.fail('PXAR_TIME', base + STAT.seconds, `time of ${seconds} s and ${nanoseconds} ns`);
    }
    return { seconds, nanoseconds };
  }

  #mtimeV1(base: number): Timestamp {
    const time = this.view.getBigUint64(base + STAT.seconds, true);
    return { seconds: Number(time / BigInt(SECOND)), nanoseconds: Number(time % BigInt(SECOND)) };
  }
}

/** Decodes the ENTRY or ENTRY_V1 item at the start of a body. Throws PxarError. */
export function decodeStat(body: Buffer, place: Place): Stat {
  return new BodyReader(body, place).stat();
}

/** Decodes a body: ENTRY or ENTRY_V1 and its attributes in any order. Buffers in the result are views of it. Throws PxarError. */
export function decodeMetadata(body: Buffer, place: Place): Metadata {
  const reader = new BodyReader(body, place);
  const stat = reader.stat();
  const xattrs: Xattr[] = [];
  const named = {
    users: [] as AclEntry[],
    groups: [] as AclEntry[],
    defaultUsers: [] as AclEntry[],
    defaultGroups: [] as AclEntry[],
  };
  let groupObj: number | undefined;
  let aclDefault: AclDefault | undefined;
  let fcaps: Buffer | undefined;
  let projectId: number | undefined;
  let seen = 0;
  for (
    let at = HEADER_SIZE + reader.header.content;
    at < body.length;
    at += HEADER_SIZE + reader.header.content
  ) {
    const item = reader.item(at);
    if (!isAttribute(item)) throw reader.fail('PXAR_ITEM', at, `${itemName(item)} between attributes`);
    const content = at + HEADER_SIZE;
    seen = checkAttribute(reader.header, body, content, seen, place.archive, place.position + at);
    if (item === Item.XATTR) xattrs.push(reader.xattr(content, reader.header.content));
    else if (item === Item.ACL_USER) named.users.push(reader.aclEntry(content));
    else if (item === Item.ACL_GROUP) named.groups.push(reader.aclEntry(content));
    else if (item === Item.ACL_DEFAULT_USER) named.defaultUsers.push(reader.aclEntry(content));
    else if (item === Item.ACL_DEFAULT_GROUP) named.defaultGroups.push(reader.aclEntry(content));
    else if (item === Item.ACL_GROUP_OBJ) groupObj = reader.permissions(content);
    else if (item === Item.ACL_DEFAULT) aclDefault = reader.aclDefault(content);
    else if (item === Item.FCAPS) fcaps = body.subarray(content, content + reader.header.content);
    else projectId = reader.number(content, 'project id');
  }
  return { ...stat, xattrs, acl: { ...named, groupObj, default: aclDefault }, fcaps, projectId };
}
