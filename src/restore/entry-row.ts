/** What listings say of an entry. */
import type { ChildEntry } from '../pxar/entry.js';
import { decodeStat, type Timestamp } from '../pxar/metadata.js';
import type { Content } from './archive-tree.js';

/** `d` directory, `f` file, `l` symbolic link, `h` hard link, `b` and `c` devices, `p` FIFO, `s` socket (catalog.md §3). */
export type EntryLetter = 'd' | 'f' | 'l' | 'h' | 'b' | 'c' | 'p' | 's';

export interface EntryRow {
  readonly type: EntryLetter;
  /** File type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, or of a symbolic link's target; undefined for others. */
  readonly size: number | undefined;
  readonly mtime: Timestamp;
  /** Where a symbolic link points to. */
  readonly target: Buffer | undefined;
}

export function letterOf(entry: Content): Exclude<EntryLetter, 'h'>;
export function letterOf(entry: ChildEntry): EntryLetter;
export function letterOf(entry: ChildEntry): EntryLetter {
  switch (entry.kind) {
    case 'directory':
      return 'd';
    case 'file':
      return 'f';
    case 'symlink':
      return 'l';
    case 'hardlink':
      return 'h';
    case 'device':
      return entry.block ? 'b' : 'c';
    case 'fifo':
      return 'p';
    case 'socket':
      return 's';
  }
}

/** `entry` as it is named, `content` what it is: another one for a later name of a file. `archive` is for errors. Throws PxarError. */
export function entryRow(entry: ChildEntry, content: Content, archive: string): EntryRow {
  const { mode, uid, gid, mtime } = decodeStat(content.body, { archive, position: content.position });
  const target = content.kind === 'symlink' ? content.target : undefined;
  const size = content.kind === 'file' ? content.size : target?.length;
  return { type: letterOf(entry), mode, uid, gid, size, mtime, target };
}
