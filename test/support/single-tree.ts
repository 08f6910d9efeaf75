/** The tree of a single archive, from its first item to the root's table, with what readers rely on in it. pxar.md §2, §3.8, §5. */
import { ITEM, type SplitEntry } from './split-archive.js';

const HEADER = 16;
const ROW = 24;
const VERSION_SIZE = 24;
const APPENDIX_REF = 0x849b4a17e0234f8en;
const TAIL = 0xef5eed5b753e1555n;
const S_IFMT = 0o170000;
const LETTERS = new Map([
  [0o040000, 'd'],
  [0o100000, 'f'],
  [0o120000, 'l'],
  [0o060000, 'b'],
  [0o020000, 'c'],
  [0o010000, 'p'],
  [0o140000, 's'],
]);

/** An entry; `offset` of a reference counts from the appendix's content, of any other file from the archive's beginning. */
export interface SingleEntry extends SplitEntry {
  readonly isReference: boolean;
  /** What a catalog calls its type; empty for a hard link. */
  readonly letter: string;
}

export interface SingleTree {
  /** 1, or what the FORMAT_VERSION item says. */
  readonly version: number;
  /** Positions of the root's ENTRY and of the byte behind its table. */
  readonly root: number;
  readonly end: number;
  readonly entries: readonly SingleEntry[];
  readonly problems: readonly string[];
}

interface OpenDirectory {
  readonly path: string;
  /** Positions of its FILENAME, and of what the last row of its table leads to. */
  readonly filename: number;
  readonly entry: number;
  /** First byte and length of each child. */
  readonly children: { readonly start: number; readonly length: number }[];
}

interface Item {
  readonly type: bigint;
  readonly at: number;
  readonly end: number;
  readonly content: Buffer;
}

function itemAt(stream: Buffer, at: number): Item {
  const size = at + HEADER > stream.length ? 0 : Number(stream.readBigUInt64LE(at + 8));
  if (size < HEADER || at + size > stream.length) throw new Error(`no item at byte ${at}`);
  const content = stream.subarray(at + HEADER, at + size);
  return { type: stream.readBigUInt64LE(at), at, end: at + size, content };
}

class TreeReader {
  readonly entries: SingleEntry[] = [];
  readonly problems: string[] = [];
  readonly #stream: Buffer;
  readonly #open: OpenDirectory[] = [];
  /** Paths of files by the positions of their FILENAMEs. */
  readonly #files = new Map<number, string>();
  #name = '';
  #filename = 0;
  /** Where the metadata of the entry stand that is being read; they are empty between entries. */
  #start = 0;
  #end = 0;

  constructor(stream: Buffer) {
    this.#stream = stream;
  }

