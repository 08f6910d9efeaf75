/** Entries of archives in listings. */
import type { EntryRow } from '../../restore/entry-row.js';
import { printablePath } from '../context.js';
import type { Json } from './json.js';

const RIGHTS = ['---', '--x', '-w-', '-wx', 'r--', 'r-x', 'rw-', 'rwx'] as const;
const SETUID = 0o4000;
const SETGID = 0o2000;
const STICKY = 0o1000;
/** First letters of modes where they are not those of entries. */
const MODE_LETTERS: Readonly<Record<string, string>> = { f: '-', h: '-' };

function rights(bits: number, special: boolean, letter: string): string {
  const text = RIGHTS[bits & 7]!;
  if (!special) return text;
  return text.slice(0, 2) + (text.endsWith('x') ? letter : letter.toUpperCase());
}

/** `-rw-r--r--`, as `ls -l` has it. */
export function modeText({ type, mode }: Pick<EntryRow, 'type' | 'mode'>): string {
  return [
    MODE_LETTERS[type] ?? type,
    rights(mode >> 6, (mode & SETUID) !== 0, 's'),
    rights(mode >> 3, (mode & SETGID) !== 0, 's'),
    rights(mode, (mode & STICKY) !== 0, 't'),
  ].join('');
}

/** `2026-11-22T15:29:19Z`, in UTC; the epoch's seconds where no calendar reaches. */
export function timeText({ seconds }: EntryRow['mtime']): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : `${date.toISOString().slice(0, -5)}Z`;
}

/** The entry for programs; times are whole seconds and nanoseconds. */
export function entryJson({ type, mode, uid, gid, size, mtime, target }: EntryRow): {
  readonly [key: string]: Json | undefined;
} {
  return {
    ...{ type, mode, uid, gid, size, mtime: mtime.seconds, 'mtime-nanoseconds': mtime.nanoseconds },
    target: target === undefined ? undefined : printablePath(target),
  };
}

/** Mode, owner, group, size and time, for a line; `width` is that of the longest size. */
export function entryText(row: EntryRow, width: number): string {
  const { uid, gid, size, mtime } = row;
  return `${modeText(row)} ${uid}:${gid} ${String(size ?? '-').padStart(width)} ${timeText(mtime)}`;
}
