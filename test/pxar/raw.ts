/** Builds archives item by item, also those that no writer makes. */

import { native } from '../../src/native.js';
import { Item } from '../../src/pxar/format.js';
import { hashOf, item, u64 } from './encoding.js';

const TAIL = 0xef5eed5b753e1555n;
const APPENDIX_TAIL = 0x5b1b9abb7ae454f1n;
/** Position of the root's ENTRY behind a FORMAT_VERSION item. */
const ROOT_AT = 24;

/** An ENTRY with this mode. */
export function entry(mode: number): Buffer {
  return item(Item.ENTRY, Buffer.concat([u64(mode, 0), Buffer.alloc(24)]));
}

/** One child: what follows its FILENAME, which may depend on where that FILENAME is. */
export interface RawChild {
  readonly name: string;
  readonly content: Buffer | ((position: number) => Buffer);
}

/** Items of a regular file with inline content. */
export function inlineFile(content = ''): Buffer {
  return Buffer.concat([entry(0o100644), item(Item.PAYLOAD, Buffer.from(content))]);
}

/** A HARDLINK item. */
export function hardlink(back: number, path: string): Buffer {
  return item(Item.HARDLINK, Buffer.concat([u64(back), Buffer.from(`${path}\0`)]));
}

/** A directory from its body to its table. `position` is that of the body; the root's tail row leads to byte 0. */
export function directory(
  children: readonly RawChild[],
  position = 0,
  body = entry(0o040755),
  isRoot = true,
): Buffer {
  const parts = [body];
  const rows: { hash: Buffer; at: number; size: number }[] = [];
  let at = position + body.length;
  for (const { name, content } of children) {
    const bytes = Buffer.from(name);
    const filename = item(Item.FILENAME, Buffer.concat([bytes, Buffer.from([0])]));
    const child = Buffer.concat([filename, typeof content === 'function' ? content(at) : content]);
    parts.push(child);
    rows.push({ hash: hashOf(bytes), at, size: child.length });
    at += child.length;
  }
  const table = Buffer.concat(rows.map((row) => Buffer.concat([row.hash, u64(at - row.at, row.size)])));
  native.goodbyeOrder(table);
  const tail = u64(TAIL, at - (isRoot ? 0 : position), 16 + table.length + 24);
  return Buffer.concat([...parts, item(Item.GOODBYE, Buffer.concat([table, tail]))]);
}

/** A child that is a directory. */
export function subdirectory(name: string, children: readonly RawChild[]): RawChild {
  return {
    name,
    content: (position) =>
      directory(children, position + 16 + Buffer.byteLength(name) + 1, entry(0o040755), false),
  };
}

/** The GOODBYE item at the end of an archive of version 3; `length` is that of everything before it, `size` of the APPENDIX item. */
export function closingTable(length: number, size: number): Buffer {
  const rows = u64(APPENDIX_TAIL, size, size, TAIL, length - ROOT_AT, 64);
  return item(Item.GOODBYE, rows);
}

/** The archive of version 3 of a root with these children, with an appendix of this content. */
export function appended(children: readonly RawChild[], content: Buffer): Buffer {
  const appendix = item(Item.APPENDIX, content);
  const bytes = Buffer.concat([versioned(3, children), appendix]);
  return Buffer.concat([bytes, closingTable(bytes.length, appendix.length)]);
}

/** Items of a regular file with content in the appendix. */
export function referredFile(offset: number | bigint, size: number | bigint): Buffer {
  return Buffer.concat([entry(0o100644), item(Item.APPENDIX_REF, u64(offset, size))]);
}

/** The archive of a root with these children, behind a FORMAT_VERSION item and more. */
export function versioned(
  version: number,
  children: readonly RawChild[],
  ...more: readonly Buffer[]
): Buffer {
  const head = Buffer.concat([item(Item.FORMAT_VERSION, u64(version)), ...more]);
  return Buffer.concat([head, directory(children, head.length)]);
}
