/** Packs entries into the records that the native extraction takes (layout: src/native-extract.ts). */

export const RecordKind = {
  directory: 1,
  close: 2,
  file: 3,
  symlink: 4,
  device: 5,
  fifo: 6,
  socket: 7,
  hardlink: 8,
} as const;

const AT = {
  length: 0,
  kind: 4,
  parent: 8,
  own: 12,
  position: 16,
  payload: 24,
  size: 32,
  name: 40,
  body: 44,
  extra: 48,
  value: 56,
  end: 64,
} as const;

/** Parent of the target directory itself. */
export const NO_PARENT = 0xffff_ffff;
/** Records are handed on when so many bytes have come together. */
const FULL = 512 * 1024;
const EMPTY = Buffer.alloc(0);

export interface RecordFields {
  readonly kind: number;
  readonly parent: number;
  readonly own?: number;
  readonly position?: number;
  readonly payloadOffset?: number;
  readonly size?: number;
  readonly name?: Buffer;
  readonly body?: Buffer;
  readonly extra?: Buffer;
  /** Hard link: position of its target. Device: [major, minor]. */
  readonly value?: number | readonly [number, number];
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

export class RecordWriter {
  #bytes = Buffer.alloc(2 * FULL);
  #length = 0;
  /** So many bytes at the beginning are of records that were taken. */
  #taken = 0;

  get isFull(): boolean {
    return this.#length >= FULL;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The records since the last call, valid until the next `add`. */
  take(): Buffer {
    this.#taken = this.#length;
    this.#length = 0;
    return this.#bytes.subarray(0, this.#taken);
  }

  add(fields: RecordFields): void {
    const { name = EMPTY, body = EMPTY, extra = EMPTY, value = 0 } = fields;
    const length = (AT.end + name.length + body.length + extra.length + 7) & ~7;
    const start = this.#room(length);
    const bytes = this.#bytes;
    bytes.writeUInt32LE(length, start + AT.length);
    bytes.writeUInt8(fields.kind, start + AT.kind);
    bytes.writeUInt32LE(fields.parent, start + AT.parent);
    bytes.writeUInt32LE(fields.own ?? 0, start + AT.own);
    writeU64(bytes, fields.position ?? 0, start + AT.position);
    writeU64(bytes, fields.payloadOffset ?? 0, start + AT.payload);
    writeU64(bytes, fields.size ?? 0, start + AT.size);
    bytes.writeUInt32LE(name.length, start + AT.name);
    bytes.writeUInt32LE(body.length, start + AT.body);
    bytes.writeUInt32LE(extra.length, start + AT.extra);
    if (typeof value === 'number') writeU64(bytes, value, start + AT.value);
    else {
      bytes.writeUInt32LE(value[1], start + AT.value);
      bytes.writeUInt32LE(value[0], start + AT.value + 4);
    }
    let at = start + AT.end;
    at += name.copy(bytes, at);
    at += body.copy(bytes, at);
    extra.copy(bytes, at);
  }

  /** Makes room for a record and returns where it begins. The buffer is zero beyond the last record. */
  #room(length: number): number {
    this.#bytes.fill(0, 0, this.#taken);
    this.#taken = 0;
    const start = this.#length;
    if (start + length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, start + length));
      this.#bytes.copy(grown, 0, 0, start);
      this.#bytes = grown;
    }
    this.#length = start + length;
    return start;
  }
}
