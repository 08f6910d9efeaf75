/** The glob language (cli.md §8.1). */
import test from 'ava';
import fc from 'fast-check';
import { BackupError } from '../../src/backup/errors.js';
import { parseGlob } from '../../src/backup/glob.js';
import { compileGlob } from '../../src/backup/glob-matcher.js';

function matches(glob: string, text: string): boolean {
  return compileGlob(glob, true)(text);
}

/** Glob, texts that match, texts that do not. */
const ROWS: readonly (readonly [glob: string, yes: readonly string[], no: readonly string[]])[] = [
  ['?', ['a', '\xff', '\n'], ['', '/', 'ab']],
  ['*', ['', 'abc', '.x', '\n'], ['/', 'a/b']],
  ['a*c', ['ac', 'abc', 'aXYc'], ['a/c', 'abcd']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb', 'x/a/b']],
  ['**/x', ['x', 'a/x', '/x', 'a/b/x'], ['ax', 'x/a']],
  ['a/**', ['a/b', 'a/b/c', 'a/'], ['a', 'b/a']],
  ['**', ['', 'a', 'a/b'], []],
  ['a**', ['a', 'abc'], ['a/b']],
  ['**b', ['b', 'ab'], ['a/b']],
  ['a/b**/c', ['a/b/c', 'a/bx/c'], ['a/b/x/c']],
  ['***', ['abc'], ['a/b']],
  ['[abc]', ['a', 'b', 'c'], ['', 'd', 'ab']],
  ['[a-c]', ['a', 'b', 'c'], ['d', '-']],
  ['[c-a]', ['a', 'b', 'c'], ['d', '-']],
  ['[-a]', ['-', 'a'], ['b']],
  ['[a-]', ['-', 'a'], ['b']],
  ['[/]', ['/'], ['a']],
  ['[^abc]', ['d', '/', '^'], ['a', '']],
  ['[!a]', ['!', 'a'], ['b', '']],
  ['[[:alpha:]]', ['a', 'Z'], ['1', '\xe4']],
  ['[[:digit:]x]', ['0', '9', 'x'], ['a']],
  ['[^[:space:]]', ['a'], [' ', '\t', '\n']],
  ['[[:punct:]]', ['!', '/', '~'], ['a', ' ']],
  ['[[:xdigit:]]', ['0', 'f', 'F'], ['g']],
  ['[[:cntrl:]]', ['\x00', '\x7f'], [' ']],
  ['\\*', ['*'], ['a', '\\*']],
  ['\\a', ['a'], ['\\a']],
  ['[\\]]', [']'], ['\\']],
  ['[\\^a]', ['^', 'a'], ['b']],
  ['[]', [], ['', ']', '[]']],
  ['[]a]', [], [']', 'a', 'a]']],
  ['[^]', ['a', '/', ']'], ['']],
  ['a.b+(c)|{d}$^', ['a.b+(c)|{d}$^'], ['axb+(c)|{d}$^', 'a.bb']],
  ['\xe4', ['\xe4'], ['\xc4']],
  ['A', ['A'], ['a']],
];

for (const [glob, yes, no] of ROWS) {
  test(`the glob ${JSON.stringify(glob)} matches what it says and nothing else`, (t) => {
    for (const text of yes) t.true(matches(glob, text), JSON.stringify(text));
    for (const text of no) t.false(matches(glob, text), JSON.stringify(text));
  });
}

test('bad globs are refused with the place', (t) => {
  const refused = (glob: string, message: RegExp) =>
    t.throws(() => parseGlob(glob), { instanceOf: BackupError, code: 'BACKUP_PATTERN', message }, glob);
  refused('', /^empty pattern$/);
  refused('a\0', /NUL byte/);
  refused('a\\', /^trailing backslash in pattern$/);
  refused('a[[:nope:]]', /^malformed named character class in pattern, starting at byte 1$/);
  refused('[[:alpha', /^malformed named character class in pattern, starting at byte 0$/);
  for (const glob of ['ab[', 'ab[^', 'ab[x', 'ab[x-', 'ab[\\'])
    refused(glob, /^unclosed character class in pattern, starting at byte 2$/);
});

type Token =
  | { readonly kind: 'byte'; readonly byte: string }
  | { readonly kind: 'any' | 'star' | 'stars' }
  | { readonly kind: 'set'; readonly members: string; readonly negated: boolean };

/** The same language by trying everything, written without regular expressions. */
function naive(tokens: readonly Token[], text: string): boolean {
  const [token, ...rest] = tokens;
  if (token === undefined) return text === '';
  if (token.kind === 'star' || token.kind === 'stars') {
    for (let end = 0; end <= text.length; end += 1) {
      const skipped = text.slice(0, end);
      if (token.kind === 'star' && skipped.includes('/')) return false;
      if (token.kind === 'stars' && rest.length > 0 && skipped !== '' && !skipped.endsWith('/')) continue;
      if (naive(rest, text.slice(end))) return true;
    }
    return false;
  }
  const byte = text[0];
  if (byte === undefined) return false;
  if (token.kind === 'any' && byte === '/') return false;
  if (token.kind === 'byte' && byte !== token.byte) return false;
  if (token.kind === 'set' && token.members.includes(byte) === token.negated) return false;
  return naive(rest, text.slice(1));
}

function textOf(tokens: readonly Token[]): string {
  return tokens
    .map((token, i) => {
      if (token.kind === 'any') return '?';
      if (token.kind === 'star') return '*';
      if (token.kind === 'byte') return /[*?[\]\\]/.test(token.byte) ? `\\${token.byte}` : token.byte;
      if (token.kind === 'set') return `[${token.negated ? '^' : ''}${token.members}]`;
      return i < tokens.length - 1 ? '**/' : '**';
    })
    .join('');
}

const byte = fc.constantFrom('a', 'b', '/', '*', '?', '.', '[');
const part: fc.Arbitrary<Token> = fc.oneof(
  byte.map((b): Token => ({ kind: 'byte', byte: b })),
  fc.constantFrom<Token>({ kind: 'any' }, { kind: 'star' }),
  fc.record({
    kind: fc.constant('set' as const),
    members: fc.constantFrom('a', 'ab', 'b/', '.'),
    negated: fc.boolean(),
  }),
);

/** No two stars side by side, and `**` only as a component of its own. */
function isPlain(tokens: readonly Token[]): boolean {
  return tokens.every((token, i) => {
    const before = tokens[i - 1];
    if (token.kind === 'star') return before?.kind !== 'star';
    if (token.kind !== 'stars') return true;
    return before === undefined || (before.kind === 'byte' && before.byte === '/') || before.kind === 'stars';
  });
}

test('matching agrees with trying everything', (t) => {
  const tokens = fc
    .array(fc.oneof({ weight: 6, arbitrary: part }, fc.constant<Token>({ kind: 'stars' })), {
      minLength: 1,
      maxLength: 6,
    })
    .filter(isPlain);
  const text = fc.array(byte, { maxLength: 8 }).map((bytes) => bytes.join(''));
  fc.assert(
    fc.property(tokens, text, (list, path) => {
      t.is(matches(textOf(list), path), naive(list, path), `${textOf(list)} on ${path}`);
    }),
    { numRuns: 2000 },
  );
});

test('any text is a glob or a pattern error', (t) => {
  const latin1 = fc
    .array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 })
    .map((codes) => String.fromCharCode(...codes));
  const nasty = fc.array(fc.constantFrom('[', ']', '^', '-', ':', '*', '/', '\\', 'a', '[:', ':]', 'alpha'), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        latin1,
        nasty.map((parts) => parts.join('')),
      ),
      latin1,
      (glob, path) => {
        try {
          t.is(typeof matches(glob, path), 'boolean');
        } catch (error) {
          t.true(
            error instanceof BackupError && error.code === 'BACKUP_PATTERN',
            `${JSON.stringify(glob)}: ${error}`,
          );
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a pattern with many stars takes no longer than a short one', (t) => {
  const matches = compileGlob('*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b', false);
  t.false(matches(`/${'a'.repeat(4000)}`));
  t.true(matches(`/dir/${'a'.repeat(4000)}b`));
  t.false(compileGlob('**/**/**/**/**/**/x/**/y', true)(`${'x/'.repeat(2000)}z`));
});
