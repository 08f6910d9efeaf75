/** Writes metadata streams for tests. */

import { native } from '../../src/native.js';
import { MetadataEncoder } from '../../src/pxar/encoder.js';
import type { ChildEntry, Entry } from '../../src/pxar/entry.js';
import { Item, TYPE_HIGH, TYPE_LOW } from '../../src/pxar/format.js';

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

/** Gives a decoded entry to an encoder. `body` replaces the entry's own; `fresh` as for `MetadataEncoder.file`. */
export function encodeEntry(encoder: MetadataEncoder, entry: Entry, body: Buffer, fresh: boolean): void {
  if (entry.kind === 'leave') {
    if (entry.depth === 0) encoder.finish();
    else encoder.leaveDirectory();
  } else if (entry.depth === 0) {
    encoder.root(body, 0, body.length);
  } else {
    encodeChild(encoder, entry, body, fresh);
  }
}

function encodeChild(encoder: MetadataEncoder, entry: ChildEntry, body: Buffer, fresh: boolean): void {
  const { name } = entry;
  const hash = hashOf(name);
  if (entry.kind === 'hardlink') {
    encoder.hardlink(name, 0, name.length, hash, 0, entry.targetPosition, entry.targetPath);
  } else if (entry.kind === 'directory') {
    encoder.enterDirectory(name, 0, name.length, hash, 0, body, 0, body.length);
  } else if (entry.kind === 'file') {
    encoder.file(name, 0, name.length, hash, 0, body, 0, body.length, entry.payloadOffset, entry.size, fresh);
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
