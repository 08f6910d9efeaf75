/** Lists of patterns and what they say of a path (cli.md §8.2–8.4). */
import { compileGlob, type PathMatcher } from './glob-matcher.js';

export type MatchType = 'exclude' | 'include';

/** One pattern of a list. Paths are absolute inside the archive, one latin1 character a byte. */
export interface MatchEntry {
  readonly type: MatchType;
  /** Pattern text without `!` and trailing slashes. */
  readonly pattern: string;
  readonly directoriesOnly: boolean;
  /** Only the whole path counts (lines of `.pxarexclude` that begin with a slash). */
  readonly anchored: boolean;
  readonly matches: PathMatcher;
}

/**
 * Makes an entry of pattern text: `!` turns the type round, trailing slashes mean directories only.
 * `bytes` is latin1. Throws BACKUP_PATTERN.
 */
export function parseMatchEntry(
  bytes: string,
  type: MatchType,
  options: { anchored?: boolean } = {},
): MatchEntry {
  const inverted = bytes.startsWith('!');
  const text = inverted ? bytes.slice(1) : bytes;
  const stripped = text.replace(/\/+$/, '');
  const directoriesOnly = stripped.length < text.length;
  const pattern = directoriesOnly && stripped === '' ? '/' : stripped;
  const anchored = options.anchored ?? false;
  return {
    type: inverted ? (type === 'exclude' ? 'include' : 'exclude') : type,
    pattern,
    directoriesOnly,
    anchored,
    matches: compileGlob(pattern, anchored),
  };
}

/** What is known of an entry before it is stat'ed. */
export type Kind = 'directory' | 'other' | 'unknown';

/**
 * The last entry that matches decides. `undefined` when nothing matches; `unknown` when only the entry's kind could tell
 * whether a directories-only pattern matches.
 */
export function matchPath(
  list: readonly MatchEntry[],
  path: string,
  kind: Kind,
): MatchType | 'unknown' | undefined {
  for (let i = list.length - 1; i >= 0; i -= 1) {
    const entry = list[i]!;
    if (entry.directoriesOnly && kind === 'other') continue;
    if (!entry.matches(path)) continue;
    return entry.directoriesOnly && kind === 'unknown' ? 'unknown' : entry.type;
  }
  return undefined;
}

/** The lines that an archive keeps of its command-line patterns (pxar.md §7.2), latin1. */
export function patternLines(list: readonly MatchEntry[]): string {
  return list
    .map(({ type, pattern, directoriesOnly }) => {
      const slash = directoriesOnly && pattern !== '/' ? '/' : '';
      return `${type === 'include' ? '!' : ''}${pattern}${slash}\n`;
    })
    .join('');
}

/** Lexical clean-up of a pattern: no `.`, no doubled slashes, `..` goes up; a trailing slash stays. cli.md §8.3. */
export function normalisePattern(pattern: string): string {
  const inverted = pattern.startsWith('!') ? '!' : '';
  const text = pattern.slice(inverted.length);
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  const head = text.startsWith('/') ? '/' : '';
  const tail = text.endsWith('/') && parts.length > 0 ? '/' : '';
  return `${inverted}${head}${parts.join('/')}${tail}`;
}
