/** Random access to an archive through its goodbye tables. pxar.md §5.5. */

import { native } from '../native.js';
import { checkAppendixHeader } from './appendix.js';
import { type ByteSource, Window } from './byte-source.js';
import type { DecoderOptions } from './decoder.js';
import type { ChildEntry, DirectoryEntry, FileEntry, HardlinkEntry } from './entry.js';
import { type ArchiveFacts, EntryParser } from './entry-parser.js';
import { PxarError, type PxarErrorCode } from './errors.js';
import { HEADER_SIZE, Item, itemName, MAX_DEPTH, ROW_SIZE } from './format.js';
import { GoodbyeTable } from './goodbye.js';
import { type FormatVersion, type Head, parseFilled, readHead } from './head.js';
import { pathProblem } from './items.js';

/** Bytes that are read at once to look at a single entry. */
const LOOKUP_BLOCK = 4096;
/** A FILENAME of one byte and a HARDLINK to another: no child is shorter. A table cannot have more rows than fit before it. */
const LEAST_CHILD = 44;
/** Largest table that is read, for 22 million children. restat's own bound. */
const MAX_TABLE = 512 * 1024 * 1024;
const SLASH = 0x2f;

/** An entry and where it ends. Get it from an accessor, give it back to the same one. */
export interface Node<E extends ChildEntry = ChildEntry> {
  readonly entry: E;
  /** Position behind the entry; for a directory, behind its GOODBYE item. */
  readonly end: number;
}

/** A directory that can be looked into. */
export type DirectoryNode = Node<DirectoryEntry>;

/** Tells directories from other nodes. */
export function isDirectory(node: Node): node is DirectoryNode {
  return node.entry.kind === 'directory';
}

function isFile(node: Node): node is Node<FileEntry> {
  return node.entry.kind === 'file';
}

/**
 * Opens directories, finds names, follows hard links. Every answer is checked against the table it came from; what does not
 * fit is a PxarError. Calls may overlap.
 */
export class PxarAccessor {
  readonly #source: ByteSource;
  readonly #facts: ArchiveFacts;
  readonly #head: Head;
  /** Tables that were read, as long as somebody holds their directory. */
  readonly #tables = new WeakMap<DirectoryEntry, GoodbyeTable>();

  private constructor(source: ByteSource, facts: ArchiveFacts, head: Head) {
    this.#source = source;
    this.#facts = facts;
    this.#head = head;
  }

  /** Reads the head of an archive, and in version 3 what leads to its tree from the end. Throws PxarError. */
  static async open(source: ByteSource, options: DecoderOptions): Promise<PxarAccessor> {
    const facts = { archive: options.archive, payloadSize: options.payloadSize };
    const window = new Window(source, facts.archive, source.size, LOOKUP_BLOCK);
    const head = await readHead(window, new EntryParser(window, facts), facts);
    if (head.appendix !== undefined) await checkAppendixHeader(window, head.appendix, facts.archive);
    return new PxarAccessor(source, facts, head);
  }

  get version(): FormatVersion {
    return this.#head.version;
  }

  get prelude(): Buffer | undefined {
    return this.#head.prelude;
  }

  /** The root directory. */
  async root(): Promise<DirectoryNode> {
    const end = this.#head.appendix?.start ?? this.#source.size;
    const { window, parser } = this.#parser(end, LOOKUP_BLOCK);
    const position = this.#head.root;
    const entry = await parseFilled(window, position, () => parser.root(position));
    return { entry, end };
  }

  /** The child of a directory with this name; undefined if there is none. */
  async lookup(directory: DirectoryNode, name: Buffer): Promise<Node | undefined> {
    const table = await this.#table(directory);
    for (const row of table.find(native.nameHash(name))) {
      const { window, parser } = this.#parser(table.goodbye, LOOKUP_BLOCK);
      const node = await this.#child(window, parser, directory, table, row);
      if (node.entry.name.equals(name)) return node;
    }
    return undefined;
  }

  /** All children of a directory, in archive order. Two equal names are an error. */
  async readDirectory(directory: DirectoryNode): Promise<Node[]> {
    const table = await this.#table(directory);
    const rows = Array.from({ length: table.count }, (_, i) => i);
    rows.sort((a, b) => table.position(a) - table.position(b));
    const { window, parser } = this.#parser(table.goodbye);
    const names = new Set<string>();
    const nodes: Node[] = [];
    let end = this.#bodyEnd(directory);
    for (const row of rows) {
      if (table.position(row) !== end)
        throw table.fail(`row ${row} points to ${table.position(row)}, the entry before ends at ${end}`);
      const node = await this.#child(window, parser, directory, table, row);
      const { position, name } = node.entry;
      const key = name.toString('latin1');
      if (names.has(key))
        throw this.#fail('PXAR_DUPLICATE_NAME', position, 'name comes twice in its directory');
      names.add(key);
      nodes.push(node);
      end = node.end;
    }
    if (end !== table.goodbye) throw table.fail(`entries end at ${end}`);
    return nodes;
  }

  /** The entry at a `/` separated path from the root, `''` is the root; undefined if there is none. */
  async lookupPath(path: Buffer): Promise<Node | undefined> {
    let node: Node = await this.root();
    if (path.length === 0) return node;
    if (pathProblem(path) !== undefined) return undefined;
    for (let start = 0; start <= path.length; ) {
      if (!isDirectory(node)) return undefined;
      const slash = path.indexOf(SLASH, start);
      const end = slash < 0 ? path.length : slash;
      const child: Node | undefined = await this.lookup(node, path.subarray(start, end));
      if (child === undefined) return undefined;
      node = child;
      start = end + 1;
    }
    return node;
  }

