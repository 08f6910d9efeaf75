/** The prelude of a split archive: the command line's exclude patterns, for people (cli.md §8.5). */
import { type MatchEntry, patternLines } from './match-list.js';

/** Compact JSON, or undefined when there are no patterns. Bytes that are not UTF-8 cannot be held by JSON and are replaced. */
export function encodePrelude(excludes: readonly MatchEntry[]): Buffer | undefined {
  if (excludes.length === 0) return undefined;
  const text = Buffer.from(patternLines(excludes), 'latin1').toString('utf8');
  return Buffer.from(JSON.stringify({ 'exclude-patterns': text }));
}
