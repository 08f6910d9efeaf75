/** Reads catalogs of both versions. catalog.md §1, §5. */
import { type Block, checkFilled, openBlock } from './block.js';
import type { CatalogDirectory, CatalogEntry, WalkedEntry } from './entry.js';
import { EntryParser } from './entry-parser.js';
import { CatalogError } from './errors.js';
import { type CatalogVersion, FIRST_BLOCK, MAGIC, MAX_DEPTH, MIN_BLOCK, POINTER_SIZE } from './format.js';
import { NumberReader } from './number-reader.js';
import { type CatalogSource, Pages } from './pages.js';

const MIN_SIZE = FIRST_BLOCK + MIN_BLOCK + POINTER_SIZE;
/** Most bytes of the names of a path, each with its slash: restat's own bound. */
const MAX_PATH = 1024 * 1024;

/**
 * A catalog that is open. Memory does not depend on it: blocks are read a page at a time and are never in memory as a whole. Time
 * neither depends on more than its length: no two directories share a block (`childOf`), so what reads all entries reads each byte
 * once, and the way to a path leads through blocks that lie one before the other.
 */
export class CatalogReader {
  readonly version: CatalogVersion;
  /** The directory whose entries are the archives. */
  readonly root: CatalogDirectory;
  readonly #archive: string;
  readonly #pages: Pages;
  readonly #numbers: NumberReader;
  readonly #parser: EntryParser;
  /** Where the blocks end that were opened, as long as somebody holds their directories. */
  readonly #ends = new WeakMap<CatalogDirectory, number>();

  private constructor(pages: Pages, archive: string, version: CatalogVersion, root: CatalogDirectory) {
    this.version = version;
    this.root = root;
    this.#archive = archive;
    this.#pages = pages;
    this.#numbers = new NumberReader(archive);
    this.#parser = new EntryParser(version, archive, this.#numbers, root.start);
  }

  /** Opens a catalog; `archive` is its name in errors. Throws CatalogError. */
  static async open(source: CatalogSource, archive: string): Promise<CatalogReader> {
    const { size } = source;
    if (size < MIN_SIZE) throw new CatalogError('CATALOG_EOF', archive, size, `${size} bytes are no catalog`);
    const pages = new Pages(source, archive);
    const { bytes } = pages.get(0) ?? (await pages.load(0));
    const version = versionOf(bytes.subarray(0, FIRST_BLOCK));
    if (version === undefined) throw new CatalogError('CATALOG_MAGIC', archive, 0, 'not a catalog');
    return new CatalogReader(pages, archive, version, await rootOf(pages, size, archive));
  }

  /**
   * The entries of a directory in their order. Directories that are looked into before the next entry is asked for are apart from those
   * that follow, as in a walk. Throws CatalogError.
   */
  async *list(directory: CatalogDirectory): AsyncGenerator<CatalogEntry> {
    const block = await this.#open(directory);
    while (block.left > 0) {
      const page = this.#pages.get(block.at) ?? (await this.#pages.load(block.at));
      const entry = this.#parser.next(block, page);
      yield entry;
      if (entry.type === 'd') block.least = Math.max(block.least, this.#ends.get(entry.directory) ?? 0);
    }
    checkFilled(block, this.#archive);
  }

  /** What a path leads to, or undefined: the first name is an archive's, and of equal names the first counts. Throws CatalogError. */
  async find(path: readonly Buffer[]): Promise<CatalogEntry | undefined> {
    let found: CatalogEntry | undefined;
    let directory: CatalogDirectory | undefined = this.root;
    for (const name of path) {
      found = directory && (await this.#child(directory, name));
      if (found === undefined) return undefined;
      directory = found.type === 'd' ? found.directory : undefined;
    }
    return found;
  }

  /** All entries below a directory, by default the root, each directory before what is in it. Throws CatalogError. */
  async *walk(top: CatalogDirectory = this.root): AsyncGenerator<WalkedEntry> {
    const open: Block[] = [await this.#open(top)];
    const lengths: number[] = [0];
    for (let block = open.at(-1); block !== undefined; block = open.at(-1)) {
      if (block.left === 0) {
        this.#leave(block, open.at(-2));
        open.pop();
        lengths.pop();
        continue;
      }
      const page = this.#pages.get(block.at) ?? (await this.#pages.load(block.at));
      const entry = this.#parser.next(block, page);
      yield { depth: open.length - 1, entry };
      if (entry.type !== 'd') continue;
      const length = lengths.at(-1)! + 1 + entry.name.length;
      if (open.length > MAX_DEPTH || length > MAX_PATH) throw this.#tooDeep(block, open.length);
      open.push(await this.#open(entry.directory));
      lengths.push(length);
    }
  }

  /** Ends a directory: what follows in the parent lies behind its block. */
  #leave(block: Block, parent: Block | undefined): void {
    checkFilled(block, this.#archive);
    if (parent !== undefined) parent.least = block.end;
  }

  #tooDeep({ start }: Block, depth: number): CatalogError {
    const problem = `path of ${depth} names, longer than ${MAX_DEPTH} names or ${MAX_PATH} bytes`;
    return new CatalogError('CATALOG_LIMIT', this.#archive, start, problem);
  }

  async #child(directory: CatalogDirectory, name: Buffer): Promise<CatalogEntry | undefined> {
    for await (const entry of this.list(directory)) if (entry.name.equals(name)) return entry;
    return undefined;
  }

  async #open(directory: CatalogDirectory): Promise<Block> {
    const page = this.#pages.get(directory.start) ?? (await this.#pages.load(directory.start));
    const block = openBlock(directory, page, this.#numbers);
    this.#ends.set(directory, block.end);
    return block;
  }
}

function versionOf(magic: Buffer): CatalogVersion | undefined {
  if (magic.equals(MAGIC[1])) return 1;
  return magic.equals(MAGIC[2]) ? 2 : undefined;
}

/** The root's block, which the end of the file points to. §1. */
async function rootOf(pages: Pages, size: number, archive: string): Promise<CatalogDirectory> {
  const end = size - POINTER_SIZE;
  const page = pages.get(end) ?? (await pages.load(end));
  const pointer = page.bytes.readBigUInt64LE(end - page.start);
  if (pointer < FIRST_BLOCK || pointer > end - MIN_BLOCK) {
    throw new CatalogError('CATALOG_POSITION', archive, end, `root directory at ${pointer}`);
  }
  return { start: Number(pointer), end, least: FIRST_BLOCK };
}
