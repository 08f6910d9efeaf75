/** Trees of the golden vectors, made again, give the archives that the reference programs made, and come back as they were. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { z } from 'zod';
import { archiveOf, unpackArchives } from '../pxar/fixtures.js';
import { assembled } from '../support/streams.js';
import { buildTree, differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot, withWorld } from '../support/world.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/trees/', import.meta.url));
const archives = unpackArchives();
const whole = isRoot ? test : test.skip;

function goldenTree(name: string): TreeEntry[] {
  const tree: unknown = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
  return parseEntries(z.object({ entries: z.unknown() }).parse(tree).entries);
}

const CASES = [
  { archive: 'meta', tree: 'meta', options: [] },
  {
    archive: 'meta-exclude',
    tree: 'meta',
    options: ['--exclude=*.tmp', '--exclude=!keep.tmp', '--exclude=/times', '--exclude=links/'],
  },
  { archive: 'content', tree: 'content', options: [] },
];

for (const { archive, tree, options } of CASES) {
  whole(`the tree of ${archive} gives the bytes that the reference program wrote`, async (t) => {
    await withWorld(async ({ store, source, backup }) => {
      await buildTree(source, goldenTree(tree));
      const result = await backup(options);
      t.is(result.code, 0, result.stderr);
      const metadata = await assembled(store, 'host/t', 'root.mpxar.didx');
      t.true(metadata.equals(archiveOf(archives, `${archive}.mpxar`)));
      const payload = await assembled(store, 'host/t', 'root.ppxar.didx');
      t.true(payload.equals(archiveOf(archives, `${archive}.ppxar`)));
    });
  });
}

whole('a tree of every kind of entry and metadata comes back as it was', async (t) => {
  await withWorld(async ({ source, target, backup, restore }) => {
    const tree = goldenTree('meta').filter(
      ({ path }) => !path.endsWith(Buffer.from('.pxarexclude').toString('hex')),
    );
    await buildTree(source, tree);
    const before = await scanTree(source);
    t.is((await backup()).code, 0);
    const result = await restore();
    t.is(result.code, 0, result.stderr);
    t.deepEqual(differences(before.map(storable), await scanTree(target)), []);
  });
});

/** Only regular files and directories carry extended attributes and ACLs in an archive (pxar.md §2). */
function storable(entry: TreeEntry): TreeEntry {
  if (entry.type === 'file' || entry.type === 'dir') return entry;
  const { xattrs: _xattrs, acl_access: _acl, ...rest } = entry;
  return rest;
}
