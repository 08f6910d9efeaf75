/**
 * A single archive of version 1 or 3 read by its bytes alone, its catalog beside it, and every rule that readers rely on (pxar.md §2,
 * §5, docs/formats.md). Shares nothing with the encoder, the decoder or the detection but the files on disk.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSnapshot } from '../../src/snapshot/names.js';
import { type CatalogPart, type CatalogRecord, catalogPart } from './raw-catalog.js';
import { readSingleTree, type SingleEntry, type SingleTree } from './single-tree.js';
import { chunksOf, ITEM, indexProblems, isItem } from './split-archive.js';
import { assembled, withSnapshot } from './streams.js';

const HEADER = 16;
const CATALOG = 'catalog.pcat1.didx';
const CLOSING_SIZE = 64;
const APPENDIX = 0x9ff6c9507864b38dn;
const APPENDIX_TAIL = 0x5b1b9abb7ae454f1n;
const TAIL = 0xef5eed5b753e1555n;

/** An entry whose `offset` counts from the archive's beginning. */
export interface SingleArchiveEntry extends SingleEntry {
  /** When its inode changed, as the catalog says; undefined where it does not. */
  readonly ctime: string | undefined;
}

/** A single archive of a snapshot as it is stored. */
export interface SingleArchive {
  /** 1, or 3 where it has an appendix. */
  readonly version: number;
  readonly entries: readonly SingleArchiveEntry[];
  /** All of the archive. */
  readonly payload: Buffer;
  /** Digest of each chunk. */
  readonly chunks: readonly string[];
  /** Digests of those chunks that are in the appendix. */
  readonly appendixChunks: readonly string[];
  /** Rules that do not hold; empty when all do. */
  readonly problems: readonly string[];
}

/** The files' positions from the archive's beginning. */
function placed({ entries, end }: SingleTree): SingleEntry[] {
  return entries.map((entry) =>
    entry.isReference ? { ...entry, offset: entry.offset + end + HEADER } : entry,
  );
}

function* referenceProblems(entries: readonly SingleEntry[], stream: Buffer, end: number): Generator<string> {
  let last = -1;
  for (const { path, kind, isReference, offset, size } of entries) {
    if (kind !== 'file') continue;
    if (!isItem(stream, offset, ITEM.payload, HEADER + size)) yield `${path}: no PAYLOAD header of its size`;
    if (!isReference) continue;
    if (offset <= last) yield `${path}: reference to ${offset} after ${last}`;
    if (offset + HEADER + size > end) yield `${path}: reaches beyond the appendix`;
    last = offset;
  }
}

/** What follows the tree of version 3: the appendix and the closing table. */
function* closingProblems(stream: Buffer, tree: SingleTree): Generator<string> {
  const table = stream.length - CLOSING_SIZE;
  if (!isItem(stream, tree.end, APPENDIX, table - tree.end))
    yield 'no appendix between the tree and the closing table';
  if (!isItem(stream, table, ITEM.goodbye, CLOSING_SIZE)) yield 'no closing table';
  const rows = [APPENDIX_TAIL, table - tree.end, table - tree.end, TAIL, table - tree.root, CLOSING_SIZE];
  const found = rows.map((_, i) => stream.readBigUInt64LE(table + HEADER + 8 * i));
  if (found.join() !== rows.join()) yield `the closing table has ${found.join()} instead of ${rows.join()}`;
}

function recordOf({ kind, letter, isReference, path, size, mtime }: SingleEntry): string {
  if (kind !== 'file') return `${kind === 'hardlink' ? 'h' : letter} ${path}`;
  return `${isReference ? 'r' : 'f'} ${path} ${size} ${mtime.seconds}`;
}

function* catalogProblems(
  { records, appendixStart }: CatalogPart,
  entries: readonly SingleEntry[],
  stream: Buffer,
  treeEnd: number | undefined,
): Generator<string> {
  if (appendixStart !== (treeEnd ?? 0)) yield `the catalog has the appendix at ${appendixStart}`;
  const below = entries.slice(1);
  if (records.length !== below.length)
    yield `${records.length} records in the catalog for ${below.length} entries`;
  for (const [i, record] of records.entries()) {
    const { type, path, size, mtime, extension } = record;
    const isFile = type === 'f' || type === 'r';
    const found = isFile ? `${type} ${path} ${size} ${mtime}` : `${type} ${path}`;
    const want = below[i] === undefined ? 'nothing' : recordOf(below[i]);
    if (found !== want) yield `the catalog has ${found} instead of ${want}`;
    if (extension === undefined) continue;
    const { mtimeNanoseconds, offset } = extension;
    if (mtimeNanoseconds !== below[i]?.mtime.nanoseconds) yield `${path}: mtime in the catalog`;
    const position = type === 'r' ? appendixStart + HEADER + offset : offset;
    if (position !== below[i]?.offset) yield `${path}: the catalog's ${offset} is not where its content is`;
    if (!isItem(stream, position, ITEM.payload, HEADER + size))
      yield `${path}: the catalog's ${offset} is no PAYLOAD header of its size`;
  }
}

function withCtime(entry: SingleEntry, record: CatalogRecord | undefined): SingleArchiveEntry {
  const { extension } = record ?? {};
  if (extension === undefined) return { ...entry, ctime: undefined };
  const nanoseconds = String(extension.ctimeNanoseconds).padStart(9, '0');
  return { ...entry, ctime: `${extension.ctime}.${nanoseconds}` };
}

/** Reads `root` or another single archive of a snapshot (`host/t` stands for its newest one) with its catalog, and checks them. */
export async function readSingle(store: string, snapshot: string, archive = 'root'): Promise<SingleArchive> {
  const names = [`${archive}.pxar.didx`, CATALOG] as const;
  const [stream, catalog] = await Promise.all(names.map((name) => assembled(store, snapshot, name)));
  return withSnapshot(store, snapshot, (reader) => {
    const directory = join(store, formatSnapshot(reader.snapshot));
    const [index, catalogIndex] = names.map((name) => readFileSync(join(directory, name)));
    const listed = names.map((name) => reader.manifest.files.find(({ filename }) => filename === name));
    const tree = readSingleTree(stream!);
    const entries = placed(tree);
    const part = catalogPart(catalog!, names[0]);
    const hasAppendix = tree.version === 3;
    const appendixEnd = hasAppendix ? stream!.length - CLOSING_SIZE : tree.end;
    const chunks = chunksOf(index!);
    const inAppendix = chunks.filter(({ end }) => end > tree.end + HEADER && end <= appendixEnd);
    return Promise.resolve({
      version: tree.version,
      entries: entries.map((entry, i) => withCtime(entry, part.records[i - 1])),
      payload: stream!,
      chunks: chunks.map(({ digest }) => digest),
      appendixChunks: inAppendix.map(({ digest }) => digest),
      problems: [
        ...tree.problems,
        ...referenceProblems(entries, stream!, appendixEnd),
        ...(hasAppendix ? closingProblems(stream!, tree) : []),
        ...(hasAppendix || tree.end === stream!.length ? [] : ['something follows the tree']),
        ...catalogProblems(part, entries, stream!, hasAppendix ? tree.end : undefined),
        ...indexProblems(index!, names[0], store, listed[0]),
        ...indexProblems(catalogIndex!, names[1], store, listed[1]),
      ],
    });
  });
}
