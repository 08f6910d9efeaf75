/** Packs what the decoder delivers into the records of the extraction. */
import type { Entry } from '../../src/pxar/entry.js';

const KINDS = {
  directory: 1,
  leave: 2,
  file: 3,
  symlink: 4,
  device: 5,
  fifo: 6,
  socket: 7,
  hardlink: 8,
} as const;
const HEADER = 64;
const TARGET = 0xffff_ffff;
const NOTHING = Buffer.alloc(0);

function extraOf(entry: Entry): Buffer {
  if (entry.kind === 'symlink') return entry.target;
  return entry.kind === 'hardlink' ? entry.targetPath : NOTHING;
}

function linkOrDevice(entry: Entry): bigint {
  if (entry.kind === 'hardlink') return BigInt(entry.targetPosition);
  return entry.kind === 'device' ? (BigInt(entry.major) << 32n) | BigInt(entry.minor) : 0n;
}

/** Numbers the directories and keeps track of the one that is open. */
export class RecordPacker {
  readonly #open: number[] = [];
  #next = 0;

  pack(entry: Entry): Buffer {
    const id = this.#idOf(entry);
    const name = entry.kind === 'leave' ? NOTHING : entry.name;
    const body = 'body' in entry ? entry.body : NOTHING;
    const extra = extraOf(entry);
    const length = Math.ceil((HEADER + name.length + body.length + extra.length) / 8) * 8;
    const record = Buffer.alloc(length);
    record.writeUInt32LE(length, 0);
    record.writeUInt8(KINDS[entry.kind], 4);
    record.writeUInt32LE(this.#open.at(-1) ?? TARGET, 8);
    record.writeUInt32LE(id, 12);
    if (entry.kind === 'file') {
      record.writeBigUInt64LE(BigInt(entry.position), 16);
      record.writeBigUInt64LE(BigInt(entry.payloadOffset), 24);
      record.writeBigUInt64LE(BigInt(entry.size), 32);
    }
    record.writeUInt32LE(name.length, 40);
    record.writeUInt32LE(body.length, 44);
    record.writeUInt32LE(extra.length, 48);
    record.writeBigUInt64LE(linkOrDevice(entry), 56);
    Buffer.concat([name, body, extra]).copy(record, HEADER);
    if (entry.kind === 'directory') this.#open.push(id);
    return record;
  }

  #idOf(entry: Entry): number {
    if (entry.kind === 'directory') return this.#next++;
    return entry.kind === 'leave' ? (this.#open.pop() ?? 0) : 0;
  }
}
