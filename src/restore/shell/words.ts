/** Takes a line of the catalog shell apart, as a POSIX shell would: quotes and backslashes, and nothing that is expanded. */
import { RestoreError } from '../errors.js';

const SPACE = /\s/;
/** Characters that a completed word cannot have as they are. */
const SPECIAL = /[\s'"\\]/g;

/** A word that is being read. */
interface Word {
  text: string;
  /** Where it begins in the line. */
  readonly start: number;
}

export interface Line {
  readonly words: readonly string[];
  /** The last word is not ended by a space: where it begins, and what it says so far. */
  readonly open: { readonly start: number; readonly text: string } | undefined;
  /** The quote that is not closed. */
  readonly quote: '"' | "'" | undefined;
}

/** Never throws: what is not closed yet is said. */
export function readLine(line: string): Line {
  const words: string[] = [];
  let word: Word | undefined;
  let quote: Line['quote'];
  for (let at = 0; at < line.length; at += 1) {
    const c = line[at]!;
    if (quote === undefined && SPACE.test(c)) {
      if (word !== undefined) words.push(word.text);
      word = undefined;
      continue;
    }
    word ??= { text: '', start: at };
    if (c === quote) quote = undefined;
    else if (quote === undefined && (c === '"' || c === "'")) quote = c;
    else if (c === '\\' && isEscape(line[at + 1], quote)) {
      at += 1;
      word.text += line[at] ?? '';
    } else word.text += c;
  }
  if (word === undefined) return { words, open: undefined, quote };
  return { words: [...words, word.text], open: word, quote };
}

/** Between double quotes a backslash stands for itself before other characters; between single ones always. */
function isEscape(next: string | undefined, quote: Line['quote']): boolean {
  if (quote === undefined) return true;
  return quote === '"' && (next === '"' || next === '\\');
}

/** The words of a line. Throws RestoreError `RESTORE_SHELL` for a quote that is not closed. */
export function splitWords(line: string): readonly string[] {
  const { words, quote } = readLine(line);
  if (quote !== undefined) throw new RestoreError('RESTORE_SHELL', `no closing ${quote}`);
  return words;
}

/** The word as it can be typed. */
export function quoteWord(word: string): string {
  return word.replace(SPECIAL, (c) => `\\${c}`);
}
