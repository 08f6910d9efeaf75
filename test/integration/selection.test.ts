/** What a backup leaves out: patterns, exclude files, markers, sizes, limits (cli.md §8). */
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { restatOk } from '../support/cli.js';
import { assembled } from '../support/streams.js';
import { type World, withWorld } from '../support/world.js';

/** Makes files with their parents; a path that ends in a slash is a directory. */
function make(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path.endsWith('/') ? path : dirname(path)), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(join(root, path), text);
  }
}

/** Paths in the newest snapshot, without the root. */
async function stored({ store }: World): Promise<string[]> {
  const { stdout } = await restatOk([
    'snapshot',
    'list',
    'host/t',
    '--repository',
    store,
    '--output-format',
    'json',
  ]);
  const time = /"backup-time":(\d+)/.exec(stdout)![1]!;
  const name = `host/t/${new Date(Number(time) * 1000).toISOString().slice(0, -5)}Z`;
  const dump = await restatOk(['catalog', 'dump', name, '--repository', store]);
  return [...dump.stdout.matchAll(/^\w "\.\/root\.mpxar\.didx\/(.*)"/gm)].map((match) => match[1]!);
}

const ROWS = {
  '/a.tmp': 'a.tmp',
  '/d/a.tmp': 'd/a.tmp',
  '/d/keep.tmp': 'd/keep.tmp',
  '/d/cache/': 'd/cache/in',
  '/x/cache': 'x/cache',
};

/** cli.md §8.3: what each list of patterns leaves out. */
const TABLE: readonly (readonly [readonly string[], readonly (keyof typeof ROWS)[]])[] = [
  [['*.tmp'], ['/a.tmp', '/d/a.tmp', '/d/keep.tmp']],
  [['/*.tmp'], ['/a.tmp']],
  [
    ['*.tmp', '!keep.tmp'],
    ['/a.tmp', '/d/a.tmp'],
  ],
  [
    ['!keep.tmp', '*.tmp'],
    ['/a.tmp', '/d/a.tmp', '/d/keep.tmp'],
  ],
  [['cache/'], ['/d/cache/']],
  [['d/*'], ['/d/a.tmp', '/d/keep.tmp', '/d/cache/']],
  [['/d/**'], ['/d/a.tmp', '/d/keep.tmp', '/d/cache/']],
];

for (const [patterns, excluded] of TABLE) {
  test(`--exclude ${patterns.join(' ')} leaves out what the table says`, async (t) => {
    await withWorld(async (world) => {
      make(world.source, Object.fromEntries(Object.values(ROWS).map((path) => [path, path])));
      t.is((await world.backup(patterns.map((pattern) => `--exclude=${pattern}`))).code, 0);
      const found = await stored(world);
      for (const [row, path] of Object.entries(ROWS)) {
        t.is(found.includes(path), !excluded.some((each) => each === row), row);
      }
      const text = JSON.stringify({ 'exclude-patterns': `${patterns.join('\n')}\n` });
      t.true((await assembled(world.store, 'host/t', 'root.mpxar.didx')).includes(text));
    });
  });
}

