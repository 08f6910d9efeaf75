/** Parses one directory entry out of a window: FILENAME, ENTRY, attributes and what ends them. pxar.md §2, §3, §6. */
import { type Appendix, appendixContent } from './appendix.js';
import { BodyParser, NEED } from './body-parser.js';
import type { Window } from './byte-source.js';
import type { ChildEntry, DirectoryEntry, HardlinkEntry } from './entry.js';
import type { PxarError } from './errors.js';
import { HEADER_SIZE, Item, itemName, Mode, readU64 } from './format.js';
import { nameProblem, pathProblem } from './items.js';

/** What the format version and the payload archive allow in an archive. */
export interface ArchiveFacts {
  /** Name for errors. */
  readonly archive: string;
  /** Length of the payload archive, if it is known: references must lie inside. */
  readonly payloadSize: number | undefined;
}

const EMPTY = Buffer.alloc(0);

/** The parser keeps what it found last in fields, so that an entry costs no more than its own object. */
export class EntryParser {
  /** Format version of the archive: PAYLOAD_REF needs 2. */
  version = 1;
  /** The archive's appendix: APPENDIX_REF needs one and must lead into it. */
  appendix: Appendix | undefined;
  /** Position behind the entry that was parsed last; behind the ENTRY and attributes if it is a directory. */
  end = 0;
  readonly #window: Window;
  readonly #facts: ArchiveFacts;
  readonly #body: BodyParser;

  constructor(window: Window, facts: ArchiveFacts) {
    this.#window = window;
    this.#facts = facts;
    this.#body = new BodyParser(window, facts.archive);
  }

  /** Item number of the header at `position`; undefined if the window must be filled. */
  peek(position: number): number | undefined {
    const item = this.#body.read(position - this.#window.start);
    return item === NEED ? undefined : item;
  }

  /** Content size of the header that was read last. */
  get content(): number {
    return this.#body.header.content;
  }

  /** The root's ENTRY at `position`; undefined if the window must be filled. */
  root(position: number): DirectoryEntry | undefined {
    const at = position - this.#window.start;
    const bodyEnd = this.#body.parse(at);
    if (bodyEnd === NEED) return undefined;
    if ((this.#body.mode & Mode.TYPE) !== Mode.DIRECTORY)
      throw this.#body.fail('PXAR_MODE', at, 'the root is not a directory');
    this.#expectChildren(bodyEnd);
    this.end = this.#window.start + bodyEnd;
    const body = this.#window.block.subarray(at, bodyEnd);
    return { kind: 'directory', name: EMPTY, depth: 0, position, body, mode: this.#body.mode };
  }

  /** The child whose FILENAME is at `position`; undefined if the window must be filled. */
  child(position: number, depth: number): ChildEntry | undefined {
    const at = position - this.#window.start;
    const item = this.#body.read(at);
    if (item === NEED) return undefined;
    if (item !== Item.FILENAME)
      throw this.#body.fail('PXAR_ITEM', at, `${itemName(item)} instead of FILENAME`);
    const nameAt = at + HEADER_SIZE;
    const bodyAt = nameAt + this.#body.header.content;
    if (!this.#window.holds(nameAt, this.#body.header.content)) return undefined;
    this.#checkName(nameAt, bodyAt);
    const name = this.#window.block.subarray(nameAt, bodyAt - 1);
    const first = this.#body.read(bodyAt);
    if (first === NEED) return undefined;
    if (first === Item.HARDLINK) return this.#hardlink(bodyAt, name, depth, position);
    const bodyEnd = this.#body.parse(bodyAt);
    return bodyEnd === NEED ? undefined : this.#content(name, depth, position, bodyAt, bodyEnd);
  }

  #checkName(at: number, end: number): void {
    const { block } = this.#window;
    if (end === at || block[end - 1] !== 0)
      throw this.#body.fail('PXAR_NAME', at - HEADER_SIZE, 'name without its NUL');
    const problem = nameProblem(block, at, end - 1);
    if (problem !== undefined) throw this.#body.fail('PXAR_NAME', at - HEADER_SIZE, problem);
  }

  #expectChildren(at: number): void {
    const { item } = this.#body.header;
    if (item !== Item.FILENAME && item !== Item.GOODBYE) throw this.#unfit(at);
  }

  #expect(item: number, at: number): void {
    if (this.#body.header.item !== item) throw this.#unfit(at);
  }

  #unfit(at: number): PxarError {
    const mode = this.#body.mode.toString(8);
    return this.#body.fail(
      'PXAR_MODE',
      at,
      `${itemName(this.#body.header.item)} behind an entry with mode 0${mode}`,
    );
  }

