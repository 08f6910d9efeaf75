/** Catalogs of version 2 that say something else than the run that wrote them. */
import type { CatalogDirectory, CatalogEntry, FileEntry } from '../../src/catalog/entry.js';
import { ExtendedCatalogWriter } from '../../src/catalog/extended-writer.js';
import { CatalogReader } from '../../src/catalog/reader.js';
import { replaceStream } from './replaced-stream.js';
import { assembled } from './streams.js';

const CATALOG = 'catalog.pcat1.didx';

/** An entry and, of a directory, what is in it. */
export interface CatalogNode {
  entry: CatalogEntry;
  children: CatalogNode[];
}

/** An archive of a catalog. */
export interface CatalogTree {
  readonly name: Buffer;
  appendixStart: number | undefined;
  readonly children: CatalogNode[];
}

async function readNodes(reader: CatalogReader, directory: CatalogDirectory): Promise<CatalogNode[]> {
  const nodes: CatalogNode[] = [];
  for await (const entry of reader.list(directory)) nodes.push({ entry, children: [] });
  for (const node of nodes)
    if (node.entry.type === 'd') node.children = await readNodes(reader, node.entry.directory);
  return nodes;
}

/** The only archive of a catalog. */
async function readTree(bytes: Buffer): Promise<CatalogTree> {
  const read = (at: number, length: number): Promise<Buffer> =>
    Promise.resolve(bytes.subarray(at, at + length));
  const reader = await CatalogReader.open({ size: bytes.length, read }, CATALOG);
  const [archive] = await readNodes(reader, reader.root);
  if (archive?.entry.type !== 'd') throw new Error('no archive in the catalog');
  const { name, appendixStart } = archive.entry;
  return { name, appendixStart, children: archive.children };
}

function writeNodes(writer: ExtendedCatalogWriter, nodes: readonly CatalogNode[]): void {
  for (const { entry, children } of nodes) {
    const { name } = entry;
    if (entry.type === 'd') {
      writer.startDirectory(name);
      writeNodes(writer, children);
      writer.endDirectory();
    } else if (entry.type === 'f') writer.file(name, entry.size, entry.mtime, entry.extension!);
    else writer.other(entry.type, name);
  }
}

function writeTree({ name, appendixStart, children }: CatalogTree): Buffer {
  const blocks: Buffer[] = [];
  const writer = new ExtendedCatalogWriter({ onBlock: (block) => blocks.push(block) });
  writer.startDirectory(name);
  writeNodes(writer, children);
  writer.endArchive(appendixStart ?? 0);
  writer.finish();
  return Buffer.concat(blocks);
}

/** All nodes that are regular files, in the order of the archive. */
export function fileNodes(nodes: readonly CatalogNode[]): (CatalogNode & { entry: FileEntry })[] {
  return nodes.flatMap((node) => {
    const { entry } = node;
    return entry.type === 'f' ? [Object.assign(node, { entry })] : fileNodes(node.children);
  });
}

/** Changes what a file's position is. */
export function place(
  node: CatalogNode & { entry: FileEntry },
  changes: Partial<FileEntry['extension']>,
): void {
  node.entry = { ...node.entry, extension: { ...node.entry.extension!, ...changes } };
}

/** Changes the catalog of the newest snapshot of host/t: its tree, and then its bytes. */
export async function rewriteCatalog(
  store: string,
  change: (tree: CatalogTree) => void = () => undefined,
  edit: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<void> {
  const tree = await readTree(await assembled(store, 'host/t', CATALOG));
  change(tree);
  await replaceStream(store, CATALOG, edit(writeTree(tree)));
}
