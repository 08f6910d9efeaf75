/** Entries of an archive as a side of a comparison. */
import { type DirectoryNode, isDirectory, type Node } from '../../pxar/accessor.js';
import { HEADER_SIZE, readU64 } from '../../pxar/format.js';
import { decodeStat } from '../../pxar/metadata.js';
import type { ArchiveTree, Content } from '../archive-tree.js';
import { type EntryRow, entryRow, letterOf } from '../entry-row.js';
import { RestoreError } from '../errors.js';
import type { DiffNode, DiffType } from './diff-node.js';

/** Where the length of an item stands. */
const LENGTH = 8;
const FLAGS = 8;

/** Flags and whatever follows the ENTRY item. */
function attributesOf({ body, position }: Content, archive: string): Buffer {
  const flags = Buffer.alloc(FLAGS);
  flags.writeBigUInt64LE(decodeStat(body, { archive, position }).flags);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.concat([flags, body.subarray(Math.max(HEADER_SIZE, readU64(view, LENGTH)))]);
}

class ArchiveNode implements DiffNode {
  readonly type: DiffType;
  readonly row: EntryRow;
  readonly device: DiffNode['device'];
  readonly attributes: Buffer;
  readonly #tree: ArchiveTree;
  readonly #archive: string;
  readonly #content: Content;
  readonly #directory: DirectoryNode | undefined;

  constructor(tree: ArchiveTree, archive: string, node: Node, content: Content) {
    this.#tree = tree;
    this.#archive = archive;
    this.#content = content;
    this.#directory = isDirectory(node) ? node : undefined;
    this.row = entryRow(content, content, archive);
    this.type = letterOf(content);
    this.device = content.kind === 'device' ? [content.major, content.minor] : undefined;
    this.attributes = attributesOf(content, archive);
  }

  async children(): Promise<ReadonlyMap<string, DiffNode>> {
    const nodes = new Map<string, DiffNode>();
    if (this.#directory === undefined) return nodes;
    for (const each of await this.#tree.list(this.#directory)) {
      const content = await this.#tree.content(each.entry);
      nodes.set(
        each.entry.name.toString('latin1'),
        new ArchiveNode(this.#tree, this.#archive, each, content),
      );
    }
    return nodes;
  }

  content(): AsyncIterable<Buffer> {
    if (this.#content.kind === 'file') return this.#tree.read(this.#content);
    throw new RestoreError('RESTORE_PATH', `${this.#archive}: an entry without content`);
  }
}

/** The root of an archive. Throws PxarError. */
export async function archiveSide(tree: ArchiveTree, archive: string): Promise<DiffNode> {
  const { node } = await tree.find(Buffer.alloc(0), false);
  return new ArchiveNode(tree, archive, node, await tree.content(node.entry));
}
