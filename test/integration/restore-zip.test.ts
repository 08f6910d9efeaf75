/** `restore --format zip`: unzip and another reader find files, directories and links. */
import { isUtf8 } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { exported, goldenTree, inTar, LAYOUTS, makeTree, unzip } from '../support/exported.js';
import { buildTree, differences, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;

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
