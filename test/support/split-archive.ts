/**
 * A split archive read by its bytes alone, and every rule that readers rely on (change-detection.md §8, §11.2). Shares nothing with
 * the encoder, the decoder or the detection but the files on disk.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatSnapshot } from '../../src/snapshot/names.js';
import { assembled, withSnapshot } from './streams.js';

export const ITEM = {
  version: 0x730f6c75df16a40dn,
  prelude: 0xe309d79d9f7b771bn,
  entry: 0xd5956474e588acefn,
  filename: 0x16701121063917b3n,
  symlink: 0x27f971e7dbf5dc5fn,
  device: 0x9fc9e906586d5ce9n,
  hardlink: 0x51269c8422bd7275n,
  payloadRef: 0x419d3d6bc4ba977en,
  payload: 0x28147a1b0b7c1a25n,
  goodbye: 0x2fec4fa642d5731dn,
  start: 0x834c68c2194a4ed2n,
  tail: 0x6c72b78b984c81b5n,
} as const;
const HEADER = 16;
const INDEX_HEADER = 4096;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

export interface SplitEntry {
  /** Path of the entry, latin1, '' for the root. */
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'hardlink' | 'other';
  /** Metadata items, hex; empty for a hard link. */
  readonly body: string;
  /** What stands in the entry's content item: link targets, device numbers; hex. */
  readonly content: string;
  /** Of a file: position of its PAYLOAD header, bytes of content, modification time. */
  readonly offset: number;
  readonly size: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
}

interface RawItem {
  readonly type: bigint;
  readonly content: Buffer;
  readonly bytes: Buffer;
}

function* itemsOf(stream: Buffer): Generator<RawItem> {
  for (let at = 0; at < stream.length; ) {
    const size = Number(stream.readBigUInt64LE(at + 8));
    if (size < HEADER || at + size > stream.length) throw new Error(`no item at byte ${at}`);
    const bytes = stream.subarray(at, at + size);
    yield { type: stream.readBigUInt64LE(at), content: bytes.subarray(HEADER), bytes };
    at += size;
  }
}

/** Gathers the items of one entry after the other. */
class Entries {
  readonly found: SplitEntry[] = [];
  readonly #directories: string[] = [];
  #name: string | undefined;
  #body: Buffer[] = [];

  take({ type, content, bytes }: RawItem): void {
    if (type === ITEM.filename) {
      this.#endsWithoutContent();
      this.#name = content.subarray(0, -1).toString('latin1');
    } else if (type === ITEM.goodbye) {
      this.#endsWithoutContent();
      this.#directories.pop();
    } else if (type === ITEM.hardlink) this.#add('hardlink', content.subarray(8));
    else if (type === ITEM.payloadRef) this.#add('file', content);
    else if (type === ITEM.symlink || type === ITEM.device) this.#add('other', content);
    else this.#body.push(bytes);
  }

