import test from 'ava';
import fc from 'fast-check';
import { native } from '../../src/native.js';
import { PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import type { Metadata } from '../../src/pxar/metadata.js';
import { u64 } from './encoding.js';
import { flatten, readRandomly, readSequentially } from './flat.js';
import { directoryTree, encodeTree, fileName, type Tree } from './trees.js';

test('any tree that is encoded is decoded as it was, by both readers', async (t) => {
  await fc.assert(
    fc.asyncProperty(directoryTree, async (tree) => {
      const { bytes } = encodeTree(tree);
      const expected = flatten(tree, '');
      t.deepEqual(await readSequentially(bytes), expected);
      const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: 'random' });
      t.deepEqual(await readRandomly(accessor), expected);
    }),
    { numRuns: 150 },
  );
});

test('goodbye rows form a search tree of the sorted hashes', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(fileName, { maxLength: 200 }), (names) => {
      const rows = Buffer.concat(
        names.map((name, i) => u64(native.nameHash(Buffer.from(name, 'latin1')), i, i)),
      );
      native.goodbyeOrder(rows);
      const inOrder: bigint[] = [];
      const walk = (i: number): void => {
        if (i >= names.length) return;
        walk(2 * i + 1);
        inOrder.push(rows.readBigUInt64LE(i * 24));
        walk(2 * i + 2);
      };
      walk(0);
      const sorted = inOrder.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
      t.deepEqual(inOrder, sorted);
      t.is(inOrder.length, names.length);
    }),
  );
});

test('every name of a large directory is found, and no other', async (t) => {
  const names = Array.from({ length: 3000 }, (_, i) => `file-${i}`);
  const file = { ...emptyFile(), kind: 'file' as const, size: 1, fresh: true };
  const tree: Tree = {
    kind: 'directory',
    metadata: { ...file.metadata, mode: 0o040755 },
    children: new Map(names.map((name) => [name, file])),
  };
  const { bytes } = encodeTree(tree);
  t.true(bytes.length > 256 * 1024, 'more than one block');
  t.is((await readSequentially(bytes)).length, 3001);
  const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: 'large' });
  const root = await accessor.root();
  for (const name of names)
    t.is((await accessor.lookup(root, Buffer.from(name)))?.entry.name.toString(), name);
  for (let i = 3000; i < 3100; i++) t.is(await accessor.lookup(root, Buffer.from(`file-${i}`)), undefined);
});

function emptyFile(): { metadata: Metadata } {
  const acl = {
    users: [],
    groups: [],
    groupObj: undefined,
    default: undefined,
    defaultUsers: [],
    defaultGroups: [],
  };
  const stat = { mode: 0o100644, flags: 0n, uid: 0, gid: 0, mtime: { seconds: 0, nanoseconds: 0 } };
  return { metadata: { ...stat, xattrs: [], acl, fcaps: undefined, projectId: undefined } };
}
