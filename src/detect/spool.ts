/** The reference's metadata stream on its way into an unnamed temporary file, fetched ahead of the reader. */
import { close, closeSync, ftruncateSync, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { native } from '../native.js';
import type { NativeChunkReader } from '../native-chunk.js';
import type { ByteSource } from '../pxar/byte-source.js';
import type { DynamicIndex } from '../snapshot/dynamic-index.js';

const writeAsync = promisify(write);
const readAsync = promisify(read);
const closeAsync = promisify(close);

/** A part of the stream that could not be read. */
export interface Hole {
  readonly start: number;
  readonly end: number;
  readonly error: unknown;
}

/** Chunks fetched at one time. */
const AHEAD = 2;
/** Behind so many chunks that cannot be read nothing is fetched any more: an index may name any number of them. */
const MOST_HOLES = 1000;

function openSized(directory: string, size: number): number {
  const fd = native.openUnnamed(directory);
  try {
    ftruncateSync(fd, size);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

export class Spool {
  readonly fd: number;
  readonly size: number;
  /** Parts that are missing, in ascending order. */
  readonly holes: Hole[] = [];
  readonly #reader: NativeChunkReader;
  readonly #index: DynamicIndex;
  #available = 0;
  #stopped = false;
  #waiting: (() => void)[] = [];
  readonly #done: Promise<void>;

  /** Starts to fetch; `directory` is where the temporary file lies. Throws where that cannot be made. */
  constructor(reader: NativeChunkReader, index: DynamicIndex, directory: string) {
    this.#reader = reader;
    this.#index = index;
    this.size = index.size;
    this.fd = openSized(directory, this.size);
    this.#done = this.#fetch();
    this.#done.catch(() => undefined);
  }

  /** Bytes from the start that have been fetched or are known to be missing. */
  get available(): number {
    return this.#available;
  }

  /** The first hole at or behind `position`. */
  holeFrom(position: number): Hole | undefined {
    return this.holes.find(({ end }) => end > position);
  }

  /** Waits until more is available than now; at the end it returns at once. */
  async more(): Promise<void> {
    if (this.#available === this.size) return;
    await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), this.#done]);
  }

  /** Waits for the whole stream. Rejects when the temporary file cannot be written. */
  complete(): Promise<void> {
    return this.#done;
  }

  /** The stream as a source; reads in a hole reject with its error. */
  source(): ByteSource {
    return {
      size: this.size,
      read: async (offset, length) => {
        const hole = this.holeFrom(offset);
        if (hole !== undefined && hole.start < offset + length) throw hole.error;
        const bytes = Buffer.alloc(length);
        for (let got = 0; got < length; ) {
          const { bytesRead } = await readAsync(this.fd, bytes, got, length - got, offset + got);
          if (bytesRead === 0) throw new Error('the spooled reference is cut short');
          got += bytesRead;
        }
        return bytes;
      },
    };
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#done.catch(() => undefined);
    await closeAsync(this.fd);
  }

  async #fetch(): Promise<void> {
    const pending: Promise<Buffer | Hole>[] = [];
    for (let chunk = 0, next = 0; this.#available < this.size && !this.#stopped; chunk += 1) {
      for (; next < this.#index.count && next < chunk + AHEAD; next += 1)
        pending.push(this.#fetchChunk(next));
      const found = await pending.shift()!;
      if (found instanceof Uint8Array) await this.#store(found, this.#index.start(chunk));
      else this.holes.push(this.holes.length < MOST_HOLES ? found : { ...found, end: this.size });
      this.#advance(this.holes.at(-1)?.end === this.size ? this.size : this.#index.end(chunk));
    }
    await Promise.all(pending);
  }

  #advance(available: number): void {
    this.#available = available;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #fetchChunk(chunk: number): Promise<Buffer | Hole> {
    const start = this.#index.start(chunk);
    const end = this.#index.end(chunk);
    try {
      return await this.#reader.read(start, end - start);
    } catch (error) {
      return { start, end, error };
    }
  }

  async #store(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await writeAsync(this.fd, bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}
