/** `restore --format`: trees as tar and zip archives, unpacked by programs that others wrote. */
import { isUtf8 } from 'node:buffer';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { z } from 'zod';
import { restat, restatOk, startRestat } from '../support/cli.js';
import { type GoldenSnapshot, plainSnapshots, withGoldenStore } from '../support/golden-store.js';
import { noise } from '../support/sample-tree.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { buildTree, differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const run = promisify(execFile);
const TREE = fileURLToPath(new URL('../../../test/fixtures/trees/meta.json', import.meta.url));
const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
const whole = isRoot ? test : test.skip;
const UTF8 = { env: { ...process.env, LC_ALL: 'C.UTF-8' } };

const LAYOUTS = [
  ['split', []],
  ['single', ['--change-detection-mode', 'legacy']],
] as const;

/** Restores root.pxar of the newest snapshot in a format; the archive's path. */
async function exported(
  { directory, store }: World,
  format: string,
  ...more: readonly string[]
): Promise<string> {
  const path = join(directory, `out.${format}`);
  const args = ['restore', 'host/t', 'root.pxar', path, '--format', format, '--repository', store];
  await restatOk([...args, ...more]);
  return path;
}

/** Unpacks a tar archive with all that GNU tar can restore. */
async function untar(archive: string, target: string): Promise<string> {
  mkdirSync(target);
  const what = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner', '--same-owner', '-p'];
  return (await run('tar', [...what, '-xf', archive, '-C', target], UTF8)).stderr;
}

async function unzip(archive: string, target: string): Promise<void> {
  await run('unzip', ['-q', '-X', '-K', '-^', archive, '-d', target], UTF8);
}

/** What a tar archive can hold of an entry: attributes of files and directories only, no flags of file systems. */
function inTar({ flags: _flags, project: _project, ...entry }: TreeEntry): TreeEntry {
  if (entry.type === 'file' || entry.type === 'dir') return entry;
  const { xattrs: _xattrs, acl_access: _acl, ...rest } = entry;
  return rest;
}

function goldenTree(): TreeEntry[] {
  const { entries } = z.object({ entries: z.unknown() }).parse(JSON.parse(readFileSync(TREE, 'utf8')));
  return parseEntries(entries).filter(
    ({ path }) => !path.endsWith(Buffer.from('.pxarexclude').toString('hex')),
  );
}

for (const [layout, options] of LAYOUTS) {
  whole(`GNU tar makes the tree of a ${layout} archive as it was`, (t) =>
    withWorld(async (world) => {
      const { source, target, backup } = world;
      await buildTree(source, goldenTree());
      const before = await scanTree(source);
      t.is((await backup(options)).code, 0);
      await untar(await exported(world, 'tar'), target);
      const expected = before.filter(({ type }) => type !== 'socket').map(inTar);
      t.deepEqual(differences(expected, (await scanTree(target)).map(inTar)), []);
    }),
  );
}

/** One snapshot of each layout of each group. */
function goldenArchives(): GoldenSnapshot[] {
  const trees = plainSnapshots().filter(({ files }) => files.some((name) => /pxar\.didx$/.test(name)));
  const key = ({ snapshot, files }: GoldenSnapshot): string =>
    `${snapshot.slice(0, snapshot.lastIndexOf('/'))} ${files.includes('root.pxar.didx')}`;
  return [...new Map(trees.map((each) => [key(each), each])).values()];
}

whole('the tar archives of golden archives hold what their restore makes', (t) =>
  withGoldenStore(async (store, target) => {
    mkdirSync(target);
    const snapshots = goldenArchives();
    t.is(snapshots.length, 8);
    for (const [i, { snapshot, namespace }] of snapshots.entries()) {
      const [tree, tar, untarred] = ['tree', 'tar', 'untarred'].map((name) => join(target, `${name}${i}`));
      const restore = (to: string, ...more: string[]) =>
        restatOk(
          ['restore', snapshot, 'root.pxar', to, ...more, '--ns', namespace].concat('--repository', store),
        );
      await restore(tree!);
      await restore(tar!, '--format', 'tar');
      await untar(tar!, untarred!);
      const expected = (await scanTree(tree!)).filter(({ type }) => type !== 'socket').map(inTar);
      t.deepEqual(differences(expected, (await scanTree(untarred!)).map(inTar)), [], snapshot);
    }
  }),
);

