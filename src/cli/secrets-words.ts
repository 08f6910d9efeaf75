/** Takes a command line apart as a shell would, without expanding anything. protocol.md §1.3. */

const UNQUOTED = /[^\s'"\\]+/y;
const ESCAPED = /\\([\s\S])/y;
const SINGLE = /'([^']*)'/y;
const DOUBLE = /"((?:[^"\\]|\\[\s\S])*)"/y;
const BLANK = /\s+/y;

/** What `pattern` finds at `at`: its text, or the part in parentheses. */
function take(pattern: RegExp, text: string, at: number): { value: string; end: number } | undefined {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return match === null ? undefined : { value: match[1] ?? match[0], end: pattern.lastIndex };
}

/** In double quotes a backslash protects only what would mean something there. */
function unescapeDouble(text: string): string {
  return text.replace(/\\(["\\$`\n])/g, (_, c: string) => (c === '\n' ? '' : c));
}

/** One piece of a word; undefined for a quote that is not closed and a backslash at the end. */
function piece(text: string, at: number): { value: string; end: number } | undefined {
  const double = take(DOUBLE, text, at);
  if (double !== undefined) return { ...double, value: unescapeDouble(double.value) };
  return take(UNQUOTED, text, at) ?? take(ESCAPED, text, at) ?? take(SINGLE, text, at);
}

/** The words of a command line; undefined where a quote is not closed. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; ) {
    const blank = take(BLANK, line, at);
    if (blank !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at = blank.end;
      continue;
    }
    const next = piece(line, at);
    if (next === undefined) return undefined;
    word = (word ?? '') + next.value;
    at = next.end;
  }
  return word === undefined ? words : [...words, word];
}
