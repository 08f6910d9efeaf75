/**
 * An archive's tree as a zip archive. Written here because libraries for it keep objects for all members, search them for each new
 * one, and take names as text with backslashes turned into slashes.
 */
import { isUtf8 } from 'node:buffer';
import { pipeline } from 'node:stream';
import { crc32, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { decodeStat, type Stat } from '../../pxar/metadata.js';
import type { Content } from '../archive-tree.js';
import { countEntry, type ExportEntry, type ExportJob } from './entry.js';
import { ZIP_NAME_MAX, zipName } from './zip-name.js';
import { centralHeader, dataDescriptor, endRecords, localHeader } from './zip-record.js';

/** Devices, FIFOs and sockets do not go into zip archives. */
type Storable = Extract<Content, { kind: 'directory' | 'file' | 'symlink' }>;

const EMPTY = Buffer.alloc(0);
const SLASH = 0x2f;
/** Files up to this size, in bytes, are compressed as a whole. */
const SMALL = 64 * 1024;
/** Records of the central directory are put together to this size, in bytes. */
const DIRECTORY_BLOCK = 256 * 1024;

/** The central directory: about 100 bytes a member until the end of the archive, as the format wants it. */
class CentralDirectory {
  readonly #blocks: Buffer[] = [];
  #recent: Buffer[] = [];
  #recentLength = 0;
  count = 0;
  length = 0;

  add(record: Buffer): void {
    this.#recent.push(record);
    this.#recentLength += record.length;
    this.count += 1;
    this.length += record.length;
    if (this.#recentLength >= DIRECTORY_BLOCK) this.#pack();
  }

  /** All records in order. */
  blocks(): readonly Buffer[] {
    this.#pack();
    return this.#blocks;
  }

  #pack(): void {
    this.#blocks.push(Buffer.concat(this.#recent));
    this.#recent = [];
    this.#recentLength = 0;
  }
}

function isStorable(entry: Content): entry is Storable {
  return entry.kind === 'directory' || entry.kind === 'file' || entry.kind === 'symlink';
}

class ZipWriter {
  readonly #job: ExportJob;
  readonly #directory = new CentralDirectory();
  #offset = 0;

  constructor(job: ExportJob) {
    this.#job = job;
  }

  async *run(): AsyncGenerator<Buffer> {
    for await (const each of this.#job.entries) {
      // There is no way to say what the directory is in which all is extracted.
      if (each.path.length > 0) yield* this.#take(each);
    }
    const { count, length } = this.#directory;
    yield* this.#directory.blocks();
    yield endRecords(count, length, this.#offset);
  }

  async *#take({ path, entry, content }: ExportEntry): AsyncGenerator<Buffer> {
    const { counts } = this.#job;
    if (!isStorable(entry)) return this.#leaveOut(path, `a zip archive cannot hold this ${entry.kind}`);
    const name = zipName(entry.kind === 'directory' ? Buffer.concat([path, Buffer.from('/')]) : path);
    if (name.length > ZIP_NAME_MAX) return this.#leaveOut(path, 'its path is too long for a zip archive');
    if (!isUtf8(path.subarray(path.lastIndexOf(SLASH) + 1)))
      this.#job.onNotice({ path, message: `a name that is not UTF-8, in the zip archive it is "${name}"` });
    countEntry(counts, entry);
    const stat = decodeStat(entry.body, { archive: this.#job.archive, position: entry.position });
    if (entry.kind === 'directory') yield* this.#small(name, stat, EMPTY);
    else if (entry.kind === 'symlink') yield* this.#small(name, stat, entry.target);
    else if (entry.size > SMALL) yield* this.#large(name, stat, entry.size, content());
    else yield* this.#small(name, stat, await whole(content()));
  }

  #leaveOut(path: Buffer, reason: string): void {
    this.#job.counts.skipped += 1;
    this.#job.onNotice({ path, message: `left out, since ${reason}` });
  }

  /** A member whose sizes are known before its header is written. */
  *#small(name: Buffer, stat: Stat, bytes: Buffer): Generator<Buffer> {
    const packed = bytes.length === 0 ? bytes : deflateRawSync(bytes);
    const deflated = packed.length < bytes.length;
    const stored = deflated ? packed : bytes;
    const member = { name, stat, size: bytes.length, deflated, sizesBehind: false };
    const content = { crc: crc32(bytes), compressed: stored.length, size: bytes.length };
    const start = this.#offset;
    yield this.#counted(localHeader(member, content));
    yield this.#counted(stored);
    this.#directory.add(centralHeader(member, content, start));
  }

  async *#large(
    name: Buffer,
    stat: Stat,
    size: number,
    bytes: AsyncIterable<Buffer>,
  ): AsyncGenerator<Buffer> {
    const member = { name, stat, size, deflated: true, sizesBehind: true };
    const start = this.#offset;
    yield this.#counted(localHeader(member));
    const begin = this.#offset;
    const sum = { crc: 0 };
    for await (const piece of deflated(summed(bytes, sum))) yield this.#counted(piece);
    const content = { ...sum, compressed: this.#offset - begin, size };
    yield this.#counted(dataDescriptor(content));
    this.#directory.add(centralHeader(member, content, start));
  }

  #counted(bytes: Buffer): Buffer {
    this.#offset += bytes.length;
    return bytes;
  }
}

async function whole(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* summed(content: AsyncIterable<Buffer>, sum: { crc: number }): AsyncGenerator<Buffer> {
  for await (const piece of content) {
    sum.crc = crc32(piece, sum.crc);
    yield piece;
  }
}

async function* deflated(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const deflate = createDeflateRaw();
  // What fails is thrown by the loop: `pipeline` ends the compressor with it.
  pipeline(content, deflate, () => undefined);
  const pieces: AsyncIterable<Buffer> = deflate;
  yield* pieces;
}

/**
 * The bytes of a zip archive of all files, directories and symbolic links; hard links are copies. What cannot be in one is left out
 * with a notice. Throws what reading the archive throws.
 */
export function zipBytes(job: ExportJob): AsyncGenerator<Buffer> {
  return new ZipWriter(job).run();
}
