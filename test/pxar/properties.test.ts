import test from 'ava';
import fc from 'fast-check';
import { native } from '../../src/native.js';
import { isDirectory, type Node, PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import type { ChildEntry, Entry } from '../../src/pxar/entry.js';
import { decodeMetadata, type Metadata } from '../../src/pxar/metadata.js';
import { u64 } from './encoding.js';
import { directoryTree, encodeTree, fileName, sortedChildren, type Tree } from './trees.js';

/** A tree as far as an archive holds it. */
type Flat = { path: string; kind: string; metadata: Metadata; rest: unknown };

function flatten(tree: Tree, path: string): Flat[] {
  const { kind, metadata } = tree;
  const own = { path, kind, metadata };
  if (tree.kind !== 'directory') return [{ ...own, rest: restOfTree(tree) }];
  const children = sortedChildren(tree.children).flatMap(([name, child]) =>
    flatten(child, `${path}/${name.toString('latin1')}`),
  );
  return [{ ...own, rest: undefined }, ...children];
}

function restOfTree(tree: Tree): unknown {
  if (tree.kind === 'file') return tree.size;
  if (tree.kind === 'symlink') return tree.target;
  return tree.kind === 'device' ? [tree.major, tree.minor] : undefined;
}

function restOfEntry(entry: ChildEntry): unknown {
  if (entry.kind === 'file') return entry.size;
  if (entry.kind === 'symlink') return Buffer.from(entry.target);
  return entry.kind === 'device' ? [entry.major, entry.minor] : undefined;
}

function flat(entry: Exclude<ChildEntry, { kind: 'hardlink' }>, path: string): Flat {
  const metadata = decodeMetadata(entry.body, { archive: 'random', position: entry.position });
  return { path, kind: entry.kind, metadata, rest: restOfEntry(entry) };
}

async function readSequentially(archive: Buffer): Promise<Flat[]> {
  const decoder = new PxarDecoder(bufferSource(archive), { archive: 'random' });
  const found: Flat[] = [];
  const open: string[] = [];
  const take = (entry: Entry): void => {
    if (entry.kind === 'leave') {
      open.pop();
    } else if (entry.kind !== 'hardlink') {
      const path = entry.depth === 0 ? '' : `${open.at(-1)}/${entry.name.toString('latin1')}`;
      found.push(flat(entry, path));
      if (entry.kind === 'directory') open.push(path);
    }
  };
  for (let batch = await decoder.nextBatch(7); batch.length > 0; batch = await decoder.nextBatch(7))
    batch.forEach(take);
  return found;
}

async function readRandomly(accessor: PxarAccessor, node: Node, path: string): Promise<Flat[]> {
  const { entry } = node;
  if (entry.kind === 'hardlink') return [];
  const found = [flat(entry, path)];
  if (!isDirectory(node)) return found;
  for (const child of await accessor.readDirectory(node)) {
    found.push(...(await readRandomly(accessor, child, `${path}/${child.entry.name.toString('latin1')}`)));
  }
  return found;
}

test('any tree that is encoded is decoded as it was, by both readers', async (t) => {
  await fc.assert(
    fc.asyncProperty(directoryTree, async (tree) => {
      const { bytes } = encodeTree(tree);
      const expected = flatten(tree, '');
      t.deepEqual(await readSequentially(bytes), expected);
      const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: 'random' });
      t.deepEqual(await readRandomly(accessor, await accessor.root(), ''), expected);
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
