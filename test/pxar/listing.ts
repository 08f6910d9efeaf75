/** Turns what the readers deliver into the form of the golden listings. */
import { createHash } from 'node:crypto';
import { isDirectory, type Node, type PxarAccessor } from '../../src/pxar/accessor.js';
import type { PxarDecoder } from '../../src/pxar/decoder.js';
import type { ChildEntry, Entry, FileEntry } from '../../src/pxar/entry.js';
import { type Acl, type AclEntry, decodeMetadata } from '../../src/pxar/metadata.js';
import { checkPayloadHeader } from '../../src/pxar/payload.js';

/** Fields of one entry as in `NAME.listing.json`. */
export type Described = Record<string, unknown>;

/** Archive and, for split archives, its payload. */
export interface ArchiveBytes {
  readonly archive: Buffer;
  readonly payload: Buffer | undefined;
}

const HEADER = 16;

function permissions(word: number | undefined): string | null {
  if (word === undefined) return null;
  return `${word & 4 ? 'r' : '-'}${word & 2 ? 'w' : '-'}${word & 1 ? 'x' : '-'}`;
}

function named(field: string, entries: readonly AclEntry[]): Described {
  return entries.length === 0
    ? {}
    : { [field]: entries.map(({ id, permissions: word }) => [id, permissions(word)]) };
}

function describeAcl(acl: Acl): Described {
  const { default: defaults } = acl;
  return {
    ...named('acl_user', acl.users),
    ...named('acl_group', acl.groups),
    ...(acl.groupObj === undefined ? {} : { acl_group_obj: permissions(acl.groupObj) }),
    ...(defaults === undefined
      ? {}
      : {
          acl_default: [defaults.userObj, defaults.groupObj, defaults.other, defaults.mask].map(permissions),
        }),
    ...named('acl_default_user', acl.defaultUsers),
    ...named('acl_default_group', acl.defaultGroups),
  };
}

function describeBody(body: Buffer, position: number): Described {
  const metadata = decodeMetadata(body, { archive: 'listing', position });
  const { xattrs, fcaps, flags, mtime, mode, uid, gid } = metadata;
  return {
    mode: (mode & 0o7777).toString(8).padStart(4, '0'),
    uid,
    gid,
    mtime: { s: mtime.seconds, ns: mtime.nanoseconds },
    ...(xattrs.length === 0
      ? {}
      : {
          xattrs: xattrs.map(({ name, value }) => ({ name: name.toString(), value: value.toString('hex') })),
        }),
    ...describeAcl(metadata.acl),
    ...(fcaps === undefined ? {} : { fcaps: fcaps.toString('hex') }),
    ...(flags === 0n ? {} : { flags_raw: `0x${flags.toString(16)}` }),
  };
}

/** SHA-256 of a file's content; throws PxarError where the payload header is not right. */
function contentDigest(entry: FileEntry, { archive, payload }: ArchiveBytes): string {
  const from = entry.inline || payload === undefined ? archive : payload;
  const { payloadOffset: at, size } = entry;
  checkPayloadHeader(from.subarray(at, at + HEADER), size, { archive: 'payload', position: at });
  return createHash('sha256')
    .update(from.subarray(at + HEADER, at + HEADER + size))
    .digest('hex');
}

function describeFile(entry: FileEntry, bodyEnd: number, bytes: ArchiveBytes): Described {
  const { size, payloadOffset, inline } = entry;
  const digest = contentDigest(entry, bytes);
  return { size, payload_at: payloadOffset, ...(inline ? {} : { ref_at: bodyEnd }), sha256: digest };
}

const TYPES = { directory: 'dir', file: 'file', symlink: 'symlink', fifo: 'fifo', socket: 'socket' } as const;

/** One entry in the listing's form; directories get `goodbye_at` and so on later. */
export function describe(entry: ChildEntry, path: Buffer, bytes: ArchiveBytes): Described {
  const start = { path: path.toString('hex'), ...(entry.depth === 0 ? {} : { filename_at: entry.position }) };
  const bodyAt = entry.depth === 0 ? entry.position : entry.position + HEADER + entry.name.length + 1;
  if (entry.kind === 'hardlink') {
    const back = entry.position - entry.targetPosition;
    return {
      ...start,
      type: 'hardlink',
      hardlink_to: entry.targetPath.toString('hex'),
      item_at: bodyAt,
      back,
    };
  }
  const common = { ...start, ...describeBody(entry.body, bodyAt), entry_at: bodyAt };
  if (entry.kind === 'device')
    return { ...common, type: entry.block ? 'blk' : 'chr', rdev: [entry.major, entry.minor] };
  const type = TYPES[entry.kind];
  if (entry.kind === 'file')
    return { ...common, type, ...describeFile(entry, bodyAt + entry.body.length, bytes) };
  return entry.kind === 'symlink'
    ? { ...common, type, target: entry.target.toString('hex') }
    : { ...common, type };
}

function join(parent: Buffer, name: Buffer): Buffer {
  return parent.length === 0 ? name : Buffer.concat([parent, Buffer.from('/'), name]);
}

/** All entries of a sequential decoder. */
export async function listSequentially(
  decoder: PxarDecoder,
  bytes: ArchiveBytes,
  batch = 1000,
): Promise<Described[]> {
  const listed: Described[] = [];
  const open: { path: Buffer; described: Described; children: number }[] = [];
  for (
    let entries = await decoder.nextBatch(batch);
    entries.length > 0;
    entries = await decoder.nextBatch(batch)
  ) {
    for (const entry of entries) listOne(entry, listed, open, bytes);
  }
  return listed;
}

function listOne(
  entry: Entry,
  listed: Described[],
  open: { path: Buffer; described: Described; children: number }[],
  bytes: ArchiveBytes,
): void {
  const parent = open.at(-1);
  if (entry.kind === 'leave') {
    const closed = open.pop();
    if (closed !== undefined) {
      Object.assign(closed.described, {
        goodbye_at: entry.goodbye,
        goodbye_size: entry.goodbyeSize,
        children: closed.children,
      });
    }
    return;
  }
  const path = parent === undefined ? entry.name : join(parent.path, entry.name);
  if (parent !== undefined) parent.children++;
  const described = describe(entry, path, bytes);
  listed.push(described);
  if (entry.kind === 'directory') open.push({ path: Buffer.from(path), described, children: 0 });
}

/** All entries of an accessor, depth first; each name is also looked up, each hard link followed. */
export async function listRandomly(accessor: PxarAccessor, bytes: ArchiveBytes): Promise<Described[]> {
  return listNode(accessor, await accessor.root(), Buffer.alloc(0), bytes);
}

async function listNode(
  accessor: PxarAccessor,
  node: Node,
  path: Buffer,
  bytes: ArchiveBytes,
): Promise<Described[]> {
  if (node.entry.kind === 'hardlink') await accessor.resolveLink(node.entry);
  const described = describe(node.entry, path, bytes);
  if (!isDirectory(node)) return [described];
  const children = await accessor.readDirectory(node);
  const size = HEADER + 24 * (children.length + 1);
  const listed: Described[] = [
    { ...described, goodbye_at: node.end - size, goodbye_size: size, children: children.length },
  ];
  for (const child of children) {
    const found = await accessor.lookup(node, child.entry.name);
    if (found?.entry.position !== child.entry.position)
      throw new Error('a name is not found where its directory lists it');
    listed.push(...(await listNode(accessor, child, join(path, child.entry.name), bytes)));
  }
  return listed;
}
