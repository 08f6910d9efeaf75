/** `restore --format tar`: GNU tar and another reader find the tree as it was. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { restatOk } from '../support/cli.js';
import { exported, goldenTree, inTar, LAYOUTS, untar, withTree } from '../support/exported.js';
import {
  type GoldenSnapshot,
  goldenSnapshots,
  KEY_PASSWORD,
  keyOptions,
  withGoldenStore,
} from '../support/golden-store.js';
import { buildTree, differences, scanTree } from '../support/tree.js';
import { isRoot, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;

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
  const trees = goldenSnapshots().filter(({ files }) => files.some((name) => /pxar\.didx$/.test(name)));
  const key = ({ snapshot, files }: GoldenSnapshot): string =>
    `${snapshot.slice(0, snapshot.lastIndexOf('/'))} ${files.includes('root.pxar.didx')}`;
  return [...new Map(trees.map((each) => [key(each), each])).values()];
}

whole('the tar archives of golden archives hold what their restore makes', (t) =>
  withGoldenStore(async (store, target) => {
    mkdirSync(target);
    const snapshots = goldenArchives();
    t.is(snapshots.length, 10);
    for (const [i, each] of snapshots.entries()) {
      const { snapshot, namespace } = each;
      const [tree, tar, untarred] = ['tree', 'tar', 'untarred'].map((name) => join(target, `${name}${i}`));
      const restore = (to: string, ...more: string[]) =>
        restatOk(
          [
            ...['restore', snapshot, 'root.pxar', to, ...more, '--ns', namespace],
            ...['--repository', store, ...keyOptions(each)],
          ],
          { env: { PBS_ENCRYPTION_PASSWORD: KEY_PASSWORD } },
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
