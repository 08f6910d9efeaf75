/** Writes the metadata stream of a split archive (version 2). pxar.md §2–§5. */
import { HEADER_SIZE, Item, MAX_PRELUDE } from './format.js';
import { type EncoderOptions, TreeEncoder } from './tree-encoder.js';

/** Format version that is written. */
const VERSION = 2;

/** What a metadata stream is written to. */
export interface MetadataEncoderOptions extends EncoderOptions {
  /** Content of a PRELUDE item. */
  readonly prelude?: Buffer;
}

/** Encoder of a metadata stream. */
export class MetadataEncoder extends TreeEncoder {
  #lastPayload = 0;

  constructor(options: MetadataEncoderOptions) {
    super({ archive: 'metadata stream', ...options });
    this.writer.header(Item.FORMAT_VERSION, 8);
    this.writer.number(VERSION);
    const { prelude } = options;
    if (prelude === undefined) return;
    if (prelude.length > MAX_PRELUDE) throw this.fail('PXAR_LIMIT', `prelude of ${prelude.length} bytes`);
    this.writer.header(Item.PRELUDE, prelude.length);
    this.writer.copy(prelude, 0, prelude.length);
  }

  /**
   * Writes a regular file whose PAYLOAD header is at `payloadOffset` of the payload stream. `fresh` says that the content is
   * written there in this run: the goodbye row's size then includes it (§5.2). Offsets must increase. The result is the position
   * of the FILENAME, which hard links refer to.
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
    payloadOffset: number,
    size: number,
    fresh: boolean,
  ): number {
    this.checkBody(start, end);
    this.#checkPayload(payloadOffset, size);
    const position = this.filename(name, nameStart, nameEnd);
    this.writer.copy(source, start, end);
    this.writer.header(Item.PAYLOAD_REF, 16);
    this.writer.number(payloadOffset);
    this.writer.number(size);
    this.#lastPayload = payloadOffset;
    const span = this.writer.position - position;
    this.row(hash, hashOffset, position, fresh ? span + size : span);
    return position;
  }

  #checkPayload(offset: number, size: number): void {
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(size) ||
      size < 0 ||
      !Number.isSafeInteger(offset + size)
    ) {
      throw this.fail('PXAR_RANGE', `payload of ${size} bytes at ${offset}`);
    }
    if (offset < HEADER_SIZE || offset <= this.#lastPayload) {
      throw this.fail('PXAR_PAYLOAD', `payload offset ${offset} behind ${this.#lastPayload}`);
    }
  }
}
