/** The part of writing a catalog that all versions share: directories, order, positions. catalog.md §1, §3, §4. */
import { BlockOutput, type OnBlock } from './block-output.js';
import { DirectoryTable } from './directory-table.js';
import { CatalogError, type CatalogErrorCode } from './errors.js';
import { MAX_DEPTH, nameProblem, OTHER_BYTES, type OtherType, POINTER_SIZE } from './format.js';

/** What a catalog is written to. */
export interface CatalogWriterOptions {
  /** Gets each piece of the catalog in order, at most 256 KiB, and owns it. */
  readonly onBlock: OnBlock;
  /** The catalog's name, for errors. */
  readonly archive?: string;
}

/**
 * Writer of a catalog but for its files, which each version describes in its own way. Calls follow the tree: `startDirectory` with
 * the server name of an archive, what is in it in the archive's order, `endDirectory`; then the next archive, or `finish`. Names are
 * ranges of buffers and are copied. What breaks the format throws CatalogError and adds nothing. Memory: the entries of the open
 * directories, about as many bytes as they have in the catalog.
 */
export abstract class TreeWriter {
  readonly #archive: string;
  readonly #output: BlockOutput;
  /** Tables of the root and the open directories; those behind the depth are used again. */
  readonly #tables: DirectoryTable[] = [new DirectoryTable()];
  #depth = 0;
  #finished = false;

  constructor({ onBlock, archive = 'catalog.pcat1.didx' }: CatalogWriterOptions, magic: Buffer) {
    this.#archive = archive;
    this.#output = new BlockOutput(onBlock);
    this.#output.copy(magic, 0, magic.length);
  }

  /** Bytes of the catalog so far: of all directories that have ended. */
  get position(): number {
    return this.#output.position;
  }

  /** Starts a directory in the open one; without an open one, an archive. */
  startDirectory(name: Buffer, start = 0, end: number = name.length): void {
    if (this.#depth === MAX_DEPTH)
      throw this.fail('CATALOG_LIMIT', `directories nested deeper than ${MAX_DEPTH}`);
    this.#begin(this.directoryType(this.#depth), name, start, end);
    this.#depth++;
    if (this.#depth === this.#tables.length) this.#tables.push(new DirectoryTable());
  }

  /** Ends the open directory and writes its block. */
  endDirectory(): void {
    this.closeDirectory();
  }

  /** Writes what has nothing but a name: a symbolic link, hard link, device, FIFO or socket. */
  other(type: OtherType, name: Buffer, start = 0, end: number = name.length): void {
    this.beginEntry(OTHER_BYTES[type], name, start, end);
  }

  /** Ends the catalog when all directories have ended, and hands on the last piece. */
  finish(): void {
    if (this.#depth > 0 || this.#finished) {
      throw this.fail(
        'CATALOG_STATE',
        this.#finished ? 'already finished' : 'a directory is open at the end',
      );
    }
    this.#finished = true;
    const pointer = Buffer.alloc(POINTER_SIZE);
    pointer.writeBigUInt64LE(BigInt(this.#tables[0]!.write(this.#output)));
    this.#output.copy(pointer, 0, POINTER_SIZE);
    this.#output.flush();
  }

  /** Type byte of a directory below `depth` others. */
  protected abstract directoryType(depth: number): number;

  /** Directories that are open. */
  protected get depth(): number {
    return this.#depth;
  }

  /** Begins an entry in the open directory: its tail goes into the result. */
  protected beginEntry(type: number, name: Buffer, start: number, end: number): DirectoryTable {
    if (this.#depth === 0) throw this.fail('CATALOG_STATE', 'no archive is open');
    return this.#begin(type, name, start, end);
  }

  /** Ends the open directory; what follows the distance in its entry goes into the result. */
  protected closeDirectory(): DirectoryTable {
    if (this.#depth === 0) throw this.fail('CATALOG_STATE', 'no directory to end');
    const table = this.#tables[this.#depth]!;
    const block = table.write(this.#output);
    table.clear();
    this.#depth--;
    const parent = this.#tables[this.#depth]!;
    parent.distance(block);
    return parent;
  }

  protected fail(code: CatalogErrorCode, problem: string): CatalogError {
    return new CatalogError(code, this.#archive, this.#output.position, problem);
  }

  #begin(type: number, name: Buffer, start: number, end: number): DirectoryTable {
    if (this.#finished) throw this.fail('CATALOG_STATE', 'already finished');
    const problem = nameProblem(name, start, end);
    if (problem !== undefined) throw this.fail('CATALOG_NAME', problem);
    const table = this.#tables[this.#depth]!;
    table.begin(type, name, start, end);
    return table;
  }
}
