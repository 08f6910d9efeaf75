/**
 * An archive's tree as a pax tar archive. Written here because libraries for it take names and attributes as text, and so lose
 * those that are not UTF-8.
 */
import { decodeMetadata, type Metadata } from '../../pxar/metadata.js';
import type { Content } from '../archive-tree.js';
import { accessAclText, defaultAclText } from './acl-text.js';
import { countEntry, type ExportJob, type SelectedEntry } from './entry.js';
import {
  type PaxRecord,
  paxRecord,
  TAR_BLOCK,
  TAR_DEVICE_MAX,
  type TarMember,
  type TarType,
  tarHeader,
  tarPadding,
} from './tar-header.js';

const EMPTY = Buffer.alloc(0);

const PERMISSIONS = 0o7777;

/** There are no sockets in tar archives. */
type Storable = Exclude<Content, { kind: 'socket' }>;

function typeOf(entry: Storable): TarType {
  switch (entry.kind) {
    case 'file':
      return '0';
    case 'symlink':
      return '2';
    case 'device':
      return entry.block ? '4' : '3';
    case 'directory':
      return '5';
    case 'fifo':
      return '6';
  }
}

/** `=` would end the key of a record: GNU tar's way to write it. */
function attributeKey(name: Buffer): Buffer {
  const escaped = name.toString('latin1').replaceAll('%', '%25').replaceAll('=', '%3D');
  return Buffer.from(`SCHILY.xattr.${escaped}`, 'latin1');
}

function attributeRecords(metadata: Metadata): PaxRecord[] {
  const { xattrs, acl, fcaps } = metadata;
  const [access, ofChildren] = [accessAclText(metadata), defaultAclText(acl)];
  return [
    ...(access === undefined ? [] : [paxRecord('SCHILY.acl.access', access)]),
    ...(ofChildren === undefined ? [] : [paxRecord('SCHILY.acl.default', ofChildren)]),
    ...xattrs.map(({ name, value }) => ({ key: attributeKey(name), value })),
    ...(fcaps === undefined ? [] : [{ key: Buffer.from('SCHILY.xattr.security.capability'), value: fcaps }]),
  ];
}

function memberPath(path: Buffer, kind: Content['kind']): Buffer {
  if (path.length === 0) return Buffer.from('./');
  return kind === 'directory' ? Buffer.concat([path, Buffer.from('/')]) : path;
}

function fits(entry: Content): entry is Storable {
  if (entry.kind === 'device') return Math.max(entry.major, entry.minor) <= TAR_DEVICE_MAX;
  return entry.kind !== 'socket';
}

/** A hard link has the file's owner and times, since some readers set them again, and no attributes. */
function memberOf({ path, first }: SelectedEntry, entry: Storable, archive: string): TarMember {
  const metadata = decodeMetadata(entry.body, { archive, position: entry.position });
  const { mode, uid, gid, mtime } = metadata;
  return {
    type: first === undefined ? typeOf(entry) : '1',
    path: memberPath(path, entry.kind),
    link: first ?? (entry.kind === 'symlink' ? entry.target : EMPTY),
    mode: mode & PERMISSIONS,
    uid,
    gid,
    size: entry.kind === 'file' && first === undefined ? entry.size : 0,
    mtime,
    major: entry.kind === 'device' ? entry.major : 0,
    minor: entry.kind === 'device' ? entry.minor : 0,
    records: first === undefined ? attributeRecords(metadata) : [],
  };
}

/** The bytes of a tar archive of all entries. Sockets are left out with a notice. Throws what reading the archive throws. */
export async function* tarBytes(job: ExportJob): AsyncGenerator<Buffer> {
  const { counts } = job;
  for await (const each of job.entries) {
    const { entry, path, first } = each;
    if (!fits(entry)) {
      counts.skipped += 1;
      job.onNotice({ path, message: `left out, since a tar archive cannot hold this ${entry.kind}` });
      continue;
    }
    yield tarHeader(memberOf(each, entry, job.archive));
    if (first !== undefined) {
      counts.hardlinks += 1;
      continue;
    }
    countEntry(counts, entry);
    if (entry.kind !== 'file') continue;
    yield* each.content();
    yield tarPadding(entry.size);
  }
  yield Buffer.alloc(2 * TAR_BLOCK);
}