test('attributes whose names have an equals sign come through', (t) =>
  withWorld(async (world) => {
    writeFileSync(join(world.source, 'file'), 'x');
    execFileSync('setfattr', ['-n', 'user.a=b%3D', '-v', '1=2\n', join(world.source, 'file')]);
    t.is((await world.backup()).code, 0);
    t.is(await untar(await exported(world, 'tar'), world.target), '');
    t.deepEqual(differences(await scanTree(world.source), await scanTree(world.target)), []);
  }));

const READ_TAR = `
import json, sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
    print(json.dumps([[m.name.encode("utf8", "surrogateescape").hex(), m.mtime, m.uid] for m in archive]))
`;

whole('another reader of pax archives finds names, times and owners as they were', (t) =>
  withWorld(async (world) => {
    await buildTree(world.source, goldenTree());
    t.is((await world.backup()).code, 0);
    const found = execFileSync('python3', ['-c', READ_TAR], {
      input: readFileSync(await exported(world, 'tar')),
      maxBuffer: 2 ** 26,
    });
    const rows = z.array(z.tuple([z.string(), z.number(), z.number()])).parse(JSON.parse(found.toString()));
    const scanned = (await scanTree(world.source)).filter(({ type }) => type !== 'socket');
    const wanted = scanned.map(({ path, mtime, uid }) => [
      path === '' ? '2e' : path,
      mtime.s + mtime.ns / 1e9,
      uid,
    ]);
    t.deepEqual([...rows].sort(), wanted.sort());
  }),
);

whole('patterns select the same for a tar archive and for a directory', (t) =>
  withWorld(async (world) => {
    const { directory, source, store, backup } = world;
    await buildTree(source, goldenTree());
    t.is((await backup()).code, 0);
    const lists = [
      ['/hard/z'],
      ['hard', '!first'],
      ['*[a-m]*', '!/names/*'],
      ['**/*-link', 'zz-outside'],
      ['nothing'],
    ];
    for (const [i, list] of lists.entries()) {
      const patterns = list.flatMap((pattern) => ['--pattern', pattern]);
      const [tree, untarred] = [join(directory, `tree${i}`), join(directory, `untarred${i}`)];
      await restatOk(['restore', 'host/t', 'root.pxar', tree, '--repository', store, ...patterns]);
      const tar = await exported(world, 'tar', ...patterns);
      await untar(tar, untarred);
      rmSync(tar);
      const expected = (await scanTree(tree)).filter(({ type }) => type !== 'socket').map(inTar);
      t.deepEqual(differences(expected, (await scanTree(untarred)).map(inTar)), [], list.join(' '));
    }
  }),
);

const SUMMARY = z.object({
  files: z.number(),
  hardlinks: z.number(),
  specials: z.number(),
  skipped: z.number(),
});

whole('what a format cannot hold is left out with a notice', (t) =>
  withWorld(async ({ directory, source, store, backup }) => {
    await buildTree(
      source,
      goldenTree().filter(
        ({ path }) => path === '' || /^(special|hard)/.test(Buffer.from(path, 'hex').toString()),
      ),
    );
    t.is((await backup()).code, 0);
    const types = (await scanTree(source)).map(({ type, hardlink_to: link }) =>
      link === undefined ? type : 'link',
    );
    const count = (...wanted: string[]): number => types.filter((type) => wanted.includes(type)).length;
    const [sockets, specials] = [count('socket'), count('chr', 'blk', 'fifo')];
    t.true(sockets > 0 && specials > 0 && count('link') > 0);
    const summary = async (format: string): Promise<[z.infer<typeof SUMMARY>, string]> => {
      const target = join(directory, `out.${format}`);
      const args = ['restore', 'host/t', 'root.pxar', target, '--format', format, '--output-format', 'json'];
      const { stdout, stderr } = await restatOk([...args, '--repository', store]);
      return [SUMMARY.parse(JSON.parse(stdout)), stderr];
    };
    const [tar, tarNotices] = await summary('tar');
    t.deepEqual(tar, { files: count('file'), hardlinks: count('link'), specials, skipped: sockets });
    t.regex(tarNotices, /^"special\/[^"]+": left out, since a tar archive cannot hold this socket$/m);
    const [zip, zipNotices] = await summary('zip');
    t.deepEqual(zip, {
      files: count('file', 'link'),
      hardlinks: 0,
      specials: 0,
      skipped: sockets + specials,
    });
    t.regex(zipNotices, /^"special\/null": left out, since a zip archive cannot hold this device$/m);
    t.regex(zipNotices, new RegExp(`^${sockets + specials} left out$`, 'm'));
  }),
);

