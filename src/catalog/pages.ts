/** The bytes of a catalog in pages, some of which are kept. */
import { CatalogError } from './errors.js';
import { MAX_NAME } from './format.js';
import { MAX_I } from './varint.js';

/** Random access to a catalog's bytes: a file, a buffer, or chunks behind an index. */
export interface CatalogSource {
  /** Length of the catalog in bytes. */
  readonly size: number;
  /** Exactly the bytes [offset, offset + length); both lie within the size. The result must not change later. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** Bytes from `start` on. */
export interface Page {
  readonly start: number;
  readonly bytes: Buffer;
}

const PAGE_SIZE = 64 * 1024;
/** A walk comes back to a parent after each child: pages of the latest ones are there then. 4 MiB. */
const KEPT = 64;
/** No record is longer: type, name, and seven numbers at their longest. Each page goes on that far into the next. */
const LONGEST_RECORD: number = 1 + MAX_NAME + 7 * MAX_I;

/** A source in pages; the least recently used are forgotten. */
export class Pages {
  readonly #source: CatalogSource;
  readonly #archive: string;
  readonly #kept = new Map<number, Page>();
  #latest = -1;

  constructor(source: CatalogSource, archive: string) {
    this.#source = source;
    this.#archive = archive;
  }

  /** The page with the record at `position`: all of it, or all that is there before the end. Undefined if it must be loaded. */
  get(position: number): Page | undefined {
    const index = Math.floor(position / PAGE_SIZE);
    const page = this.#kept.get(index);
    if (page !== undefined && index !== this.#latest) this.#keep(index, page);
    return page;
  }

  /** Reads the page with the record at `position`. Throws CatalogError. */
  async load(position: number): Promise<Page> {
    const index = Math.floor(position / PAGE_SIZE);
    const start = index * PAGE_SIZE;
    const length = Math.min(PAGE_SIZE + LONGEST_RECORD, this.#source.size - start);
    const bytes = await this.#source.read(start, length);
    if (bytes.length !== length) {
      const problem = `${length} bytes asked, ${bytes.length} received`;
      throw new CatalogError('CATALOG_EOF', this.#archive, start, problem);
    }
    const page = { start, bytes };
    this.#keep(index, page);
    return page;
  }

  #keep(index: number, page: Page): void {
    // A map lists its keys in the order they came: the first is the one that was not used for longest.
    this.#kept.delete(index);
    this.#kept.set(index, page);
    this.#latest = index;
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value!);
  }
}
