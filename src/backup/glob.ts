/** The glob language of exclude and include patterns (cli.md §8.1), over paths whose bytes stand for one character each (latin1). */
import { BackupError } from './errors.js';

const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  space: ' \\t\\n\\r\\x0b\\x0c',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** One step of a parsed glob. */
export type GlobToken =
  /** One byte; `source` is a regular expression for it. */
  | { readonly kind: 'one'; readonly source: string }
  /** Any run of bytes without a slash. */
  | { readonly kind: 'star' }
  /** Nothing, or anything that ends with a slash: the `**` before a slash. */
  | { readonly kind: 'directories' }
  /** Anything: the `**` at the end. */
  | { readonly kind: 'anything' };

function bad(message: string): BackupError {
  return new BackupError('BACKUP_PATTERN', message);
}

function escapeByte(byte: string): string {
  return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** A member of a bracket expression, an escaped byte or a plain one, and where it ends. */
function bracketByte(pattern: string, at: number, start: number): { byte: string; end: number } {
  const escaped = pattern[at] === '\\';
  const byte = pattern[escaped ? at + 1 : at];
  if (byte === undefined) throw bad(`unclosed character class in pattern, starting at byte ${start}`);
  return { byte, end: at + (escaped ? 2 : 1) };
}

/** `[:name:]` at `at` in the bracket at `start`: the set and where it ends. */
function namedClass(pattern: string, at: number, start: number): { set: string; end: number } {
  const end = pattern.indexOf(':]', at + 2);
  const set = end < 0 ? undefined : CLASSES[pattern.slice(at + 2, end)];
  if (set === undefined) throw bad(`malformed named character class in pattern, starting at byte ${start}`);
  return { set, end: end + 2 };
}

/** One bracket expression that begins at `start`; returns its source and the position behind it. */
function bracket(pattern: string, start: number): { source: string; end: number } {
  let at = start + 1;
  const negated = pattern[at] === '^';
  if (negated) at += 1;
  let set = '';
  while (pattern[at] !== ']') {
    if (at >= pattern.length) throw bad(`unclosed character class in pattern, starting at byte ${start}`);
    if (pattern.startsWith('[:', at)) {
      const named = namedClass(pattern, at, start);
      set += named.set;
      at = named.end;
      continue;
    }
    const first = bracketByte(pattern, at, start);
    at = first.end;
    if (pattern[at] !== '-' || pattern[at + 1] === ']' || at + 1 >= pattern.length) {
      set += escapeByte(first.byte);
      continue;
    }
    const last = bracketByte(pattern, at + 1, start);
    at = last.end;
    const [low, high] = first.byte <= last.byte ? [first.byte, last.byte] : [last.byte, first.byte];
    set += `${escapeByte(low)}-${escapeByte(high)}`;
  }
  if (set === '') return { source: negated ? '[^]' : '[]', end: at + 1 };
  return { source: `[${negated ? '^' : ''}${set}]`, end: at + 1 };
}

/** `*` or `**` at `at`. A `**` that is a whole path component crosses slashes. */
function star(pattern: string, at: number): { token: GlobToken; end: number } {
  let end = at;
  while (pattern[end] === '*') end += 1;
  const opens = at === 0 || pattern[at - 1] === '/';
  const next = pattern[end];
  if (end - at !== 2 || !opens || (next !== undefined && next !== '/'))
    return { token: { kind: 'star' }, end };
  // Collapses with the following slash, so that `a/**/b` also matches `a/b`; at the end something must follow.
  if (next === '/') return { token: { kind: 'directories' }, end: end + 1 };
  return { token: { kind: 'anything' }, end };
}

/** The token at `at` and where it ends. */
function token(pattern: string, at: number): { token: GlobToken; end: number } {
  const byte = pattern[at]!;
  if (byte === '*') return star(pattern, at);
  if (byte === '[') {
    const { source, end } = bracket(pattern, at);
    return { token: { kind: 'one', source }, end };
  }
  if (byte !== '\\')
    return { token: { kind: 'one', source: byte === '?' ? '[^/]' : escapeByte(byte) }, end: at + 1 };
  const next = pattern[at + 1];
  if (next === undefined) throw bad('trailing backslash in pattern');
  return { token: { kind: 'one', source: escapeByte(next) }, end: at + 2 };
}

/** The steps of a glob. Throws BACKUP_PATTERN. */
export function parseGlob(pattern: string): GlobToken[] {
  if (pattern === '') throw bad('empty pattern');
  if (pattern.includes('\0')) throw bad('NUL byte in pattern');
  const tokens: GlobToken[] = [];
  for (let at = 0; at < pattern.length; ) {
    const found = token(pattern, at);
    tokens.push(found.token);
    at = found.end;
  }
  return tokens;
}