/** Two names of a file, the first below `a`; a symbolic link; a file in several chunks. */
function makeTree(source: string): void {
  mkdirSync(join(source, 'a'));
  mkdirSync(join(source, 'z'));
  writeFileSync(join(source, 'a/first'), 'content', { mode: 0o640 });
  linkSync(join(source, 'a/first'), join(source, 'z/second'));
  linkSync(join(source, 'a/first'), join(source, 'z/third'));
  symlinkSync('second', join(source, 'z/link'));
  writeFileSync(join(source, 'big'), noise('big', 12 * 1024 * 1024 + 1));
  for (const name of ['a/first', 'big', 'z']) utimesSync(join(source, name), 1_600_000_001, 1_600_000_001);
}

/** A world with one snapshot of that tree. */
function withTree(use: (world: World) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    makeTree(world.source);
    await world.backup();
    await use(world);
  });
}

test('patterns select, and the first name that is left carries the content', (t) =>
  withTree(async (world) => {
    await untar(await exported(world, 'tar', '--pattern', 'z'), world.target);
    const found = await scanTree(world.target);
    const names = found.map(({ path }) => Buffer.from(path, 'hex').toString());
    t.deepEqual(names.sort(), ['', 'z', 'z/link', 'z/second', 'z/third']);
    t.is(readFileSync(join(world.target, 'z/third'), 'utf8'), 'content');
    const third = found.find(({ path }) => path === Buffer.from('z/third').toString('hex'));
    t.is(third?.hardlink_to, Buffer.from('z/second').toString('hex'));
  }));