  /**
   * Position of the first child at or behind `position`, as the directory's table has it; where there is none, of the table.
   * Throws PxarError when the table cannot be read or ends before `position`.
   */
  async nextPosition(directory: DirectoryNode, position: number): Promise<number> {
    const table = await this.#table(directory);
    let next = table.goodbye;
    for (let row = 0; row < table.count; row += 1) {
      const child = table.position(row);
      if (child >= position && child < next) next = child;
    }
    if (next >= position && next >= this.#bodyEnd(directory)) return next;
    throw this.#fail('PXAR_GOODBYE', table.goodbye, `the directory ends before byte ${position}`);
  }

  /** The regular file that a hard link leads to: path and position must name the same one. §3.8. */
  async resolveLink(link: HardlinkEntry): Promise<Node<FileEntry>> {
    const target = await this.lookupPath(link.targetPath);
    if (target === undefined || !isFile(target) || target.entry.position !== link.targetPosition) {
      const problem = `hard link to byte ${link.targetPosition}, where its path finds no regular file`;
      throw this.#fail('PXAR_HARDLINK', link.position, problem);
    }
    return target;
  }

  #parser(limit: number, blockSize?: number): { window: Window; parser: EntryParser } {
    const window = new Window(this.#source, this.#facts.archive, limit, blockSize);
    const parser = new EntryParser(window, this.#facts);
    parser.version = this.#head.version;
    parser.appendix = this.#head.appendix;
    return { window, parser };
  }

  #bodyPosition({ entry }: DirectoryNode): number {
    return entry.depth === 0 ? entry.position : entry.position + HEADER_SIZE + entry.name.length + 1;
  }

  #bodyEnd(directory: DirectoryNode): number {
    return this.#bodyPosition(directory) + directory.entry.body.length;
  }

  async #table(directory: DirectoryNode): Promise<GoodbyeTable> {
    const known = this.#tables.get(directory.entry);
    if (known !== undefined) return known;
    const table = await this.#readTable(directory);
    this.#tables.set(directory.entry, table);
    return table;
  }

  /** §5.5 step 1: the tail row is the last 24 bytes of a directory and leads to the rest. */
  async #readTable(directory: DirectoryNode): Promise<GoodbyeTable> {
    const { entry, end } = directory;
    const least = this.#bodyEnd(directory);
    if (end - least < HEADER_SIZE + ROW_SIZE)
      throw this.#fail('PXAR_GOODBYE', end, 'no room for a goodbye table');
    const tail = new GoodbyeTable(
      await this.#read(end - ROW_SIZE, ROW_SIZE),
      end - ROW_SIZE,
      this.#facts.archive,
    );
    const size = tail.itemSize;
    const goodbye = end - size;
    const childBytes = ((size - HEADER_SIZE) / ROW_SIZE - 1) * LEAST_CHILD;
    if (!(size >= HEADER_SIZE + ROW_SIZE && size <= MAX_TABLE && goodbye - least >= childBytes)) {
      throw this.#fail('PXAR_GOODBYE', end, `table of ${size} bytes`);
    }
    const { window, parser } = this.#parser(end, LOOKUP_BLOCK);
    const item = await parseFilled(window, goodbye, () => parser.peek(goodbye));
    if (item !== Item.GOODBYE || parser.content !== size - HEADER_SIZE) {
      throw this.#fail(
        'PXAR_GOODBYE',
        goodbye,
        `${itemName(item)} of ${parser.content} bytes instead of the goodbye table`,
      );
    }
    const content = await this.#read(goodbye + HEADER_SIZE, size - HEADER_SIZE);
    const table = new GoodbyeTable(content, goodbye, this.#facts.archive);
    const startFits =
      table.start === this.#bodyPosition(directory) || (entry.depth === 0 && table.start === 0);
    if (!startFits) throw table.fail(`tail row that points to ${table.start}`);
    table.checkOrder();
    return table;
  }

  #fail(code: PxarErrorCode, position: number, problem: string): PxarError {
    return new PxarError(code, this.#facts.archive, position, problem);
  }

  async #read(position: number, length: number): Promise<Buffer> {
    const bytes = await this.#source.read(position, length);
    if (bytes.length === length) return bytes;
    throw this.#fail('PXAR_EOF', position, `${length} bytes asked, ${bytes.length} received`);
  }

  /** The entry of one row, with everything that the row says about it checked. */
  async #child(
    window: Window,
    parser: EntryParser,
    directory: DirectoryNode,
    table: GoodbyeTable,
    row: number,
  ): Promise<Node> {
    const position = table.position(row);
    const span = table.size(row);
    if (!(position >= this.#bodyEnd(directory) && span > 0))
      throw table.fail(`row ${row} points to ${position}`);
    const depth = directory.entry.depth + 1;
    if (depth >= MAX_DEPTH) throw this.#fail('PXAR_LIMIT', position, 'directories nested too deep');
    if (position < window.start) throw table.fail(`row ${row} overlaps another`);
    const entry = await parseFilled(window, position, () => parser.child(position, depth));
    const end = entry.kind === 'directory' ? position + span : parser.end;
    this.#checkRow(table, row, entry, end);
    return { entry, end };
  }

  #checkRow(table: GoodbyeTable, row: number, entry: ChildEntry, end: number): void {
    const hash = native.nameHash(entry.name);
    if (Number(hash & 0xffff_ffffn) !== table.low(row) || Number(hash >> 32n) !== table.high(row)) {
      throw table.fail(`row ${row} has the hash of another name`);
    }
    const span = end - entry.position;
    const extra = this.version === 2 && entry.kind === 'file' && !entry.inline ? entry.size : 0;
    const size = table.size(row);
    if ((size !== span && size !== span + extra) || !(end <= table.goodbye))
      throw table.fail(`row ${row} has a size of ${size}`);
  }
}
