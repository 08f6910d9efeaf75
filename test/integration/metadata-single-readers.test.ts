/** Every command that looks into an archive finds in one of version 3 what is in the tree. */
import { linkSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type RunResult, restat, restatOk } from '../support/cli.js';
import { exported, inTar, untar, unzip } from '../support/exported.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { readSingle } from '../support/single-archive.js';
import { restoredDifferences, singleRun } from '../support/single-run.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const TREE = { directories: 6, filesEach: 10, size: 9000 };
const MIB = 1024 * 1024;

/** The third generation of a tree: contents in the tree, from the first run and from the second. */
function withThird(use: (world: World, snapshot: string) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    const at = (path: string): string => join(world.source, path);
    makeSampleTree(world.source, TREE);
    writeFileSync(at('large'), noise('large', MIB));
    writeFileSync(at('empty'), '');
    symlinkSync('nowhere', at('link'));
    linkSync(at('d02/f003'), at('zz-second'));
    await singleRun(world, 1);
    writeFileSync(at('d03/of-the-second'), noise('second', MIB));
    await singleRun(world, 2);
    rmSync(at('d04'), { recursive: true });
    writeFileSync(at('d05/f000'), 'of the third');
    const { summary } = await singleRun(world, 3);
    await use(world, summary.snapshot);
  });
}

/** Runs a command on root.pxar of the newest snapshot. */
function look({ store }: World, command: string, ...words: string[]): Promise<RunResult> {
  return restatOk([command, 'host/t', 'root.pxar', ...words, '--repository', store], { encoding: 'latin1' });
}

function linesOf({ stdout }: RunResult): string[] {
  return stdout.split('\n').slice(0, -1);
}

/** Paths of the live tree, each with a slash before it. */
function livePaths({ source }: World): string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).map((path) => `/${path}`);
}

async function listAndPrint(t: ExecutionContext, world: World): Promise<void> {
  for (const path of ['', 'd02', 'd03']) {
    const listed = linesOf(await look(world, 'ls', `/${path}`));
    t.deepEqual(listed, readdirSync(join(world.source, path)).sort(), path);
  }
  for (const path of ['d01/f003', 'd03/of-the-second', 'd05/f000', 'large', 'empty', 'zz-second']) {
    const { stdout } = await look(world, 'cat', path);
    t.true(Buffer.from(stdout, 'latin1').equals(readFileSync(join(world.source, path))), path);
  }
}

whole('ls, cat, find and diff find each file and its content', (t) =>
  withThird(async (world, snapshot) => {
    const { version, entries } = await readSingle(world.store, 'host/t');
    t.is(version, 3);
    t.is(entries.find(({ path }) => path === '/d05/f000')?.isReference, false);
    t.is(entries.find(({ path }) => path === '/d03/of-the-second')?.isReference, true);
    await listAndPrint(t, world);
    const where = ['--repository', world.store];
    const found = await restatOk(['find', 'f003', 'of-*', '--group', 'host/t', ...where]);
    const inThis = linesOf(found).filter((line) => line.includes(snapshot));
    const wanted = livePaths(world).filter((path) => /\/(?:f003|of-the-second)$/.test(path));
    t.deepEqual(inThis.map((line) => line.slice(line.indexOf('/d'))).sort(), wanted.sort());
    const same = await restat(['diff', 'host/t', world.source, '--content', ...where]);
    t.deepEqual([same.code, same.stdout], [0, ''], same.stderr);
    writeFileSync(join(world.source, 'd01/f003'), noise('other', 9004));
    const other = await restat(['diff', 'host/t', world.source, '--content', ...where]);
    t.is(linesOf(other).length, 1, other.stdout);
    t.regex(other.stdout, /d01\/f003/);
  }),
);

test('catalog dump says of a version 2 catalog what it says of one of version 1', (t) =>
  withThird(async (world, snapshot) => {
    const dump = (name: string): Promise<RunResult> =>
      restatOk(['catalog', 'dump', name, '--repository', world.store]);
    const mode = ['--change-detection-mode', 'legacy'];
    const legacy = await singleRun(world, 4, mode);
    const lines = linesOf(await dump(snapshot));
    t.deepEqual(lines, linesOf(await dump(legacy.summary.snapshot)));
    t.is(lines.length, livePaths(world).length + 1);
  }));

whole('tar and zip archives hold the live tree', (t) =>
  withThird(async (world) => {
    const { directory, source } = world;
    const live = await scanTree(source);
    const [tar, zip] = [join(directory, 'from-tar'), join(directory, 'from-zip')];
    await untar(await exported(world, 'tar'), tar);
    t.deepEqual(differences(live.map(inTar), (await scanTree(tar)).map(inTar)), []);
    await unzip(await exported(world, 'zip'), zip);
    const contents = (entries: typeof live) =>
      entries.map(({ path, sha256, target }) => [path, sha256, target]);
    t.deepEqual(contents(await scanTree(zip)), contents(live));
  }),
);

test('patterns select from both parts of the archive', (t) =>
  withThird(async (world) => {
    const { source, target, store } = world;
    const patterns = ['--pattern', '/d03', '--pattern', '/zz-second', '--pattern', '/d05/f00[01]'];
    await restatOk(['restore', 'host/t', 'root.pxar', target, ...patterns, '--repository', store]);
    const paths = readdirSync(target, { recursive: true, encoding: 'utf8' }).sort();
    const below = readdirSync(join(source, 'd03')).map((name) => `d03/${name}`);
    // The first name of zz-second, which stands before its content, is not selected.
    t.deepEqual(paths, ['d03', 'd05', 'd05/f000', 'd05/f001', 'zz-second', ...below].sort());
    for (const path of ['d05/f000', 'd05/f001', 'zz-second', ...below])
      t.true(readFileSync(join(target, path)).equals(readFileSync(join(source, path))), path);
    t.deepEqual(await restoredDifferences(world), []);
  }));

test('the catalog shell lists and restores', (t) =>
  withThird(async (world) => {
    const { directory, source, store } = world;
    const script = join(directory, 'script');
    const lines = ['cd d03', 'ls', 'select of-the-second', 'select /zz-second', 'select /d05/f000'];
    writeFileSync(script, [...lines, `restore-selected ${directory}/some`, ''].join('\n'));
    const { stdout, code, stderr } = await restat(
      ['catalog', 'shell', 'host/t', 'root.pxar', '--repository', store],
      { wrapper: ['sh', '-c', `exec "$0" "$@" < '${script}'`] },
    );
    t.is(code, 0, stderr);
    t.deepEqual(
      linesOf({ stdout, code, stderr, signal: null }).slice(0, 11),
      readdirSync(join(source, 'd03')).sort(),
    );
    for (const path of ['d03/of-the-second', 'zz-second', 'd05/f000'])
      t.true(readFileSync(join(directory, 'some', path)).equals(readFileSync(join(source, path))), path);
  }));
