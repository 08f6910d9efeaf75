/** What a failed system call on one entry of the tree means for the backup. */
import { constants } from 'node:os';
import { BackupError } from './errors.js';
import type { WarningKind } from './report.js';

const UNREADABLE: ReadonlySet<number> = new Set([constants.errno.EACCES, constants.errno.EPERM]);
/** Not the fault of any file: going on would leave out everything that follows. */
const EXHAUSTED: ReadonlySet<number> = new Set([
  constants.errno.EMFILE,
  constants.errno.ENFILE,
  constants.errno.ENOMEM,
]);
const VANISHED: ReadonlySet<number> = new Set([constants.errno.ENOENT, constants.errno.ENOTDIR]);
/** Another inode, or a symbolic link where there was none. */
const REPLACED: ReadonlySet<number> = new Set([constants.errno.ESTALE, constants.errno.ELOOP]);

/** The kind of warning that an errno on one entry comes to. Throws BackupError `BACKUP_WALK` where it is not about that entry. */
export function kindOfErrno(errno: number): WarningKind {
  if (EXHAUSTED.has(errno)) {
    throw new BackupError(
      'BACKUP_WALK',
      `the walk has run out of descriptors or memory (${ERRNO_NAMES.get(errno)})`,
    );
  }
  if (VANISHED.has(errno)) return 'vanished';
  return REPLACED.has(errno) ? 'replaced' : 'unreadable';
}

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

export function errnoText(errno: number): string {
  if (VANISHED.has(errno)) return 'vanished before it could be read';
  if (REPLACED.has(errno)) return 'became something else while it was read';
  if (UNREADABLE.has(errno)) return 'permission denied';
  return `cannot be read (${ERRNO_NAMES.get(errno) ?? errno})`;
}

/** errno of a failed system call; undefined for every other error. */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return undefined;
  return error.errno;
}
