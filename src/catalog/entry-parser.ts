/** One entry of a block, in any version of the catalog. catalog.md §3, docs/formats.md. */
import { type Block, childOf } from './block.js';
import type { CatalogEntry, FileEntry, FileExtension } from './entry.js';
import {
  type CatalogVersion,
  MAX_NAME,
  nameProblem,
  OTHER_BYTES,
  type OtherType,
  SECOND,
  Type,
} from './format.js';
import type { NumberReader } from './number-reader.js';
import type { Page } from './pages.js';

const OTHERS: ReadonlyMap<number, OtherType> = new Map([
  [OTHER_BYTES.l, 'l'],
  [OTHER_BYTES.h, 'h'],
  [OTHER_BYTES.b, 'b'],
  [OTHER_BYTES.c, 'c'],
  [OTHER_BYTES.p, 'p'],
  [OTHER_BYTES.s, 's'],
]);

/** Parser of entries. One object serves a whole catalog. */
export class EntryParser {
  readonly #version: CatalogVersion;
  readonly #archive: string;
  readonly #numbers: NumberReader;
  /** Position of the root's block: only there stand archives of version 2. */
  readonly #root: number;

  constructor(version: CatalogVersion, archive: string, numbers: NumberReader, root: number) {
    this.#version = version;
    this.#archive = archive;
    this.#numbers = numbers;
    this.#root = root;
  }

  /** Reads the next entry of a block, in the page that holds it, and moves the block on. Throws CatalogError. */
  next(block: Block, page: Page): CatalogEntry {
    const numbers = this.#numbers;
    const position = block.at;
    numbers.within(page, position, block.end);
    if (numbers.left === 0)
      throw numbers.fail('CATALOG_TABLE', position, `the table ends ${block.left} entries early`);
    const type = numbers.byte();
    const name = this.#name(position);
    const entry = this.#tail(type, name, block, position);
    block.at = numbers.position;
    block.left--;
    return entry;
  }

  #name(position: number): Buffer {
    const numbers = this.#numbers;
    const length = numbers.u('length of a name');
    if (length > MAX_NAME) throw numbers.fail('CATALOG_NAME', position, `name of ${length} bytes`);
    if (length > numbers.left)
      throw numbers.fail('CATALOG_TABLE', position, `name of ${length} bytes where ${numbers.left} are left`);
    const name = numbers.bytes(length);
    const problem = nameProblem(name, 0, length);
    if (problem !== undefined) throw numbers.fail('CATALOG_NAME', position, problem);
    return name;
  }

  #tail(type: number, name: Buffer, block: Block, position: number): CatalogEntry {
    if (type === Type.FILE) return this.#file(name, 'archive', position);
    if (type === Type.DIRECTORY) return this.#directory(name, block, position);
    const other = OTHERS.get(type);
    if (other !== undefined) return { type: other, name };
    if (this.#version === 2 && type === Type.APPENDIX_FILE) return this.#file(name, 'appendix', position);
    if (this.#version === 2 && type === Type.ARCHIVE && block.start === this.#root) {
      const entry = this.#directory(name, block, position);
      return { ...entry, appendixStart: this.#numbers.u('start of an appendix') || undefined };
    }
    throw this.#numbers.fail('CATALOG_TYPE', position, `entry of type 0x${type.toString(16)}`);
  }

  #directory(name: Buffer, block: Block, position: number): CatalogEntry & { readonly type: 'd' } {
    const directory = childOf(block, this.#numbers.u('distance to a directory'), this.#archive, position);
    return { type: 'd', name, directory, appendixStart: undefined };
  }

  #file(name: Buffer, place: FileExtension['place'], position: number): FileEntry {
    const size = this.#numbers.u('size of a file');
    const mtime = this.#numbers.i('time of a file');
    const extension = this.#version === 2 ? this.#extension(place, position) : undefined;
    return { type: 'f', name, size, mtime, extension };
  }

  #extension(place: FileExtension['place'], position: number): FileExtension {
    const ctime = this.#numbers.i('time of a file');
    const ctimeNanoseconds = this.#nanoseconds(position);
    const mtimeNanoseconds = this.#nanoseconds(position);
    return { ctime, ctimeNanoseconds, mtimeNanoseconds, place, offset: this.#numbers.u('offset of a file') };
  }

  #nanoseconds(position: number): number {
    const value = this.#numbers.u('nanoseconds');
    if (value >= SECOND) throw this.#numbers.fail('CATALOG_TIME', position, `${value} nanoseconds`);
    return value;
  }
}
