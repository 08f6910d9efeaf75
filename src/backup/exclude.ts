/** Which exclude patterns hold in which directory (cli.md §8.3). */
import { BackupError } from './errors.js';
import { type MatchEntry, normalisePattern, parseMatchEntry } from './match-list.js';

/** A pattern that cannot be used, from a `.pxarexclude` file. */
export interface BadPattern {
  readonly pattern: string;
  readonly reason: string;
}

/** Command-line patterns (latin1) in order; an empty one excludes nothing. Throws BACKUP_PATTERN. */
export function parseExcludes(patterns: readonly string[]): MatchEntry[] {
  return patterns
    .map(normalisePattern)
    .filter((pattern) => pattern !== '')
    .map((pattern) => parseMatchEntry(pattern, 'exclude'));
}

/** A pattern that matches these bytes only: names of directories may look like patterns. */
function literal(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&');
}

function parseLine(line: string, directory: string): MatchEntry {
  const inverted = line.startsWith('!');
  const text = inverted ? line.slice(1) : line;
  const anchored = text.startsWith('/');
  const pattern = normalisePattern(anchored ? literal(directory) + text : text);
  return parseMatchEntry((inverted ? '!' : '') + pattern, 'exclude', { anchored });
}

/**
 * The lines of a `.pxarexclude` file (latin1) in `directory` (absolute inside the archive, '' for the root).
 * Bad patterns are handed out, not thrown.
 */
export function parseExcludeFile(
  text: string,
  directory: string,
): { entries: MatchEntry[]; bad: BadPattern[] } {
  const entries: MatchEntry[] = [];
  const bad: BadPattern[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '');
    if (line === '' || line.startsWith('#')) continue;
    try {
      entries.push(parseLine(line, directory));
    } catch (error) {
      if (!(error instanceof BackupError)) throw error;
      bad.push({ pattern: line, reason: error.message });
    }
  }
  return { entries, bad };
}
