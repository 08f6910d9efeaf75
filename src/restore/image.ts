/** Restores of images: to a new file with holes, to a block device, to a stream. */
import { constants, type FileHandle, open, rm, stat } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { native } from '../native.js';
import type { NativeChunkReader } from '../native-chunk.js';
import type { SnapshotReader } from '../repository/repository.js';
import type { ServerName } from '../snapshot/archive-names.js';
import type { DynamicIndex } from '../snapshot/dynamic-index.js';
import { RestoreError } from './errors.js';

/** Chunks that are read while one is written. */
const AHEAD = 4;

/** A part of an image; one without bytes is zeros. */
export interface ImagePiece {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Buffer | undefined;
}

/** How far a restore is. */
export interface ImageRestore {
  readonly signal: AbortSignal;
  /** Gets how many bytes are done. */
  readonly onProgress: (bytes: number) => void;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export class ImageContent {
  readonly name: ServerName;
  /** In bytes. */
  readonly size: number;
  readonly #snapshot: SnapshotReader;
  readonly #index: DynamicIndex;
  readonly #reader: NativeChunkReader;
  /** Digests of chunks of zeros by their length. */
  readonly #zeroDigests = new Map<number, Buffer>();

  private constructor(name: ServerName, snapshot: SnapshotReader, index: DynamicIndex) {
    this.name = name;
    this.size = index.size;
    this.#snapshot = snapshot;
    this.#index = index;
    this.#reader = snapshot.open(index, 0);
  }

  /** Reads the index and holds it against the manifest. Throws IndexError, RepositoryError and what the repository throws. */
  static async open(snapshot: SnapshotReader, name: ServerName): Promise<ImageContent> {
    return new ImageContent(name, snapshot, await snapshot.index(name));
  }

  /**
   * All of it in order, every chunk verified, some read ahead; chunks of zeros are not read (indexes-blobs-chunks.md §7). Throws
   * RestoreError `RESTORE_ARCHIVE`.
   */
  async *pieces(): AsyncGenerator<ImagePiece> {
    const ahead: Promise<ImagePiece>[] = [];
    for (let next = 0; next < this.#index.count || ahead.length > 0; ) {
      for (; next < this.#index.count && ahead.length <= AHEAD; next += 1) ahead.push(this.#begin(next));
      yield await ahead.shift()!;
    }
  }

  #begin(chunk: number): Promise<ImagePiece> {
    const piece = this.#piece(chunk);
    // Whoever comes to it gets the error; nobody does after an earlier one.
    piece.catch(() => undefined);
    return piece;
  }

  async #piece(chunk: number): Promise<ImagePiece> {
    const offset = this.#index.start(chunk);
    const length = this.#index.end(chunk) - offset;
    if (this.#index.digest(chunk).equals(this.#zeroDigest(length)))
      return { offset, length, bytes: undefined };
    try {
      return { offset, length, bytes: await this.#reader.read(offset, length) };
    } catch (cause) {
      if (this.#snapshot.failure !== undefined) throw this.#snapshot.failure;
      throw new RestoreError('RESTORE_ARCHIVE', `${this.name}: ${reasonOf(cause)}`, { cause });
    }
  }

  #zeroDigest(length: number): Buffer {
    const known = this.#zeroDigests.get(length);
    if (known !== undefined) return known;
    const digest = this.#snapshot.digest(this.#index, Buffer.alloc(length));
    this.#zeroDigests.set(length, digest);
    return digest;
  }
}

/** Bytes for zeros of any length, made once. */
class Zeros {
  #bytes = Buffer.alloc(0);

  of({ bytes, length }: ImagePiece): Buffer {
    if (bytes !== undefined) return bytes;
    if (this.#bytes.length < length) this.#bytes = Buffer.alloc(length);
    return this.#bytes.subarray(0, length);
  }
}

async function* allBytes(image: ImageContent, { onProgress }: ImageRestore): AsyncGenerator<Buffer> {
  const zeros = new Zeros();
  for await (const piece of image.pieces()) {
    yield zeros.of(piece);
    onProgress(piece.offset + piece.length);
  }
}

/** Writes an image to a stream that stays open. Throws RestoreError, and what the stream throws. */
export async function pipeImage(image: ImageContent, output: Writable, options: ImageRestore): Promise<void> {
  const { signal } = options;
  await pipeline(Readable.from(allBytes(image, options)), output, { signal, end: false });
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** Hands each piece to `write`, whose errors are those of the target. */
async function writePieces(
  image: ImageContent,
  path: string,
  { signal, onProgress }: ImageRestore,
  write: (piece: ImagePiece) => Promise<void>,
): Promise<void> {
  for await (const piece of image.pieces()) {
    signal.throwIfAborted();
    await write(piece).catch((cause: unknown) => {
      throw new RestoreError('RESTORE_TARGET', `unable to write '${path}' - ${reasonOf(cause)}`, { cause });
    });
    onProgress(piece.offset + piece.length);
  }
}

async function openTarget(path: string, flags: number): Promise<FileHandle> {
  return open(path, flags, 0o600).catch((cause: unknown) => {
    const problem = `unable to create target file '${path}' - ${reasonOf(cause)}`;
    throw new RestoreError('RESTORE_TARGET', problem, { cause });
  });
}

/** A new file, in which chunks of zeros are holes; one that could not be completed is removed. */
async function writeFile(image: ImageContent, path: string, options: ImageRestore): Promise<void> {
  const file = await openTarget(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  try {
    await file.truncate(image.size);
    await writePieces(image, path, options, async ({ bytes, offset }) => {
      if (bytes !== undefined) await writeAll(file, bytes, offset);
    });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** The size of a device in bytes. */
async function deviceSize(path: string): Promise<number> {
  const { file, kind, size } = await native.openImage(path);
  native.closeImage(file);
  if (kind !== 'device') throw new RestoreError('RESTORE_TARGET', `'${path}' is no block device any more`);
  return size;
}

/**
 * Writes over a device, zeros too: what was on it shows nowhere in the image's range. Nothing is written where the image does not fit,
 * or the kernel says that the device is in use (mounted, part of an array, …).
 */
async function writeDevice(image: ImageContent, path: string, options: ImageRestore): Promise<void> {
  const size = await deviceSize(path);
  if (size < image.size) {
    const problem = `'${path}' has ${size} bytes, ${image.name} needs ${image.size}: nothing was written`;
    throw new RestoreError('RESTORE_TARGET', problem);
  }
  const file = await openTarget(path, constants.O_WRONLY | constants.O_EXCL);
  try {
    if (!(await file.stat()).isBlockDevice())
      throw new RestoreError('RESTORE_TARGET', `'${path}' is no block device any more`);
    const zeros = new Zeros();
    await writePieces(image, path, options, (piece) => writeAll(file, zeros.of(piece), piece.offset));
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Writes an image to a block device that is there, or to a new file. Throws RestoreError `RESTORE_TARGET` for the target, also a file
 * that exists, `RESTORE_ARCHIVE` for the image.
 */
export async function restoreImage(image: ImageContent, path: string, options: ImageRestore): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isBlockDevice() === true) await writeDevice(image, path, options);
  else await writeFile(image, path, options);
}
