/** Writes a single archive (version 1 or 3) but for the contents of its files, which others put in. pxar.md §2, §3.14, §7.2. */
import { APPENDIX_VERSION, CLOSING_SIZE } from './appendix.js';
import { APPENDIX_TAIL_HIGH, APPENDIX_TAIL_LOW, HEADER_SIZE, Item, TAIL_HIGH, TAIL_LOW } from './format.js';
import { type EncoderOptions, TreeEncoder } from './tree-encoder.js';

/** What a single archive is written to. */
export interface SingleEncoderOptions extends EncoderOptions {
  /** Writes version 3: files may refer to an appendix, which `startAppendix` and `finishAppendix` put behind the tree. */
  readonly appendix?: boolean;
}

/** Which call of those that write an appendix comes next. */
type Phase = 'none' | 'start' | 'finish';

/**
 * Encoder of a single archive. Positions count the contents of files: a PAYLOAD item, header and content, belongs behind the
 * metadata of each. It is up to the caller to put it where `buffered` says when `file` returns.
 */
export class SingleEncoder extends TreeEncoder {
  #phase: Phase;
  /** Position of the root's ENTRY. */
  readonly #root: number;
  #lastOffset = -1;
  /** Bytes of appendix that the references so far need. */
  #leastLength = 0;
  #appendixStart = 0;
  #appendixSize = 0;

  constructor(options: SingleEncoderOptions) {
    super(options);
    this.#phase = options.appendix === true ? 'start' : 'none';
    if (this.#phase === 'start') {
      this.writer.header(Item.FORMAT_VERSION, 8);
      this.writer.number(APPENDIX_VERSION);
    }
    this.#root = this.position;
  }

  /** Bytes of the block that is being filled: where in it the next byte will stand. */
  get buffered(): number {
    return this.writer.buffered;
  }

  /** Position of the APPENDIX header. PXAR_STATE before `startAppendix`. */
  get appendixStart(): number {
    if (this.#appendixSize === 0) throw this.fail('PXAR_STATE', 'the appendix has not begun');
    return this.#appendixStart;
  }

  /** Hands on what is in the block that is being filled. */
  flush(): void {
    this.writer.flush();
  }

  /**
   * Writes a regular file up to its PAYLOAD item, which has `size` bytes of content. The result is the position of the FILENAME,
   * which hard links refer to.
   */
  file(
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    hash: Buffer,
    hashOffset: number,
    source: Buffer,
    start: number,
    end: number,
    size: number,
  ): number {
    this.checkBody(start, end);
    if (!(size >= 0 && Number.isSafeInteger(this.position + end - start + size)))
      throw this.fail('PXAR_RANGE', `payload of ${size} bytes`);
    const position = this.filename(name, nameStart, nameEnd);
    this.writer.copy(source, start, end);
    this.writer.skip(HEADER_SIZE + size);
    this.row(hash, hashOffset, position, this.writer.position - position);
    return position;
  }

  /**
   * Writes a regular file whose PAYLOAD header is `offset` bytes behind the APPENDIX header's end, with `size` bytes of content.
   * Offsets must increase. The result is the position of the FILENAME, which hard links refer to.
   */
  reference(
    name: Buffer,
    nameStart: number,
    nameEnd: number,
    hash: Buffer,
    hashOffset: number,
    source: Buffer,
    start: number,
    end: number,
    offset: number,
    size: number,
  ): number {
    this.checkBody(start, end);
    this.#checkReference(offset, size);
    const position = this.filename(name, nameStart, nameEnd);
    this.writer.copy(source, start, end);
    this.writer.header(Item.APPENDIX_REF, 16);
    this.writer.number(offset);
    this.writer.number(size);
    this.#lastOffset = offset;
    this.#leastLength = Math.max(this.#leastLength, offset + HEADER_SIZE + size);
    this.row(hash, hashOffset, position, this.writer.position - position);
    return position;
  }

  /** Writes a file with its content behind all others of the open directory, wherever its name belongs. §2.1, §7.2. */
  lastFile(name: Buffer, hash: Buffer, body: Buffer, content: Buffer): void {
    this.checkBody(0, body.length);
    const position = this.unsortedFilename(name, 0, name.length);
    this.writer.copy(body, 0, body.length);
    this.writer.header(Item.PAYLOAD, content.length);
    this.writer.copy(content, 0, content.length);
    this.row(hash, 0, position, this.writer.position - position);
  }

  /**
   * Begins the appendix behind the finished tree and hands on the last block. The caller then puts `length` bytes into the stream,
   * which are counted here. PXAR_PAYLOAD if a reference reaches beyond them.
   */
  startAppendix(length: number): void {
    if (this.#phase !== 'start' || !this.finished)
      throw this.fail('PXAR_STATE', 'no finished tree that an appendix belongs to');
    const { position } = this.writer;
    if (!(length >= 0 && Number.isSafeInteger(position + HEADER_SIZE + length + CLOSING_SIZE)))
      throw this.fail('PXAR_RANGE', `appendix of ${length} bytes`);
    if (length < this.#leastLength)
      throw this.fail('PXAR_PAYLOAD', `appendix of ${length} bytes, its files need ${this.#leastLength}`);
    this.#phase = 'finish';
    this.#appendixStart = position;
    this.#appendixSize = HEADER_SIZE + length;
    this.writer.header(Item.APPENDIX, length);
    this.writer.flush();
    this.writer.skip(length);
  }

  /** Writes the closing table behind the appendix and hands on the last block. */
  finishAppendix(): void {
    if (this.#phase !== 'finish') throw this.fail('PXAR_STATE', 'no open appendix');
    this.#phase = 'none';
    const { writer } = this;
    const table = writer.position;
    writer.header(Item.GOODBYE, CLOSING_SIZE - HEADER_SIZE);
    writer.words(APPENDIX_TAIL_LOW, APPENDIX_TAIL_HIGH);
    writer.number(table - this.#appendixStart);
    writer.number(this.#appendixSize);
    writer.words(TAIL_LOW, TAIL_HIGH);
    writer.number(table - this.#root);
    writer.number(CLOSING_SIZE);
    writer.flush();
  }

  #checkReference(offset: number, size: number): void {
    if (this.#phase !== 'start')
      throw this.fail('PXAR_STATE', 'a reference in an archive without an appendix');
    // Whole numbers whose sum is exact are exact themselves.
    const isWhole = Number.isInteger(offset) && Number.isInteger(size);
    if (!isWhole || offset < 0 || size < 0 || !Number.isSafeInteger(offset + HEADER_SIZE + size))
      throw this.fail('PXAR_RANGE', `content of ${size} bytes at ${offset} of the appendix`);
    if (offset <= this.#lastOffset)
      throw this.fail('PXAR_PAYLOAD', `appendix offset ${offset} behind ${this.#lastOffset}`);
  }
}
