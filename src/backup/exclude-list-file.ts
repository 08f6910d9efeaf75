/** The command line's exclude patterns as single archives keep them: a file that nobody has. pxar.md §7.2, cli.md §8.5. */
import { native } from '../native.js';
import { EXCLUDE_LIST_NAME, Mode } from '../pxar/format.js';
import { encodeMetadata } from '../pxar/metadata-encoder.js';
import type { SingleEncoder } from '../pxar/single-encoder.js';
import { type MatchEntry, patternLines } from './match-list.js';

const NO_ACL = {
  users: [],
  groups: [],
  groupObj: undefined,
  default: undefined,
  defaultUsers: [],
  defaultGroups: [],
};

/** Its content, or undefined when there are no patterns. */
export function excludeListContent(excludes: readonly MatchEntry[]): Buffer | undefined {
  return excludes.length === 0 ? undefined : Buffer.from(patternLines(excludes), 'latin1');
}

/** Writes the file into the open directory, which is the root, behind everything else. */
export function writeExcludeList(encoder: SingleEncoder, content: Buffer): void {
  const hash = Buffer.alloc(8);
  hash.writeBigUInt64LE(native.nameHash(EXCLUDE_LIST_NAME));
  const body = encodeMetadata({
    mode: Mode.FILE | 0o600,
    flags: 0n,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    mtime: { seconds: 0, nanoseconds: 0 },
    xattrs: [],
    acl: NO_ACL,
    fcaps: undefined,
    projectId: undefined,
  });
  encoder.lastFile(EXCLUDE_LIST_NAME, hash, body, content);
}
