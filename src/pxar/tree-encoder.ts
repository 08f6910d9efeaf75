/** What writing a tree has in common in both layouts: directories, leaves, hard links, tables. pxar.md §2, §3, §5. */
import { BlockWriter, type OnBlock } from './block-writer.js';
import { PxarError, type PxarErrorCode } from './errors.js';
import { HEADER_SIZE, Item, MAX_BODY, MAX_DEPTH, MAX_NAME, ROW_SIZE, TAIL_HIGH, TAIL_LOW } from './format.js';
import { GoodbyeRows } from './goodbye-rows.js';
import { nameProblem, pathProblem } from './items.js';

/** Least body: an ENTRY without attributes. */
const LEAST_BODY = HEADER_SIZE + 40;

/** What an encoder writes to. */
export interface EncoderOptions {
  /** Gets each block of the stream in order, at most 256 KiB, and owns it. */
  readonly onBlock: OnBlock;
  /** The archive's name, for errors. */
  readonly archive?: string;
}

/** A directory whose GOODBYE is not written. Objects are used again at the same depth. */
class OpenDirectory {
  /** Position that the tail row points to: of the ENTRY, 0 for the root. */
  start = 0;
  readonly rows = new GoodbyeRows();
  /** Name of the child before, to check the order. */
  readonly lastName: Buffer = Buffer.allocUnsafe(MAX_NAME);
  lastLength = 0;
}

/**
 * Encoder of a tree but for its files, which each layout stores in its own way. Calls follow the tree: `root`, then for each directory
 * its children in byte order of their names and `leaveDirectory`, then `finish` for the root. Names and bodies are given as ranges of
 * larger buffers and copied: a body is ENTRY and attributes as `encodeMetadata` makes them, a hash is 8 bytes as in a goodbye row. What
 * breaks the format throws PxarError and leaves the stream without the entry; the stream is then incomplete and must be thrown away or
 * continued with another entry.
 */
export abstract class TreeEncoder {
  protected readonly writer: BlockWriter;
  readonly #archive: string;
  readonly #directories: OpenDirectory[] = [];
  #depth = 0;
  #finished = false;

  constructor({ onBlock, archive = 'archive' }: EncoderOptions) {
    this.writer = new BlockWriter(onBlock);
    this.#archive = archive;
  }

  /** Bytes of the stream so far. */
  get position(): number {
    return this.writer.position;
  }

