/** Which entries a restore takes (cli.md §8.4). */
import { type MatchEntry, matchPath, parseMatchEntry } from '../backup/match-list.js';

/** Include patterns as given on the command line, in order. Throws BackupError `BACKUP_PATTERN`. */
export function parseIncludes(patterns: readonly string[]): MatchEntry[] {
  return patterns.map((text) => parseMatchEntry(Buffer.from(text).toString('latin1'), 'include'));
}

/**
 * True if the entry is taken. Without a match it follows its directory; without any patterns everything is taken.
 * `path` is absolute inside the archive, latin1.
 */
export function isSelected(
  list: readonly MatchEntry[],
  path: string,
  directory: boolean,
  inherited: boolean,
): boolean {
  if (list.length === 0) return true;
  const match = matchPath(list, path, directory ? 'directory' : 'other');
  return match === undefined ? inherited : match === 'include';
}
