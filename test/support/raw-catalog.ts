/** A catalog read by its bytes alone (catalog.md §2, §3, docs/formats.md): shares nothing with the reader and the writers. */

const MAGICS = new Map([
  ['91fd60f9c46758d5', 1],
  ['ccdf18d3bb7db7e2', 2],
]);
const POINTER = 8;

/** What stands in a catalog of one entry; only files have more than a type and a path. */
export interface CatalogRecord {
  /** `f`, `r`, `d`, `l`, … */
  readonly type: string;
  /** Below the archive, latin1: `/a/b`. */
  readonly path: string;
  readonly size: number;
  readonly mtime: number;
  /** Version 2 only. */
  readonly extension:
    | {
        readonly ctime: number;
        readonly ctimeNanoseconds: number;
        readonly mtimeNanoseconds: number;
        readonly offset: number;
      }
    | undefined;
}

export interface CatalogPart {
  readonly version: number;
  /** 0 if there is none. */
  readonly appendixStart: number;
  /** In the order of the archive, the root left out. */
  readonly records: readonly CatalogRecord[];
}

/** Takes numbers and names off a block. */
class Block {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  take(length: number): Buffer {
    if (this.at + length > this.#bytes.length) throw new Error(`the catalog ends within byte ${this.at}`);
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  text(): string {
    return this.take(this.unsigned()).toString('latin1');
  }

  unsigned(): number {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  signed(): number {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.byte();
      if (byte === 0) return value === 0 ? 0 : -value;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }
}

class RawCatalog {
  readonly #bytes: Buffer;
  readonly version: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const version = MAGICS.get(bytes.toString('hex', 0, 8));
    if (version === undefined) throw new Error('no catalog');
    this.version = version;
  }

  part(archive: string): CatalogPart {
    const block = this.#open(Number(this.#bytes.readBigUInt64LE(this.#bytes.length - POINTER)));
    for (let left = block.count; left > 0; left -= 1) {
      const type = String.fromCharCode(block.bytes.byte());
      if (type !== (this.version === 2 ? 'a' : 'd')) throw new Error(`'${type}' in the root of the catalog`);
      const name = block.bytes.text();
      const child = block.start - block.bytes.unsigned();
      const appendixStart = this.version === 2 ? block.bytes.unsigned() : 0;
      if (name === archive)
        return { version: this.version, appendixStart, records: [...this.#records(child, '')] };
    }
    throw new Error(`no ${archive} in the catalog`);
  }

  #open(start: number): { start: number; bytes: Block; count: number; end: number } {
    const bytes = new Block(this.#bytes, start);
    const length = bytes.unsigned();
    const end = bytes.at + length;
    return { start, bytes, count: bytes.unsigned(), end };
  }

  *#records(start: number, above: string): Generator<CatalogRecord> {
    const { bytes, count, end } = this.#open(start);
    for (let left = count; left > 0; left -= 1) {
      const type = String.fromCharCode(bytes.byte());
      const path = `${above}/${bytes.text()}`;
      if (type === 'f' || type === 'r') yield this.#file(bytes, type, path);
      else yield { type, path, size: 0, mtime: 0, extension: undefined };
      if (type === 'd') yield* this.#records(start - bytes.unsigned(), path);
    }
    if (bytes.at !== end) throw new Error(`the block at ${start} of the catalog does not end at ${end}`);
  }

  #file(bytes: Block, type: string, path: string): CatalogRecord {
    const [size, mtime] = [bytes.unsigned(), bytes.signed()];
    if (this.version === 1) return { type, path, size, mtime, extension: undefined };
    const [ctime, ctimeNanoseconds] = [bytes.signed(), bytes.unsigned()];
    const [mtimeNanoseconds, offset] = [bytes.unsigned(), bytes.unsigned()];
    return { type, path, size, mtime, extension: { ctime, ctimeNanoseconds, mtimeNanoseconds, offset } };
  }
}

/** What a catalog says of one archive (`NAME.pxar.didx`). Throws an Error where it is none. */
export function catalogPart(bytes: Buffer, archive: string): CatalogPart {
  return new RawCatalog(bytes).part(archive);
}