  #content(
    name: Buffer,
    depth: number,
    position: number,
    at: number,
    bodyEnd: number,
  ): ChildEntry | undefined {
    const mode = this.#body.mode;
    const type = mode & Mode.TYPE;
    if (type === Mode.FILE) return this.#file(name, depth, position, at, bodyEnd);
    if (type === Mode.SYMLINK) return this.#symlink(name, depth, position, at, bodyEnd);
    if (type === Mode.CHARACTER || type === Mode.BLOCK)
      return this.#device(name, depth, position, at, bodyEnd);
    if (this.#body.header.item !== Item.UNKNOWN) this.#expectChildren(bodyEnd);
    this.end = this.#window.start + bodyEnd;
    const body = this.#window.block.subarray(at, bodyEnd);
    if (type === Mode.DIRECTORY) return { kind: 'directory', name, depth, position, body, mode };
    if (type === Mode.FIFO) return { kind: 'fifo', name, depth, position, body, mode };
    if (type === Mode.SOCKET) return { kind: 'socket', name, depth, position, body, mode };
    throw this.#unfit(bodyEnd);
  }

  #file(name: Buffer, depth: number, position: number, at: number, bodyEnd: number): ChildEntry | undefined {
    const { block, view, start } = this.#window;
    const { item } = this.#body.header;
    const inline = item === Item.PAYLOAD;
    let payloadOffset = start + bodyEnd;
    let size = this.#body.header.content;
    if (inline) {
      this.end = payloadOffset + HEADER_SIZE + size;
      if (!(this.end <= this.#window.limit))
        throw this.#body.fail('PXAR_EOF', bodyEnd, `payload of ${size} bytes beyond the archive`);
    } else {
      this.#expectReference(item, bodyEnd);
      if (!this.#window.holds(bodyEnd + HEADER_SIZE, 16)) return undefined;
      payloadOffset = readU64(view, bodyEnd + HEADER_SIZE);
      size = readU64(view, bodyEnd + HEADER_SIZE + 8);
      if (this.appendix === undefined) this.#checkReference(bodyEnd, payloadOffset, size);
      else payloadOffset = this.#inAppendix(this.appendix, bodyEnd, payloadOffset, size);
      this.end = start + bodyEnd + HEADER_SIZE + 16;
    }
    const body = block.subarray(at, bodyEnd);
    return { kind: 'file', name, depth, position, body, mode: this.#body.mode, payloadOffset, size, inline };
  }

  #expectReference(item: number, at: number): void {
    if (item !== Item.PAYLOAD_REF && item !== Item.APPENDIX_REF) throw this.#unfit(at);
    const fits = item === Item.PAYLOAD_REF ? this.version === 2 : this.appendix !== undefined;
    if (fits) return;
    throw this.#body.fail('PXAR_ITEM', at, `${itemName(item)} in an archive of version ${this.version}`);
  }

  /** Position in the archive of what is at `offset` of the appendix's content. */
  #inAppendix(appendix: Appendix, at: number, offset: number, size: number): number {
    const position = appendixContent(appendix.start) + offset;
    const end = position + HEADER_SIZE + size;
    if (!Number.isSafeInteger(end))
      throw this.#body.fail('PXAR_RANGE', at, 'appendix reference above 2^53 - 1');
    if (end <= appendix.start + appendix.size) return position;
    const problem = `reference to ${size} bytes at ${offset} of an appendix of ${appendix.size} bytes`;
    throw this.#body.fail('PXAR_APPENDIX', at, problem);
  }

  #checkReference(at: number, offset: number, size: number): void {
    const end = offset + HEADER_SIZE + size;
    if (!Number.isSafeInteger(end))
      throw this.#body.fail('PXAR_RANGE', at, 'payload reference above 2^53 - 1');
    const { payloadSize } = this.#facts;
    if (offset < HEADER_SIZE || (payloadSize !== undefined && end > payloadSize)) {
      throw this.#body.fail(
        'PXAR_PAYLOAD',
        at,
        `reference to ${size} bytes at ${offset}, outside the payload archive`,
      );
    }
  }

  #symlink(
    name: Buffer,
    depth: number,
    position: number,
    at: number,
    bodyEnd: number,
  ): ChildEntry | undefined {
    this.#expect(Item.SYMLINK, bodyEnd);
    const targetAt = bodyEnd + HEADER_SIZE;
    const targetEnd = targetAt + this.#body.header.content - 1;
    const { block, start } = this.#window;
    if (!this.#window.holds(targetAt, this.#body.header.content)) return undefined;
    const target = block.subarray(targetAt, targetEnd);
    if (block[targetEnd] !== 0 || target.length === 0 || target.includes(0)) {
      throw this.#body.fail(
        'PXAR_SYMLINK',
        bodyEnd,
        'symbolic link target that is empty or not ended by its only NUL',
      );
    }
    this.end = start + targetEnd + 1;
    return {
      kind: 'symlink',
      name,
      depth,
      position,
      body: block.subarray(at, bodyEnd),
      mode: this.#body.mode,
      target,
    };
  }

  #device(
    name: Buffer,
    depth: number,
    position: number,
    at: number,
    bodyEnd: number,
  ): ChildEntry | undefined {
    this.#expect(Item.DEVICE, bodyEnd);
    const { block: bytes, view, start } = this.#window;
    if (!this.#window.holds(bodyEnd + HEADER_SIZE, 16)) return undefined;
    const major = readU64(view, bodyEnd + HEADER_SIZE);
    const minor = readU64(view, bodyEnd + HEADER_SIZE + 8);
    if (Number.isNaN(major) || Number.isNaN(minor))
      throw this.#body.fail('PXAR_RANGE', bodyEnd, 'device number above 2^53 - 1');
    this.end = start + bodyEnd + HEADER_SIZE + 16;
    const mode = this.#body.mode;
    const block = (mode & Mode.TYPE) === Mode.BLOCK;
    return {
      kind: 'device',
      name,
      depth,
      position,
      body: bytes.subarray(at, bodyEnd),
      mode,
      major,
      minor,
      block,
    };
  }

  #hardlink(at: number, name: Buffer, depth: number, position: number): HardlinkEntry | undefined {
    const { block, view, start } = this.#window;
    const content = at + HEADER_SIZE;
    if (!this.#window.holds(content, this.#body.header.content)) return undefined;
    const pathEnd = content + this.#body.header.content - 1;
    if (block[pathEnd] !== 0) throw this.#body.fail('PXAR_HARDLINK', at, 'hard link path without its NUL');
    const targetPath = block.subarray(content + 8, pathEnd);
    const problem = pathProblem(targetPath);
    if (problem !== undefined) throw this.#body.fail('PXAR_HARDLINK', at, problem);
    const back = readU64(view, content);
    if (!(back > 0 && back <= position))
      throw this.#body.fail('PXAR_HARDLINK', at, `hard link that points ${back} bytes back`);
    this.end = start + pathEnd + 1;
    return { kind: 'hardlink', name, depth, position, targetPosition: position - back, targetPath };
  }
}