test('a .pxarexclude file holds for its directory and below, and deeper ones and later lines win', async (t) => {
  await withWorld(async (world) => {
    make(world.source, {
      '.pxarexclude': '*.tmp\n  # comment\n\n  spaced  \n/anchored\n!keep.tmp\n[a\nsecret/\n',
      anchored: '',
      spaced: '',
      'x.tmp': '',
      'keep.tmp': '',
      secret: 'a file, not a directory',
      'sub/secret/in': '',
      'sub/anchored': '',
      'sub/.pxarexclude': 'keep.tmp\n!/x.tmp\n',
      'sub/x.tmp': '',
      'sub/keep.tmp': '',
      'sub/deeper/x.tmp': '',
      'we[i]rd/.pxarexclude': '/anchored\n',
      'we[i]rd/anchored': '',
      'weird/anchored': '',
      'z/keep.tmp': '',
    });
    const result = await world.backup();
    t.is(result.code, 0, 'a bad pattern is no missing file');
    t.regex(result.stderr, /"\/\.pxarexclude".*\[a/);
    t.deepEqual(await stored(world), [
      '.pxarexclude',
      'keep.tmp',
      'secret',
      'sub',
      'sub/.pxarexclude',
      'sub/anchored',
      'sub/deeper',
      'sub/x.tmp',
      'we[i]rd',
      'we[i]rd/.pxarexclude',
      'weird',
      'weird/anchored',
      'z',
      'z/keep.tmp',
    ]);
  });
});

test('an exclude file overrides the command line, and patterns may come from a file', async (t) => {
  await withWorld(async (world) => {
    make(world.source, { '.pxarexclude': '!wanted.o\n', 'wanted.o': '', 'other.o': '', 'a.log': '', b: '' });
    const patterns = join(world.directory, 'patterns');
    writeFileSync(patterns, '# logs\n*.log\n\n');
    t.is((await world.backup(['--exclude=*.o', '--exclude-from', patterns, '--exclude='])).code, 0);
    t.deepEqual(await stored(world), ['.pxarexclude', 'b', 'wanted.o']);
  });
});

test('directories with a cache tag or a marker keep only the marker', async (t) => {
  await withWorld(async (world) => {
    make(world.source, {
      'cache/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\nmore',
      'cache/big': '',
      'cache/sub/in': '',
      'no-cache/CACHEDIR.TAG': 'Signature: something else',
      'no-cache/in': '',
      'marked/.nobackup': '',
      'marked/in': '',
      'headed/.mark': 'yes, this',
      'headed/in': '',
      'other/.mark': 'no',
      'other/in': '',
    });
    const options = [
      '--exclude-caches',
      '--exclude-if-present',
      '.nobackup',
      '--exclude-if-present',
      '.mark:yes',
    ];
    t.is((await world.backup(options)).code, 0);
    t.deepEqual(await stored(world), [
      'cache',
      'cache/CACHEDIR.TAG',
      'headed',
      'headed/.mark',
      'marked',
      'marked/.nobackup',
      'no-cache',
      'no-cache/CACHEDIR.TAG',
      'no-cache/in',
      'other',
      'other/.mark',
      'other/in',
    ]);
  });
});

test('regular files above a size are left out, and nothing else', async (t) => {
  await withWorld(async (world) => {
    make(world.source, { equal: '12345', larger: '123456', huge: '', 'dir/': '' });
    truncateSync(join(world.source, 'huge'), 10_000_000);
    symlinkSync('a target longer than five', join(world.source, 'link'));
    t.is((await world.backup(['--exclude-larger-than', '5'])).code, 0);
    t.deepEqual(await stored(world), ['dir', 'equal', 'link']);
  });
});

test('lost+found is left out on request', async (t) => {
  await withWorld(async (world) => {
    make(world.source, { 'lost+found/x': '', 'sub/lost+found/x': '', a: '' });
    t.is((await world.backup(['--skip-lost-and-found'])).code, 0);
    t.deepEqual(await stored(world), ['a', 'sub']);
  });
});

test('more entries along one path than allowed end the backup, and nothing remains', async (t) => {
  await withWorld(async (world) => {
    make(world.source, { 'a/b/c': '', 'a/b/d': '', 'a/e': '', f: '' });
    // Along a/b: a, f in the root, b, e in a, c, d in a/b.
    t.is((await world.backup(['--entries-max', '6'])).code, 0);
    t.deepEqual((await stored(world)).length, 6);
    const result = await world.backup(['--entries-max', '5'], { clockOffset: 3600 });
    t.is(result.code, 1);
    t.regex(result.stderr, /entries/);
    t.is((await readdir(join(world.store, 'host/t'))).filter((name) => name !== 'owner').length, 1);
  });
});

test('a file whose first name is excluded is stored under its second', async (t) => {
  await withWorld(async (world) => {
    make(world.source, { 'a.tmp': 'content' });
    linkSync(join(world.source, 'a.tmp'), join(world.source, 'b'));
    linkSync(join(world.source, 'a.tmp'), join(world.source, 'c'));
    t.is((await world.backup(['--exclude=*.tmp'])).code, 0);
    t.deepEqual(await stored(world), ['b', 'c']);
    const { stdout } = await restatOk([
      'restore',
      'host/t',
      'root.pxar',
      world.target,
      '--repository',
      world.store,
    ]);
    t.is(stdout, '');
    t.deepEqual(await readdir(world.target), ['b', 'c']);
  });
});