  /** Starts the root directory; its body is source[start, end). */
  root(source: Buffer, start: number, end: number): void {
    if (this.#depth > 0 || this.#finished) throw this.fail('PXAR_STATE', 'the root is there already');
    this.checkBody(start, end);
    this.#open(0);
    this.writer.copy(source, start, end);
  }

  /** Starts a directory in the open one. */
  enterDirectory(
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    hash: Buffer,
    hashOffset: number,
    source: Buffer,
    start: number,
    end: number,
  ): void {
    this.checkBody(start, end);
    if (this.#depth === MAX_DEPTH)
      throw this.fail('PXAR_LIMIT', `directories nested deeper than ${MAX_DEPTH}`);
    const position = this.filename(name, nameStart, nameEnd);
    this.row(hash, hashOffset, position, 0);
    this.#open(this.writer.position);
    this.writer.copy(source, start, end);
  }

  /** Ends the open directory, which is not the root, with its table. */
  leaveDirectory(): void {
    if (this.#depth < 2) throw this.fail('PXAR_STATE', 'no directory to leave');
    this.#goodbye();
    this.#current().rows.closeLast(this.writer.position);
  }

  /** Writes a symbolic link, device, FIFO or socket; the body includes the SYMLINK or DEVICE item. */
  leaf(
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    hash: Buffer,
    hashOffset: number,
    source: Buffer,
    start: number,
    end: number,
  ): void {
    this.checkBody(start, end);
    const position = this.filename(name, nameStart, nameEnd);
    this.writer.copy(source, start, end);
    this.row(hash, hashOffset, position, this.writer.position - position);
  }

  /** Writes another name of the file whose FILENAME is at `targetPosition`; `targetPath` is its path from the root. */
  hardlink(
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    hash: Buffer,
    hashOffset: number,
    targetPosition: number,
    targetPath: Buffer,
  ): void {
    const problem = pathProblem(targetPath);
    if (problem !== undefined) throw this.fail('PXAR_HARDLINK', problem);
    if (!(targetPosition > 0 && targetPosition < this.position)) {
      throw this.fail('PXAR_HARDLINK', `hard link to byte ${targetPosition}, which is not earlier`);
    }
    const position = this.filename(name, nameStart, nameEnd);
    this.writer.header(Item.HARDLINK, 8 + targetPath.length + 1);
    this.writer.number(position - targetPosition);
    this.writer.copy(targetPath, 0, targetPath.length);
    this.writer.zero();
    this.row(hash, hashOffset, position, this.writer.position - position);
  }

  /** Ends the root and hands on the last block. */
  finish(): void {
    if (this.#depth !== 1) throw this.fail('PXAR_STATE', `${this.#depth} directories are open at the end`);
    this.#goodbye();
    this.#finished = true;
    this.writer.flush();
  }

  /** True behind `finish`. */
  protected get finished(): boolean {
    return this.#finished;
  }

  protected fail(code: PxarErrorCode, problem: string): PxarError {
    return new PxarError(code, this.#archive, this.writer.position, problem);
  }

  protected checkBody(start: number, end: number): void {
    const length = end - start;
    if (!(length >= LEAST_BODY && length <= MAX_BODY))
      throw this.fail('PXAR_LIMIT', `metadata of ${length} bytes`);
  }

  /** Begins an entry of the open directory; the result is the position of its FILENAME. */
  protected filename(name: Buffer, start: number, end: number): number {
    const directory = this.#current();
    this.#checkName(name, start, end);
    this.#checkOrder(directory, name, start, end);
    return this.#filename(name, start, end);
  }

  /** The same for a name that need not sort behind the one before. */
  protected unsortedFilename(name: Buffer, start: number, end: number): number {
    this.#checkName(name, start, end);
    return this.#filename(name, start, end);
  }

  /** Adds an entry to the open directory's table: its hash, the position of its FILENAME, its size there. */
  protected row(hash: Buffer, hashOffset: number, position: number, size: number): void {
    this.#current().rows.add(hash, hashOffset, position, size);
  }

  #current(): OpenDirectory {
    const directory = this.#depth === 0 ? undefined : this.#directories[this.#depth - 1];
    if (directory === undefined) throw this.fail('PXAR_STATE', 'no directory is open');
    return directory;
  }

  #open(start: number): void {
    if (this.#depth === this.#directories.length) this.#directories.push(new OpenDirectory());
    const directory = this.#directories[this.#depth++]!;
    directory.start = start;
    directory.rows.clear();
    directory.lastLength = 0;
  }

  #filename(name: Buffer, start: number, end: number): number {
    const { position } = this.writer;
    this.writer.header(Item.FILENAME, end - start + 1);
    this.writer.copy(name, start, end);
    this.writer.zero();
    return position;
  }

  #checkName(name: Buffer, start: number, end: number): void {
    const problem = nameProblem(name, start, end);
    if (problem !== undefined) throw this.fail('PXAR_NAME', problem);
  }

  /** §2.1: names ascend. The next run compares in lock-step and would take an unsorted name for a deleted one. */
  #checkOrder(directory: OpenDirectory, name: Buffer, start: number, end: number): void {
    const { lastName, lastLength } = directory;
    const length = end - start;
    let same = 0;
    while (same < length && same < lastLength && name[start + same] === lastName[same]) same++;
    const ascends =
      same === lastLength ? same < length : same < length && name[start + same]! > lastName[same]!;
    if (!ascends) throw this.fail('PXAR_ORDER', 'a name that does not sort behind the one before');
    for (let i = same; i < length; i++) lastName[i] = name[start + i]!;
    directory.lastLength = length;
  }

  #goodbye(): void {
    const { rows, start } = this.#current();
    const { position } = this.writer;
    const content = (rows.count + 1) * ROW_SIZE;
    rows.order(position);
    this.writer.header(Item.GOODBYE, content);
    this.writer.copy(rows.bytes, 0, rows.count * ROW_SIZE);
    this.writer.words(TAIL_LOW, TAIL_HIGH);
    this.writer.number(position - start);
    this.writer.number(HEADER_SIZE + content);
    this.#depth--;
  }
}
