import test from 'ava';
import fc from 'fast-check';
import { quoteWord, readLine, splitWords } from '../../src/restore/shell/words.js';

test('words are taken apart as a POSIX shell does', (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['  ls  ', ['ls']],
    ['cd "a b"', ['cd', 'a b']],
    ["cd 'a \"b'", ['cd', 'a "b']],
    ["a\\ b\\'c", ["a b'c"]],
    ['"a\\"b\\\\c\\d"', ['a"b\\c\\d']],
    ["'a\\b'", ['a\\b']],
    ['a""b \'\'', ['ab', '']],
    ['a\tb\\', ['a', 'b']],
  ];
  for (const [line, words] of cases) t.deepEqual(splitWords(line), words, line);
  t.throws(() => splitWords('cd "a'), { code: 'RESTORE_SHELL', message: 'no closing "' });
});

test('the word that is being typed is known', (t) => {
  t.is(readLine('ls ').open, undefined);
  t.like(readLine('ls a\\ b').open, { start: 3, text: 'a b' });
  t.is(readLine("ls 'a b").quote, "'");
});

test('every word can be typed', (t) => {
  const word = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      t.deepEqual(splitWords(words.map(quoteWord).join(' ')), words);
    }),
  );
  t.pass();
});
