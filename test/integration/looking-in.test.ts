/** `ls`, `cat` and `find`: what is in archives, without restoring them. */
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { type RunResult, restat, restatOk } from '../support/cli.js';
import { goldenJson, plainSnapshots, withGoldenStore } from '../support/golden-store.js';
import { noise } from '../support/sample-tree.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { type World, withWorld } from '../support/world.js';

const BIG = noise('big', 9 * 1024 * 1024 + 1);
const TIME = 1_600_000_000;

function makeTree(source: string): void {
  mkdirSync(join(source, 'a/b'), { recursive: true });
  writeFileSync(join(source, 'a/b/file.txt'), 'hello\n', { mode: 0o644 });
  writeFileSync(join(source, 'a/empty'), '');
  writeFileSync(join(source, 'big.bin'), BIG);
  linkSync(join(source, 'a/b/file.txt'), join(source, 'later'));
  const links = {
    absolute: '/a/b',
    relative: 'a/b/../b/file.txt',
    above: '../../../a/b/file.txt',
    broken: 'nowhere',
    loop: 'loop',
    'a/up': '..',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(source, name));
  utimesSync(join(source, 'a/b/file.txt'), TIME, TIME);
}

/** A world with one snapshot of the tree. */
function withTree(use: (world: World) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    makeTree(world.source);
    await world.backup();
    await use(world);
  });
}

function ask(store: string, ...words: readonly string[]): Promise<RunResult> {
  return restat([...words, '--repository', store]);
}

function names(stdout: string): string[] {
  return stdout.split('\n').slice(0, -1);
}

test('ls lists a directory, and follows links inside the archive', (t) =>
  withTree(async ({ store }) => {
    const ls = async (...words: string[]): Promise<string[]> =>
      names((await restatOk(['ls', 'host/t', 'root.pxar', ...words, '--repository', store])).stdout);
    const root = ['a', 'above', 'absolute', 'big.bin', 'broken', 'later', 'loop', 'relative'];
    t.deepEqual(await ls(), root);
    t.deepEqual(await ls('/'), root);
    t.deepEqual(await ls('../..'), root);
    t.deepEqual(await ls('a/up'), root);
    t.deepEqual(await ls('a//./b/'), ['file.txt']);
    t.deepEqual(await ls('absolute'), ['file.txt']);
    t.deepEqual(await ls('relative'), ['file.txt']);
    t.deepEqual(await ls('a/up/absolute/file.txt', '--long'), [
      '-rw-r--r-- 0:0 6 2020-09-13T12:26:40Z file.txt',
    ]);
    t.deepEqual(await ls('a/empty', '--output-format', 'json-pretty').then((lines) => lines[0]), '[');
  }));

test('ls says of each entry what it is', (t) =>
  withTree(async ({ store }) => {
    const { stdout } = await ask(store, 'ls', 'host/t', 'root.pxar', '--output-format', 'json');
    const rows = z
      .array(z.object({ name: z.string(), type: z.string(), size: z.number().optional() }).loose())
      .parse(JSON.parse(stdout));
    const found = Object.fromEntries(rows.map((row) => [row.name, row]));
    t.like(found['later'], { type: 'h', size: 6, mtime: TIME });
    t.like(found['big.bin'], { type: 'f', size: BIG.length });
    t.like(found['absolute'], { type: 'l', target: '/a/b' });
    t.like(found['a'], { type: 'd', size: undefined });
  }));

test('cat writes a file, whatever way leads to it', (t) =>
  withTree(async ({ store }) => {
    for (const path of ['a/b/file.txt', 'later', 'relative', 'above', 'a/up/absolute/file.txt'])
      t.is((await restatOk(['cat', 'host/t', 'root.pxar', path, '--repository', store])).stdout, 'hello\n');
    t.is((await restatOk(['cat', 'host/t', 'root.pxar', 'a/empty', '--repository', store])).stdout, '');
    const wrong = {
      a: 'not a regular file',
      absolute: 'not a regular file',
      broken: 'not found',
      loop: 'too many symbolic links',
      'later/x': 'not a directory',
      'a/nothing': 'not found',
    };
    for (const [path, problem] of Object.entries(wrong)) {
      const { code, stderr } = await ask(store, 'cat', 'host/t', 'root.pxar', path);
      t.is(stderr, `Error: '${path}': ${problem}\n`);
      t.is(code, 1);
    }
  }));

