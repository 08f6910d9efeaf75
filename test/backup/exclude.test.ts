/** Exclude lists: what patterns say of paths, and the lines of .pxarexclude (cli.md §8.2, §8.3). */
import test from 'ava';
import { BackupError } from '../../src/backup/errors.js';
import { parseExcludeFile, parseExcludes } from '../../src/backup/exclude.js';
import { type MatchEntry, matchPath, normalisePattern, patternLines } from '../../src/backup/match-list.js';

function excluded(list: readonly MatchEntry[], path: string, kind: 'directory' | 'other' = 'other'): boolean {
  return matchPath(list, path, kind) === 'exclude';
}

const COLUMNS = [
  ['/a.tmp', 'other'],
  ['/d/a.tmp', 'other'],
  ['/d/keep.tmp', 'other'],
  ['/d/cache', 'directory'],
  ['/x/cache', 'other'],
] as const;

/** The table of cli.md §8.3: x is excluded. */
const ROWS: readonly (readonly [patterns: readonly string[], excluded: string])[] = [
  [['*.tmp'], 'xxx--'],
  [['/*.tmp'], 'x----'],
  [['*.tmp', '!keep.tmp'], 'xx---'],
  [['!keep.tmp', '*.tmp'], 'xxx--'],
  [['cache/'], '---x-'],
  [['d/*'], '-xxx-'],
  [['/d/**'], '-xxx-'],
];

for (const [patterns, expected] of ROWS) {
  test(`the patterns ${patterns.join(', ')} exclude what the specification's table says`, (t) => {
    const list = parseExcludes(patterns);
    t.is(COLUMNS.map(([path, kind]) => (excluded(list, path, kind) ? 'x' : '-')).join(''), expected);
  });
}

test('a pattern matches the whole path or any suffix behind a slash', (t) => {
  for (const pattern of ['fstab', 'etc/fstab', '/etc/fstab', '**/fstab', '*tab'])
    t.true(excluded(parseExcludes([pattern]), '/etc/fstab'), pattern);
  for (const pattern of ['tab', '/fstab', 'tc/fstab', 'etc'])
    t.false(excluded(parseExcludes([pattern]), '/etc/fstab'), pattern);
});

test('a pattern for directories asks for the kind where it is not known', (t) => {
  const list = parseExcludes(['*.log', 'cache/']);
  t.is(matchPath(list, '/cache', 'unknown'), 'unknown');
  t.is(matchPath(list, '/cache', 'directory'), 'exclude');
  t.is(matchPath(list, '/cache', 'other'), undefined);
  t.is(matchPath(list, '/a.log', 'unknown'), 'exclude');
});

test('an empty pattern excludes nothing, a bad one is an error', (t) => {
  t.deepEqual(parseExcludes(['']), []);
  t.throws(() => parseExcludes(['[[:nope:]]']), { instanceOf: BackupError, code: 'BACKUP_PATTERN' });
  t.throws(() => parseExcludes(['!']), { instanceOf: BackupError, code: 'BACKUP_PATTERN' });
});

test('patterns are cleaned lexically', (t) => {
  for (const [text, clean] of [
    ['a//b', 'a/b'],
    ['./a', 'a'],
    ['a/./b/', 'a/b/'],
    ['/a/../b', '/b'],
    ['../a', 'a'],
    ['!/a//b//', '!/a/b/'],
    ['/', '/'],
    ['', ''],
  ] as const) {
    t.is(normalisePattern(text), clean, text);
  }
});

test('lists are kept as lines of text', (t) => {
  const list = parseExcludes(['*.tmp', '!x//', 'cache/', '/']);
  t.is(patternLines(list), '*.tmp\n!x/\ncache/\n/\n');
});

test('lines of .pxarexclude hold from their directory on', (t) => {
  const text = '# comment\n\n  *.o \t\n/anchored\n!/kept\n!also\r\nsub/x\n[bad\n';
  const { entries, bad } = parseExcludeFile(text, '/d');
  const list = [...parseExcludes(['also', '/d/kept']), ...entries];
  t.deepEqual(
    bad.map(({ pattern }) => pattern),
    ['[bad'],
  );
  for (const path of ['/d/x.o', '/d/e/y.o', '/d/anchored', '/d/sub/x', '/d/e/sub/x'])
    t.true(excluded(list, path), path);
  for (const path of ['/d/e/anchored', '/d/kept', '/d/also', '/d/comment'])
    t.false(excluded(list, path), path);
});

for (const directory of [
  '/we[i]rd',
  '/a*b',
  '/wh?',
  '/back\\slash',
  '/x/[[:alpha:]]/**',
  '/[unclosed',
  '/]',
]) {
  test(`anchored lines of a .pxarexclude in '${directory}' hold there and nowhere else`, (t) => {
    const { entries, bad } = parseExcludeFile('/x\n!/kept*\ny', directory);
    t.deepEqual(bad, []);
    const list = [...parseExcludes(['kept1']), ...entries];
    t.true(excluded(list, `${directory}/x`));
    t.true(excluded(list, `${directory}/below/y`));
    t.false(excluded(list, `${directory}/kept1`));
    for (const other of ['/weird', '/aXb', '/why', '/backslash', '/x/q/r', '/unclosed', ''])
      t.false(excluded(list, `${other}/x`), other);
  });
}

test('the last entry that matches decides, so deeper files override', (t) => {
  const upper = parseExcludeFile('!a\n*.o', '').entries;
  const deeper = parseExcludeFile('!a.o', '/d').entries;
  t.true(excluded(upper, '/d/a.o'));
  t.false(excluded([...upper, ...deeper], '/d/a.o'));
});
