/** Writes a single archive (version 1) but for the contents of its files, which others put in. pxar.md §2, §3.14, §7.2. */
import { HEADER_SIZE, Item } from './format.js';
import { TreeEncoder } from './tree-encoder.js';

/**
 * Encoder of a single archive. Positions count the contents of files: a PAYLOAD item, header and content, belongs behind the
 * metadata of each. It is up to the caller to put it where `buffered` says when `file` returns.
 */
export class SingleEncoder extends TreeEncoder {
  /** Bytes of the block that is being filled: where in it the next byte will stand. */
  get buffered(): number {
    return this.writer.buffered;
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

  /** Writes a file with its content behind all others of the open directory, wherever its name belongs. §2.1, §7.2. */
  lastFile(name: Buffer, hash: Buffer, body: Buffer, content: Buffer): void {
    this.checkBody(0, body.length);
    const position = this.unsortedFilename(name, 0, name.length);
    this.writer.copy(body, 0, body.length);
    this.writer.header(Item.PAYLOAD, content.length);
    this.writer.copy(content, 0, content.length);
    this.row(hash, 0, position, this.writer.position - position);
  }
}
