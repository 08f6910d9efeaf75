/** Trees and archives as flat lists that can be compared. */
import { isDirectory, type Node, type PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import type { ChildEntry, Entry } from '../../src/pxar/entry.js';
import { decodeMetadata, type Metadata } from '../../src/pxar/metadata.js';
import { sortedChildren, type Tree } from './trees.js';

/** A tree as far as an archive holds it. */
export type Flat = { path: string; kind: string; metadata: Metadata; rest: unknown };

/** What a reader must find of a tree that lies at `path`. */
export function flatten(tree: Tree, path: string): Flat[] {
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

/** All entries of an archive but hard links, in its order. */
export async function readSequentially(archive: Buffer): Promise<Flat[]> {
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

/** All entries of an accessor, depth first. */
export async function readRandomly(accessor: PxarAccessor): Promise<Flat[]> {
  return readNode(accessor, await accessor.root(), '');
}

async function readNode(accessor: PxarAccessor, node: Node, path: string): Promise<Flat[]> {
  const { entry } = node;
  if (entry.kind === 'hardlink') return [];
  const found = [flat(entry, path)];
  if (!isDirectory(node)) return found;
  for (const child of await accessor.readDirectory(node)) {
    found.push(...(await readNode(accessor, child, `${path}/${child.entry.name.toString('latin1')}`)));
  }
  return found;
}