test('cat writes nothing of a chunk that is damaged', (t) =>
  withTree(async ({ store }) => {
    const snapshot = new StoredSnapshot(store);
    const chunks = snapshot.chunkFiles('root.ppxar.didx');
    t.true(chunks.length > 2);
    rmSync(chunks.at(-2)!);
    const { code, stdout, stderr } = await ask(store, 'cat', 'host/t', 'root.pxar', 'big.bin');
    t.is(code, 1);
    t.regex(stderr, /chunk/);
    t.true(BIG.toString('utf8').startsWith(stdout.slice(0, 1000)));
  }));

test('find looks into all snapshots, and passes over those that are damaged', (t) =>
  withTree(async (world) => {
    const { store, source } = world;
    writeFileSync(join(source, 'second.txt'), 'two');
    utimesSync(join(source, 'second.txt'), TIME, TIME);
    await world.backup([], { clockOffset: 3600 });
    const both = await restatOk(['find', '*.txt', '!second*', '--repository', store]);
    const lines = names(both.stdout);
    t.is(lines.length, 2);
    for (const line of lines)
      t.regex(line, /^host\/t\/\S+ root\.pxar f 6 2020-09-13T12:26:40Z \/a\/b\/file\.txt$/);
    t.is(names((await ask(store, 'find', '/second.txt')).stdout).length, 1);
    t.is((await ask(store, 'find', 'second.txt', '--group', 'host/other')).stdout, '');
    t.is((await ask(store, 'find', 'second.txt', '--archive', 'other.pxar')).stdout, '');
    const json = await ask(store, 'find', 'later', 'b', '--output-format', 'json');
    const rows = z.array(z.object({ path: z.string(), type: z.string() })).parse(JSON.parse(json.stdout));
    t.deepEqual(rows.map(({ path, type }) => `${type} ${path}`).sort(), [
      'd /a/b',
      'd /a/b',
      'h /later',
      'h /later',
    ]);
    rmSync(new StoredSnapshot(store).path('root.mpxar.didx'));
    const left = await ask(store, 'find', 'file.txt');
    t.is(left.code, 3);
    t.is(names(left.stdout).length, 1);
    t.regex(left.stderr, /^Warning: host\/t\/\S+ root\.pxar: .*root\.mpxar\.didx/);
  }));

const LISTING = z.object({
  entries: z.array(
    z.object({ text: z.string().optional(), type: z.string(), sha256: z.string().optional() }),
  ),
});

for (const [kind, stream] of [
  ['single', 'root.pxar'],
  ['split', 'root.mpxar'],
] as const)
  test(`cat reads ${kind} archives of the reference client`, (t) =>
    withGoldenStore(async (store) => {
      const wanted = plainSnapshots().find(
        ({ snapshot, files }) => snapshot.startsWith('host/alpha/') && files.includes(`${stream}.didx`),
      )!;
      const { entries } = goldenJson(`${wanted.directory}/${stream}.listing.json`, LISTING);
      const files = entries
        .filter(({ type }) => type === 'file')
        .flatMap(({ text, sha256 }) => (text === undefined || sha256 === undefined ? [] : [{ text, sha256 }]))
        .slice(0, 6);
      t.is(files.length, 6);
      for (const { text, sha256 } of files) {
        const { stdout } = await restatOk(
          ['cat', wanted.snapshot, 'root.pxar', text, '--repository', store],
          { encoding: 'latin1' },
        );
        t.is(createHash('sha256').update(stdout, 'latin1').digest('hex'), sha256, text);
      }
    }));