test('a tree goes through a pipe into tar', (t) =>
  withTree(async ({ source, store, target }) => {
    const args = ['restore', 'host/t', 'root.pxar', '-', '--format', 'tar', '--repository', store];
    const { stdout, stderr } = await restatOk(args, { encoding: 'latin1' });
    t.regex(stderr, /^tar complete \(2 files, 3 directories, 1 symlinks, 2 hard links, 0 special files; /);
    writeFileSync(`${target}.tar`, stdout, 'latin1');
    await untar(`${target}.tar`, target);
    t.deepEqual(differences(await scanTree(source), await scanTree(target)), []);
  }));

/** What a zip archive holds of an entry: no attributes, whole seconds, every link a file of its own. */
function inZip({ mtime, ...entry }: TreeEntry): TreeEntry {
  const {
    xattrs: _xattrs,
    acl_access: _acl,
    acl_default: _default,
    fcaps: _fcaps,
    ...rest
  } = inTar({
    ...entry,
    mtime: { s: entry.type === 'symlink' ? 0 : mtime.s, ns: 0 },
  });
  const { hardlink_to: _link, ...copy } = rest;
  return copy;
}

whole('unzip makes files, directories and links of a zip archive', (t) =>
  withWorld(async (world) => {
    const { source, target, backup } = world;
    // Times of files beyond 32 bits, and names that are not UTF-8, are not the same in zip archives.
    const tree = goldenTree().filter(
      ({ path, type, mtime }) =>
        isUtf8(Buffer.from(path, 'hex')) && (type === 'dir' || (mtime.s >= 0 && mtime.s < 2 ** 31)),
    );
    await buildTree(source, tree);
    const before = await scanTree(source);
    t.is((await backup()).code, 0);
    await unzip(await exported(world, 'zip'), target);
    const expected = before
      .filter(({ type, path }) => ['dir', 'file', 'symlink'].includes(type) && path !== '')
      .map(inZip);
    const found = (await scanTree(target)).filter(({ path }) => path !== '').map(inZip);
    t.deepEqual(differences(expected, found), []);
  }),
);

const READ_ZIP = `
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    print(json.dumps({i.filename: hashlib.sha256(archive.read(i)).hexdigest() for i in archive.infolist()}))
`;

for (const [layout, options] of LAYOUTS)
  test(`another reader of zip archives finds all files of a ${layout} archive`, (t) =>
    withWorld(async (world) => {
      makeTree(world.source);
      writeFileSync(Buffer.concat([Buffer.from(join(world.source, 'a\\b-')), Buffer.from([0xff])]), 'bytes');
      t.is((await world.backup(options)).code, 0);
      const archive = await exported(world, 'zip');
      const found = z
        .record(z.string(), z.string())
        .parse(JSON.parse(execFileSync('python3', ['-c', READ_ZIP, archive]).toString()));
      t.deepEqual(Object.keys(found), [
        'a/',
        'a/first',
        'a\\b-\\xff',
        'big',
        'z/',
        'z/link',
        'z/second',
        'z/third',
      ]);
      const sums = (await scanTree(world.source)).flatMap(({ path, sha256 }) =>
        sha256 === undefined ? [] : [[Buffer.from(path, 'hex').toString(), sha256] as const],
      );
      for (const [name, sum] of sums.filter(([path]) => !path.startsWith('a\\')))
        t.is(found[name], sum, name);
    }));

for (const format of ['tar', 'zip']) {
  const words = (store: string, target: string): string[] => [
    ...['restore', 'host/t', 'root.pxar', target, '--format', format],
    ...['--repository', store],
  ];

  test(`a ${format} archive of a damaged snapshot ends with the error, and leaves no file`, (t) =>
    withTree(async ({ store, target }) => {
      rmSync(new StoredSnapshot(store).chunkFiles('root.ppxar.didx').at(-2)!);
      for (const to of [target, '-']) {
        const { code, stderr } = await restat(words(store, to));
        t.is(code, 1);
        t.regex(stderr, /chunk/);
        t.false(existsSync(target));
      }
    }));

  test(`nothing is written over by a ${format} archive`, (t) =>
    withTree(async ({ store, target }) => {
      writeFileSync(target, 'here');
      const { code, stderr } = await restat(words(store, target));
      t.is(code, 1);
      t.regex(stderr, /EEXIST/);
      t.is(readFileSync(target, 'utf8'), 'here');
    }));

  test(`a reader that goes away ends a ${format} archive`, (t) =>
    withTree(async ({ store }) => {
      const { process: child, result } = startRestat(words(store, '-'));
      await once(child.stdout!, 'data');
      child.stdout!.destroy();
      t.like(await result, { code: 1, stderr: '' });
    }));

  test(`a ${format} archive is not written to a terminal`, (t) =>
    withTree(async ({ store }) => {
      const { code, stdout } = await restat(words(store, '-'), { wrapper: ['python3', TERMINAL, '[]'] });
      t.is(code, 1);
      t.is(stdout.trim(), 'Error: an archive is not written to a terminal');
    }));
}

test('what a format is for is said in one sentence', (t) =>
  withTree(async ({ store, target }) => {
    const usage = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await restat(['restore', 'host/t', ...words, '--repository', store]);
      t.is(code, 2, stderr);
      return stderr;
    };
    t.regex(await usage('root.pxar', '-', '--format', 'rar'), /--format: 'rar' is none of tar, zip/);
    t.regex(await usage('fstab.conf', '-', '--format', 'tar'), /--format is for pxar archives only/);
    t.regex(await usage('disk.img', '-', '--format', 'zip'), /--format is for pxar archives only/);
    t.regex(await usage('root.pxar', '-', '--pattern', 'a'), /--pattern cannot be used .* without --format/);
    for (const option of ['--overwrite', '--no-specials', '--prelude-target=x'])
      t.regex(
        await usage('root.pxar', target, '--format', 'tar', option),
        new RegExp(`${option.split('=')[0]} cannot be used with --format`),
      );
  }));
