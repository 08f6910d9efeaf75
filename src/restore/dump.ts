/** `catalog dump`: one line an entry, from a catalog or from the metadata of pxar archives (cli.md §4.2). */
import { isUtf8 } from 'node:buffer';
import type { CatalogEntry } from '../catalog/entry.js';
import type { CatalogReader } from '../catalog/reader.js';
import { PxarDecoder } from '../pxar/decoder.js';
import type { ChildEntry } from '../pxar/entry.js';
import { decodeStat } from '../pxar/metadata.js';
import type { OpenArchive } from './archive-source.js';
import { letterOf } from './entry-row.js';

const BATCH = 4096;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

function escapeCharacter(c: string): string {
  return ESCAPES[c] ?? `\\u{${c.codePointAt(0)!.toString(16)}}`;
}

/** A name as it stands between double quotes: control characters escaped, bytes that are no UTF-8 as `\xFF`. */
function quotable(name: Buffer): string {
  let out = '';
  let rest = name;
  while (rest.length > 0) {
    const valid = validPrefix(rest);
    out += rest
      .toString('utf8', 0, valid)
      .replace(/["\\]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}]/gu, escapeCharacter);
    if (valid < rest.length) out += `\\x${rest[valid]!.toString(16).toUpperCase().padStart(2, '0')}`;
    rest = rest.subarray(Math.min(rest.length, valid + 1));
  }
  return out;
}

/** Length of the longest prefix that is UTF-8. */
function validPrefix(bytes: Buffer): number {
  if (isUtf8(bytes)) return bytes.length;
  const text = bytes.toString('utf8');
  let at = 0;
  for (const c of text) {
    const encoded = Buffer.from(c, 'utf8');
    if (!bytes.subarray(at, at + encoded.length).equals(encoded)) return at;
    at += encoded.length;
  }
  return at;
}

/** `YYYY-MM-DDThh:mm:ssZ` in local time, as the reference client prints it; the epoch's seconds where no calendar reaches. */
function dumpTime(seconds: number | bigint): string {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? String(seconds) : `${local.toISOString().slice(0, -5)}Z`;
}

/** What differs between the lines of a catalog and those that the reference client makes from a metadata stream. */
interface DumpStyle {
  readonly archive: string;
  readonly split: boolean;
}

/** Times before the epoch: floored in a catalog, cut towards the epoch for a metadata stream. */
function wholeSeconds(
  { seconds, nanoseconds }: ReturnType<typeof decodeStat>['mtime'],
  split: boolean,
): number {
  return split && seconds < 0 && nanoseconds > 0 ? seconds + 1 : seconds;
}

function lineOf(entry: ChildEntry, path: string, { archive, split }: DumpStyle): string {
  const line = `${letterOf(entry)} "${path}"`;
  if (entry.kind !== 'file') return line;
  const { mtime } = decodeStat(entry.body, { archive, position: entry.position });
  return `${line} ${entry.size} ${dumpTime(wholeSeconds(mtime, split))}`;
}

/** The lines of one archive; paths begin with `./NAME/`. Only a single archive has a line for its root. Throws PxarError. */
export async function* dumpLines({ name, metadata, payloadSize }: OpenArchive): AsyncGenerator<string> {
  const decoder = new PxarDecoder(metadata, { archive: name });
  const style = { archive: name, split: payloadSize !== undefined };
  const paths = [`./${name}`];
  for (let batch = await decoder.nextBatch(BATCH); batch.length > 0; batch = await decoder.nextBatch(BATCH)) {
    for (const entry of batch) {
      if (entry.kind === 'leave') {
        paths.pop();
      } else if (entry.kind === 'directory' && entry.depth === 0) {
        if (!style.split) yield `d "${paths[0]}"`;
      } else {
        const path = `${paths.at(-1)}/${quotable(entry.name)}`;
        yield lineOf(entry, path, style);
        if (entry.kind === 'directory') paths.push(path);
      }
    }
  }
}

function catalogLine(entry: CatalogEntry, path: string): string {
  const line = `${entry.type} "${path}"`;
  return entry.type === 'f' ? `${line} ${entry.size} ${dumpTime(entry.mtime)}` : line;
}

/** The lines of all archives of a catalog, as `dumpLines` gives them for single ones. Throws CatalogError. */
export async function* catalogLines(catalog: CatalogReader): AsyncGenerator<string> {
  const paths = ['.'];
  for await (const { depth, entry } of catalog.walk()) {
    paths.length = depth + 1;
    const path = `${paths[depth]}/${quotable(entry.name)}`;
    yield catalogLine(entry, path);
    paths.push(path);
  }
}