  /** An entry is over without an item of its own for contents: a directory, FIFO or socket. */
  #endsWithoutContent(): void {
    if (this.#body.length === 0) return;
    const isDirectory = (this.#body[0]!.readUInt32LE(HEADER) & S_IFMT) === S_IFDIR;
    this.#add(isDirectory ? 'directory' : 'other', Buffer.alloc(0));
  }

  #add(kind: SplitEntry['kind'], content: Buffer): void {
    const above = this.#directories.at(-1);
    const path = above === undefined ? '' : `${above}/${this.#name ?? ''}`;
    const [entry] = this.#body;
    const isFile = kind === 'file';
    this.found.push({
      path,
      kind,
      body: Buffer.concat(this.#body).toString('hex'),
      content: isFile ? '' : content.toString('hex'),
      offset: isFile ? Number(content.readBigUInt64LE(0)) : 0,
      size: isFile ? Number(content.readBigUInt64LE(8)) : 0,
      mtime: {
        seconds: entry === undefined ? 0 : Number(entry.readBigInt64LE(HEADER + 24)),
        nanoseconds: entry === undefined ? 0 : entry.readUInt32LE(HEADER + 32),
      },
    });
    if (kind === 'directory') this.#directories.push(path);
    this.#name = undefined;
    this.#body = [];
  }
}

/** All entries of a metadata stream in archive order. */
export function splitEntries(metadata: Buffer): SplitEntry[] {
  const entries = new Entries();
  for (const item of itemsOf(metadata)) {
    if (item.type === ITEM.version || item.type === ITEM.prelude) continue;
    entries.take(item);
  }
  return entries.found;
}

/** A split archive of a snapshot as it is stored. */
export interface SplitArchive {
  readonly entries: readonly SplitEntry[];
  readonly payload: Buffer;
  /** End offset and digest of each chunk of the payload stream. */
  readonly chunks: readonly { readonly end: number; readonly digest: string }[];
  /** Rules that do not hold; empty when all do. */
  readonly problems: readonly string[];
}

export function isItem(stream: Buffer, at: number, type: bigint, size: number): boolean {
  if (at < 0 || at + HEADER > stream.length) return false;
  return stream.readBigUInt64LE(at) === type && stream.readBigUInt64LE(at + 8) === BigInt(size);
}

function* payloadProblems(entries: readonly SplitEntry[], payload: Buffer): Generator<string> {
  if (!isItem(payload, 0, ITEM.start, HEADER)) yield 'the payload stream does not begin with its marker';
  if (!isItem(payload, payload.length - HEADER, ITEM.tail, HEADER))
    yield 'the payload stream does not end with its marker';
  let last = 0;
  for (const { path, offset, size } of entries.filter(({ kind }) => kind === 'file')) {
    if (offset <= last) yield `${path}: offset ${offset} after ${last}`;
    if (offset + HEADER + size > payload.length - HEADER) yield `${path}: reaches into the end marker`;
    if (!isItem(payload, offset, ITEM.payload, HEADER + size)) yield `${path}: no PAYLOAD header of its size`;
    last = offset;
  }
}

type Listed = { readonly csum: string; readonly size: number } | undefined;

export function* indexProblems(
  index: Buffer,
  name: string,
  store: string,
  listed: Listed,
): Generator<string> {
  const entries = index.subarray(INDEX_HEADER);
  const csum = createHash('sha256').update(entries).digest('hex');
  if (index.subarray(32, 64).toString('hex') !== csum) yield `${name}: checksum in the header`;
  if (listed?.csum !== csum) yield `${name}: checksum in the manifest`;
  let last = 0;
  for (const { end, digest } of chunksOf(index)) {
    if (end <= last) yield `${name}: chunk ends at ${end}, the one before at ${last}`;
    const info = statSync(join(store, '.chunks', digest.slice(0, 4), digest), { throwIfNoEntry: false });
    if (info === undefined || info.size === 0) yield `${name}: chunk ${digest} is not in the datastore`;
    last = end;
  }
  if (listed?.size !== last) yield `${name}: size in the manifest`;
}

export function chunksOf(index: Buffer): { end: number; digest: string }[] {
  return Array.from({ length: (index.length - INDEX_HEADER) / 40 }, (_, i) => {
    const at = INDEX_HEADER + 40 * i;
    return {
      end: Number(index.readBigUInt64LE(at)),
      digest: index.subarray(at + 8, at + 40).toString('hex'),
    };
  });
}

/** Reads `root` or another split archive of a snapshot (`host/t` stands for its newest one) and checks it. */
export async function readSplit(store: string, snapshot: string, archive = 'root'): Promise<SplitArchive> {
  const names = [`${archive}.ppxar.didx`, `${archive}.mpxar.didx`] as const;
  const [payload, metadata] = await Promise.all(names.map((name) => assembled(store, snapshot, name)));
  return withSnapshot(store, snapshot, async (reader) => {
    const directory = join(store, formatSnapshot(reader.snapshot));
    const [payloadIndex, metadataIndex] = names.map((name) => readFileSync(join(directory, name)));
    const listed = names.map((name) => reader.manifest.files.find(({ filename }) => filename === name));
    const entries = splitEntries(metadata!);
    const order = reader.manifest.files.map(({ filename }) => String(filename));
    return {
      entries,
      payload: payload!,
      chunks: chunksOf(payloadIndex!),
      problems: [
        ...payloadProblems(entries, payload!),
        ...indexProblems(payloadIndex!, names[0], store, listed[0]),
        ...indexProblems(metadataIndex!, names[1], store, listed[1]),
        ...(order.indexOf(names[0]) < order.indexOf(names[1]) ? [] : ['the manifest names mpxar first']),
      ],
    };
  });
}

/** SHA-256 of a file's content in the payload stream. */
export function contentHash(
  { payload }: Pick<SplitArchive, 'payload'>,
  { offset, size }: SplitEntry,
): string {
  const at = offset + HEADER;
  return createHash('sha256')
    .update(payload.subarray(at, at + size))
    .digest('hex');
}
