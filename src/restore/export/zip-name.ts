/** Names in zip archives: UTF-8, and not longer than their length field can say. */
import { isUtf8 } from 'node:buffer';

/** Longest name of a zip archive, in bytes. */
export const ZIP_NAME_MAX = 0xffff;

const SLASH = 0x2f;

function printable(name: Buffer): string {
  if (isUtf8(name)) return name.toString('utf8');
  return name.toString('latin1').replace(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
}

/** The names of a path, with the bytes of those that are not UTF-8 written as `\xff`. */
export function zipName(path: Buffer): Buffer {
  if (isUtf8(path)) return path;
  const names: string[] = [];
  for (let start = 0; start <= path.length; ) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    names.push(printable(path.subarray(start, end)));
    start = end + 1;
  }
  return Buffer.from(names.join('/'));
}
