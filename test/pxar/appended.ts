/** Writes archives of version 3 for tests. */
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import type { Entry, FileEntry } from '../../src/pxar/entry.js';
import { Item } from '../../src/pxar/format.js';
import type { SingleEncoder } from '../../src/pxar/single-encoder.js';
import { CollectedSingle, encodeEntry, hashOf, item } from './encoding.js';
import { bodyOf, sortedChildren, type Tree } from './trees.js';

/** What lies between the payloads of an appendix: not items. */
const GAP = Buffer.alloc(5, 0xee);

/** A file as `SingleEncoder` takes it. */
interface File {
  readonly name: Buffer;
  readonly body: Buffer;
  readonly content: Buffer;
}

/** An archive that is being written, and the content that its references have so far. */
export class AppendedArchive {
  readonly single = new CollectedSingle({ appendix: true });
  readonly #appendix: Buffer[] = [];
  #length = 0;

  get encoder(): SingleEncoder {
    return this.single.encoder;
  }

  /** Writes a file with its content behind it; the result is the position of its FILENAME. */
  inline({ name, body, content }: File): number {
    const { encoder } = this.single;
    const hash = hashOf(name);
    const at = encoder.file(name, 0, name.length, hash, 0, body, 0, body.length, content.length);
    this.single.put(content);
    return at;
  }

  /** Writes a file with its content in the appendix; the result is the position of its FILENAME. */
  reference({ name, body, content }: File): number {
    const offset = this.#length + GAP.length;
    const { encoder } = this.single;
    this.#add(GAP);
    this.#add(item(Item.PAYLOAD, content));
    const hash = hashOf(name);
    return encoder.reference(name, 0, name.length, hash, 0, body, 0, body.length, offset, content.length);
  }

  /** The archive, once its tree is finished. */
  close(): Buffer {
    this.#add(GAP);
    this.single.append(Buffer.concat(this.#appendix));
    return this.single.bytes;
  }

  #add(bytes: Buffer): void {
    this.#appendix.push(bytes);
    this.#length += bytes.length;
  }
}

/** Writes a tree, and gives the contents of its files in archive order; those that are not `fresh` are in the appendix. */
export function encodeAppended(tree: Tree): { bytes: Buffer; contents: Buffer[] } {
  if (tree.kind !== 'directory') throw new Error('the root is not a directory');
  const archive = new AppendedArchive();
  const contents: Buffer[] = [];
  const body = bodyOf(tree);
  archive.encoder.root(body, 0, body.length);
  for (const [name, child] of sortedChildren(tree.children)) encodeNode(archive, name, child, contents);
  archive.encoder.finish();
  return { bytes: archive.close(), contents };
}

function encodeNode(archive: AppendedArchive, name: Buffer, tree: Tree, contents: Buffer[]): void {
  const { encoder } = archive;
  const body = bodyOf(tree);
  if (tree.kind === 'file') {
    const content = Buffer.alloc(tree.size, contents.length);
    contents.push(content);
    if (tree.fresh) archive.inline({ name, body, content });
    else archive.reference({ name, body, content });
  } else if (tree.kind === 'directory') {
    encoder.enterDirectory(name, 0, name.length, hashOf(name), 0, body, 0, body.length);
    for (const [childName, child] of sortedChildren(tree.children))
      encodeNode(archive, childName, child, contents);
    encoder.leaveDirectory();
  } else {
    encoder.leaf(name, 0, name.length, hashOf(name), 0, body, 0, body.length);
  }
}

/** Writes a single archive again, every second of its files with content in the appendix. */
export async function withAppendix(original: Buffer): Promise<Buffer> {
  const decoder = new PxarDecoder(bufferSource(original), { archive: 'original' });
  const archive = new AppendedArchive();
  const positions = new Map<number, number>();
  const write = (_: SingleEncoder, file: FileEntry, body: Buffer): void => {
    const at = file.payloadOffset + 16;
    const content = original.subarray(at, at + file.size);
    const written = { name: file.name, body, content };
    const isReference = positions.size % 2 === 0;
    positions.set(file.position, isReference ? archive.reference(written) : archive.inline(written));
  };
  const moved = (entry: Entry): Entry =>
    entry.kind === 'hardlink'
      ? { ...entry, targetPosition: positions.get(entry.targetPosition) ?? 0 }
      : entry;
  for (let batch = await decoder.nextBatch(50); batch.length > 0; batch = await decoder.nextBatch(50))
    for (const entry of batch)
      encodeEntry(archive.encoder, moved(entry), 'body' in entry ? entry.body : Buffer.alloc(0), write);
  return archive.close();
}
