/** Writes metadata streams and single archives for tests. */

import { native } from '../../src/native.js';
import { MetadataEncoder } from '../../src/pxar/encoder.js';
import type { ChildEntry, Entry, FileEntry } from '../../src/pxar/entry.js';
import { Item, TYPE_HIGH, TYPE_LOW } from '../../src/pxar/format.js';
import { SingleEncoder } from '../../src/pxar/single-encoder.js';
import type { TreeEncoder } from '../../src/pxar/tree-encoder.js';

/** An item with this content. */
export function item(id: number, content: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(TYPE_LOW[id]!, 0);
  header.writeInt32LE(TYPE_HIGH[id]!, 4);
  header.writeBigUInt64LE(BigInt(16 + content.length), 8);
  return Buffer.concat([header, content]);
}

/** A content of u64 values. */
export function u64(...values: readonly (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  values.forEach((value, i) => {
    bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  });
  return bytes;
}

/** The 8 bytes of a name's hash as in a goodbye row. */
export function hashOf(name: Buffer): Buffer {
  return u64(native.nameHash(name));
}

/** Collects an encoder's blocks. */
export class Collected {
  readonly blocks: Buffer[] = [];
  readonly encoder: MetadataEncoder;

  constructor(prelude?: Buffer) {
    const onBlock = (block: Buffer): void => {
      this.blocks.push(block);
    };
    this.encoder = new MetadataEncoder(prelude === undefined ? { onBlock } : { onBlock, prelude });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.blocks);
  }
}

/** Collects a single archive; `put` gives the contents where they belong, `append` the appendix. */
export class CollectedSingle {
  readonly #parts: Buffer[] = [];
  #contents: { readonly at: number; readonly content: Buffer }[] = [];
  readonly encoder: SingleEncoder;

  constructor(options: { readonly appendix?: boolean } = {}) {
    this.encoder = new SingleEncoder({ ...options, onBlock: (block) => this.#take(block) });
  }

  /** Content of the file that was just written. */
  put(content: Buffer): void {
    this.#contents.push({ at: this.encoder.buffered, content });
  }

  /** Ends the archive behind its tree. */
  append(content: Buffer): void {
    this.encoder.startAppendix(content.length);
    this.#parts.push(content);
    this.encoder.finishAppendix();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #take(block: Buffer): void {
    let from = 0;
    for (const { at, content } of this.#contents) {
      this.#parts.push(block.subarray(from, at), item(Item.PAYLOAD, content));
      from = at;
    }
    this.#parts.push(block.subarray(from));
    this.#contents = [];
  }
}

/** Gives a decoded entry to an encoder. `body` replaces the entry's own; `file` writes a file. */
export function encodeEntry<E extends TreeEncoder>(
  encoder: E,
  entry: Entry,
  body: Buffer,
  file: (encoder: E, entry: FileEntry, body: Buffer) => void,
): void {
  if (entry.kind === 'leave') {
    if (entry.depth === 0) encoder.finish();
    else encoder.leaveDirectory();
  } else if (entry.depth === 0) {
    encoder.root(body, 0, body.length);
  } else {
    encodeChild(encoder, entry, body, file);
  }
}

/** Writes a decoded file into a metadata stream; `fresh` as for `MetadataEncoder.file`. */
export function splitFile(
  fresh: boolean,
): (encoder: MetadataEncoder, entry: FileEntry, body: Buffer) => void {
  return (encoder, { name, payloadOffset, size }, body) => {
    encoder.file(name, 0, name.length, hashOf(name), 0, body, 0, body.length, payloadOffset, size, fresh);
  };
}

function encodeChild<E extends TreeEncoder>(
  encoder: E,
  entry: ChildEntry,
  body: Buffer,
  file: (encoder: E, entry: FileEntry, body: Buffer) => void,
): void {
  const { name } = entry;
  const hash = hashOf(name);
  if (entry.kind === 'hardlink') {
    encoder.hardlink(name, 0, name.length, hash, 0, entry.targetPosition, entry.targetPath);
  } else if (entry.kind === 'directory') {
    encoder.enterDirectory(name, 0, name.length, hash, 0, body, 0, body.length);
  } else if (entry.kind === 'file') {
    file(encoder, entry, body);
  } else {
    const whole = Buffer.concat([body, tailOf(entry)]);
    encoder.leaf(name, 0, name.length, hash, 0, whole, 0, whole.length);
  }
}

/** The item that follows the attributes of a leaf. */
export function tailOf(entry: ChildEntry): Buffer {
  if (entry.kind === 'symlink') return item(Item.SYMLINK, Buffer.concat([entry.target, Buffer.from([0])]));
  if (entry.kind === 'device') return item(Item.DEVICE, u64(entry.major, entry.minor));
  return Buffer.alloc(0);
}
