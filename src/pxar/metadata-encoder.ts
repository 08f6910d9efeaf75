/** Encodes an entry's metadata as the archiver writes it. pxar.md §2, §3.3, §3.10–3.13. */
import { HEADER_SIZE, Item, itemName, MAX_CONTENT, TYPE_HIGH, TYPE_LOW, writeU64 } from './format.js';
import type { AclDefault, AclEntry, Metadata } from './metadata.js';

/** A value that the format cannot hold. */
export class MetadataRangeError extends RangeError {
  override readonly name = 'MetadataRangeError';
  readonly code = 'PXAR_METADATA_RANGE';
}

const NO_PERMISSION = 0xffff_ffff_ffff_ffffn;

/** A header and room for `content` bytes. */
function newItem(item: number, content: number): Buffer {
  if (content > MAX_CONTENT[item]!) {
    throw new MetadataRangeError(
      `${itemName(item)} of ${content} bytes, at most ${MAX_CONTENT[item]} are possible`,
    );
  }
  const bytes = Buffer.alloc(HEADER_SIZE + content);
  bytes.writeInt32LE(TYPE_LOW[item]!, 0);
  bytes.writeInt32LE(TYPE_HIGH[item]!, 4);
  bytes.writeUInt32LE(HEADER_SIZE + content, 8);
  return bytes;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checked(value: number, greatest: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > greatest) {
    throw new MetadataRangeError(`${what} ${value} is not an integer of 0 to ${greatest}`);
  }
  return value;
}

function encodeStat(metadata: Metadata): Buffer {
  const bytes = newItem(Item.ENTRY, 40);
  const view = viewOf(bytes);
  const { seconds, nanoseconds } = metadata.mtime;
  if (!Number.isSafeInteger(seconds)) throw new MetadataRangeError(`mtime of ${seconds} s`);
  if (metadata.flags < 0n || metadata.flags > NO_PERMISSION)
    throw new MetadataRangeError(`flags ${metadata.flags}`);
  writeU64(view, 16, checked(metadata.mode, Number.MAX_SAFE_INTEGER, 'mode'));
  view.setBigUint64(24, metadata.flags, true);
  view.setUint32(32, checked(metadata.uid, 0xffff_ffff, 'uid'), true);
  view.setUint32(36, checked(metadata.gid, 0xffff_ffff, 'gid'), true);
  view.setBigInt64(40, BigInt(seconds), true);
  view.setUint32(48, checked(nanoseconds, 999_999_999, 'nanoseconds'), true);
  return bytes;
}

function encodeNumbers(item: number, values: readonly (number | undefined)[], what: string): Buffer {
  const bytes = newItem(item, 8 * values.length);
  const view = viewOf(bytes);
  values.forEach((value, i) => {
    if (value === undefined) view.setBigUint64(HEADER_SIZE + 8 * i, NO_PERMISSION, true);
    else writeU64(view, HEADER_SIZE + 8 * i, checked(value, Number.MAX_SAFE_INTEGER, what));
  });
  return bytes;
}

function encodeBytes(item: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const bytes = newItem(item, content.length);
  content.copy(bytes, HEADER_SIZE);
  return bytes;
}

/** Named ACL entries in the writer's order: ascending by id, then permissions. §3.11. */
function encodeAcl(item: number, entries: readonly AclEntry[]): Buffer[] {
  const sorted = entries.toSorted((a, b) => a.id - b.id || a.permissions - b.permissions);
  return sorted.map(({ id, permissions }) => encodeNumbers(item, [id, permissions], 'ACL entry'));
}

function encodeXattr(name: Buffer, value: Buffer): Buffer {
  if (name.includes(0)) throw new MetadataRangeError('NUL in the name of an extended attribute');
  return encodeBytes(Item.XATTR, name, Buffer.from([0]), value);
}

function encodeAclDefault(acl: AclDefault): Buffer {
  return encodeNumbers(Item.ACL_DEFAULT, [acl.userObj, acl.groupObj, acl.other, acl.mask], 'permission word');
}

/** The body of an entry: ENTRY, then the attributes in the archiver's order. Throws MetadataRangeError. */
export function encodeMetadata(metadata: Metadata): Buffer {
  const { xattrs, acl, fcaps, projectId } = metadata;
  return Buffer.concat([
    encodeStat(metadata),
    ...xattrs.map(({ name, value }) => encodeXattr(name, value)),
    ...encodeAcl(Item.ACL_USER, acl.users),
    ...encodeAcl(Item.ACL_GROUP, acl.groups),
    ...(acl.groupObj === undefined
      ? []
      : [encodeNumbers(Item.ACL_GROUP_OBJ, [acl.groupObj], 'permission word')]),
    ...(acl.default === undefined ? [] : [encodeAclDefault(acl.default)]),
    ...encodeAcl(Item.ACL_DEFAULT_USER, acl.defaultUsers),
    ...encodeAcl(Item.ACL_DEFAULT_GROUP, acl.defaultGroups),
    ...(fcaps === undefined ? [] : [encodeBytes(Item.FCAPS, fcaps)]),
    ...(projectId === undefined ? [] : [encodeNumbers(Item.QUOTA_PROJID, [projectId], 'project id')]),
  ]);
}