  /** Reads a tree; returns the position behind it. */
  read(root: number): number {
    this.#filename = root;
    this.#start = root;
    this.#end = root;
    let at = root;
    do {
      const item = itemAt(this.#stream, at);
      this.#take(item);
      at = item.end;
    } while (this.#open.length > 0 || this.#start < this.#end);
    return at;
  }

  #take(item: Item): void {
    const { type, at, end, content } = item;
    if (type === ITEM.filename) {
      this.#endWithoutContent(at);
      this.#name = content.subarray(0, -1).toString('latin1');
      this.#filename = at;
      this.#start = end;
      this.#end = end;
    } else if (type === ITEM.goodbye) {
      this.#endWithoutContent(at);
      this.#leave(item);
    } else if (type === ITEM.hardlink) this.#hardlink(item);
    else if (type === ITEM.payload) this.#add('file', end, { offset: at, size: content.length });
    else if (type === APPENDIX_REF) this.#reference(item);
    else if (type === ITEM.symlink || type === ITEM.device) this.#add('other', end, { content });
    else this.#end = end;
  }

  /** An entry is over without an item of its own for contents: a directory, FIFO or socket. */
  #endWithoutContent(at: number): void {
    if (this.#start === this.#end) return;
    const [filename, entry] = [this.#filename, this.#open.length === 0 ? 0 : this.#start];
    const isDirectory = this.#letter() === 'd';
    const path = this.#add(isDirectory ? 'directory' : 'other', isDirectory ? undefined : at, {});
    if (isDirectory) this.#open.push({ path, filename, entry, children: [] });
  }

  #reference({ content, end }: Item): void {
    const [offset, size] = [0, 8].map((i) => Number(content.readBigUInt64LE(i)));
    this.#add('file', end, { offset: offset!, size: size!, isReference: true });
  }

  #hardlink({ content, end }: Item): void {
    const target = this.#filename - Number(content.readBigUInt64LE(0));
    const path = this.#add('hardlink', end, { content: content.subarray(8) });
    if (this.#files.get(target) !== `/${content.subarray(8, -1).toString('latin1')}`)
      this.problems.push(`${path}: leads to byte ${target}, where its target is not`);
  }

  #letter(): string {
    if (this.#start === this.#end) return '';
    return LETTERS.get(this.#stream.readUInt32LE(this.#start + HEADER) & S_IFMT) ?? '?';
  }

  /** Adds the entry that has been read, which ends at `end`; a directory's end comes later. Returns its path. */
  #add(
    kind: SplitEntry['kind'],
    end: number | undefined,
    what: { content?: Buffer; offset?: number; size?: number; isReference?: boolean },
  ): string {
    const above = this.#open.at(-1);
    const path = above === undefined ? '' : `${above.path}/${this.#name}`;
    const body = this.#stream.subarray(this.#start, this.#end);
    const { content, offset = 0, size = 0, isReference = false } = what;
    this.entries.push({
      path,
      kind,
      body: body.toString('hex'),
      content: content?.toString('hex') ?? '',
      offset,
      size,
      isReference,
      letter: this.#letter(),
      mtime: {
        seconds: body.length === 0 ? 0 : Number(body.readBigInt64LE(HEADER + 24)),
        nanoseconds: body.length === 0 ? 0 : body.readUInt32LE(HEADER + 32),
      },
    });
    if (kind === 'file') this.#files.set(this.#filename, path);
    if (end !== undefined) above?.children.push({ start: this.#filename, length: end - this.#filename });
    this.#start = this.#end;
    return path;
  }

  /** A table: one row for each child, in whatever order, and the tail. */
  #leave({ at, end, content }: Item): void {
    const directory = this.#open.pop();
    if (directory === undefined) throw new Error(`a table without a directory at byte ${at}`);
    const { path, filename, entry, children } = directory;
    const rows = Array.from({ length: content.length / ROW }, (_, i) =>
      [8, 16].map((field) => Number(content.readBigUInt64LE(i * ROW + field))).join(),
    );
    const wanted = children.map(({ start, length }) => `${at - start},${length}`);
    const tail = rows.pop();
    if (rows.sort().join(' ') !== wanted.sort().join(' ')) this.problems.push(`${path}: rows of the table`);
    if (tail !== `${at - entry},${end - at}` || content.readBigUInt64LE(content.length - ROW) !== TAIL)
      this.problems.push(`${path}: last row of the table`);
    this.#open.at(-1)?.children.push({ start: filename, length: end - filename });
  }
}

/** Reads the tree at the beginning of a single archive. Throws an Error where it is none. */
export function readSingleTree(stream: Buffer): SingleTree {
  const hasVersion = stream.readBigUInt64LE(0) === ITEM.version;
  const version = hasVersion ? Number(stream.readBigUInt64LE(HEADER)) : 1;
  const root = hasVersion ? VERSION_SIZE : 0;
  const reader = new TreeReader(stream);
  const end = reader.read(root);
  const problems = !hasVersion || version === 3 ? [] : [`version ${version}`];
  return { version, root, end, entries: reader.entries, problems: [...problems, ...reader.problems] };
}
