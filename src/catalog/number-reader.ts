/** Reads the numbers of a record one after the other, and says what is wrong with one. */
import { CatalogError, type CatalogErrorCode } from './errors.js';
import type { Page } from './pages.js';
import { VarintReader } from './varint.js';

/** A place in a page that moves on with each number. One object serves a whole catalog. */
export class NumberReader {
  readonly #archive: string;
  readonly #varint = new VarintReader();
  #page: Page = { start: 0, bytes: Buffer.alloc(0) };
  /** Offset in the page of what is read next, and behind the last byte that may be read. */
  #at = 0;
  #end = 0;

  constructor(archive: string) {
    this.#archive = archive;
  }

  /** Goes to `position`; what is read must end at `end` at the latest. */
  within(page: Page, position: number, end: number): void {
    this.#page = page;
    this.#at = position - page.start;
    this.#end = Math.min(end - page.start, page.bytes.length);
  }

  /** Position of what is read next. */
  get position(): number {
    return this.#page.start + this.#at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** The next byte. `left` must not be 0. */
  byte(): number {
    return this.#page.bytes[this.#at++]!;
  }

  /** A copy of the next bytes. `left` must be as many. */
  bytes(length: number): Buffer {
    const copy = Buffer.from(this.#page.bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return copy;
  }

  /** A U that must be below 2^53. `what` is its name in CatalogError. */
  u(what: string): number {
    const value = this.#varint.u(this.#page.bytes, this.#at, this.#end);
    if (value === undefined) throw this.#broken(what);
    if (typeof value === 'bigint') throw this.fail('CATALOG_RANGE', this.position, `${what} ${value}`);
    this.#at = this.#varint.next;
    return value;
  }

  /** An I; a bigint beyond 2^53 - 1. */
  i(what: string): number | bigint {
    const value = this.#varint.i(this.#page.bytes, this.#at, this.#end);
    if (value === undefined) throw this.#broken(what);
    this.#at = this.#varint.next;
    return value;
  }

  fail(code: CatalogErrorCode, position: number, problem: string): CatalogError {
    return new CatalogError(code, this.#archive, position, problem);
  }

  #broken(what: string): CatalogError {
    return this.fail('CATALOG_NUMBER', this.position, `${what} does not end where it must`);
  }
}
