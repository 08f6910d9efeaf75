/** One source of an image: a block device, a file, a pipe or the output of a command, as a fixed index. */
import { native } from '../native.js';
import type { IngestSummary } from '../native-chunk.js';
import type { NativeImage } from '../native-image.js';
import type { BackupSession } from '../repository/repository.js';
import { type ServerName, serverName } from '../snapshot/archive-names.js';
import { FIXED_CHUNK_SIZE } from '../snapshot/fixed-index.js';
import type { ArchiveOptions, ArchiveSummary } from './archive.js';
import { lookAtImage, openImageSource } from './check-sources.js';
import { BackupError } from './errors.js';
import { RestableStream } from './running-stream.js';
import type { Source } from './sources.js';
import { StdinCommand } from './stdin-command.js';
import { plainSummary, unchunked } from './summary.js';

export type ImageOptions = Pick<ArchiveOptions, 'report' | 'dryRun' | 'signal' | 'onProgress'> & {
  /** Gets what a command says on standard error. */
  readonly onMessage: (message: string) => void;
};

const PROGRESS_MS = 200;
/** Bytes on their way: enough chunks for the cores while the next ones are read. */
const RING = 48 * 1024 * 1024;

/** Reading the source has failed, not storing what was read: a store names the file that it cannot read. */
function isReadError(error: unknown): error is Error {
  if (!(error instanceof Error && 'syscall' in error) || 'path' in error) return false;
  return error.syscall === 'pread' || error.syscall === 'read';
}

async function beginStream(
  session: BackupSession,
  name: ServerName,
  size: number | undefined,
): Promise<RestableStream> {
  const store = await session.sink(name, size);
  const options = { averageSize: FIXED_CHUNK_SIZE, payload: false, fixed: true, ringBytes: RING };
  const stream = new RestableStream(new native.Ingest({ store, ...options }));
  session.checkpoints?.follow(name, stream);
  return stream;
}

class ImageRun {
  readonly #source: Source;
  readonly #o: ImageOptions;
  readonly #image: NativeImage;
  readonly #stream: RestableStream;
  readonly #cancel = native.cancelFlag();

  constructor(source: Source, options: ImageOptions, image: NativeImage, stream: RestableStream) {
    this.#source = source;
    this.#o = options;
    this.#image = image;
    this.#stream = stream;
  }

  /** `succeeded` is asked before the stream is finished. */
  async run(succeeded: () => Promise<void>): Promise<IngestSummary> {
    const timer = setInterval(() => this.#progress(), PROGRESS_MS);
    const abort = (): void => this.#stream.abort();
    this.#o.signal.addEventListener('abort', abort, { once: true });
    try {
      // It may have been aborted while the stream began: nobody would say so again.
      this.#o.signal.throwIfAborted();
      if (this.#image.kind === 'stream') await this.#stream.writeStream(this.#image.file, this.#cancel);
      else await this.#writeKnown();
      await succeeded();
      const summary = await this.#stream.finish();
      this.#progress();
      return summary;
    } catch (error) {
      this.#stream.abort();
      throw isReadError(error) ? this.#unreadable(error) : error;
    } finally {
      // Who waits for a pipe waits no longer.
      native.cancel(this.#cancel);
      this.#o.signal.removeEventListener('abort', abort);
      clearInterval(timer);
    }
  }

  /** A file or device has the size that it had when it was opened, whatever becomes of it. */
  async #writeKnown(): Promise<void> {
    const { file, size } = this.#image;
    let missing = 0;
    for (let at = 0; at < size; ) {
      const { start, end } = await native.nextData(file, at, size, FIXED_CHUNK_SIZE);
      await this.#writeHole(start - at);
      if (end > start) missing += end - start - (await this.#stream.writeRange(file, start, end - start));
      at = end;
    }
    const now = native.imageSize(file);
    if (now === size && missing === 0) return;
    const what = now < size || missing > 0 ? 'zeros stand for what was missing' : 'the rest is left out';
    const message = `the size changed from ${size} to ${now} bytes while it was read: ${what}`;
    this.#o.report.warn('changed', Buffer.from(this.#source.path), message);
  }

  /** Only the last chunk of an image may be shorter than the others, and is made. */
  async #writeHole(length: number): Promise<void> {
    const chunks = Math.floor(length / FIXED_CHUNK_SIZE);
    if (chunks > 0) await this.#stream.writeZeros(chunks);
    const rest = length - chunks * FIXED_CHUNK_SIZE;
    if (rest > 0) await this.#stream.write(Buffer.alloc(rest));
  }

  #unreadable(cause: Error): BackupError {
    return new BackupError('BACKUP_UNREADABLE', `unable to read '${this.#source.path}': ${cause.message}`, {
      cause,
    });
  }

  #progress(): void {
    const { archive } = this.#source;
    const { files } = this.#o.report.totals;
    this.#o.onProgress({ archive, path: '', payload: this.#stream.progress(), files });
  }
}

/** Writes an open source. An image without a byte cannot be stored. */
async function writeImage(
  source: Source,
  options: ImageOptions,
  session: BackupSession,
  image: NativeImage,
  succeeded: () => Promise<void>,
): Promise<ArchiveSummary> {
  const name = serverName(source.archive);
  const stream = await beginStream(session, name, image.kind === 'stream' ? undefined : image.size);
  const summary = await new ImageRun(source, options, image, stream).run(succeeded);
  if (summary.size === 0)
    throw new BackupError(
      'BACKUP_UNREADABLE',
      `${source.archive}: nothing was read: an image has at least one byte`,
    );
  await session.putIndex(name, summary);
  return plainSummary(source.archive, summary);
}

async function backupCommand(
  source: Source,
  command: string,
  options: ImageOptions,
  session: BackupSession,
): Promise<ArchiveSummary> {
  const running = StdinCommand.start(command, options.onMessage);
  const image = { file: running.output, kind: 'stream', size: 0 } as const;
  const stop = (): void => running.stop();
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    return await writeImage(source, options, session, image, () => running.succeeded(options.signal));
  } finally {
    options.signal.removeEventListener('abort', stop);
    stop();
    native.closeImage(image.file);
  }
}

/**
 * Writes one source as an image; a dry run only looks at its size, and runs no command. Throws BackupError `BACKUP_UNREADABLE`,
 * `BACKUP_COMMAND` for a command that fails, and what storing throws.
 */
export async function backupImage(
  source: Source,
  options: ImageOptions,
  session: BackupSession,
): Promise<ArchiveSummary> {
  if (source.command !== undefined)
    return options.dryRun
      ? plainSummary(source.archive, unchunked(0))
      : backupCommand(source, source.command, options, session);
  if (options.dryRun) return plainSummary(source.archive, unchunked((await lookAtImage(source)).size));
  const image = await openImageSource(source);
  try {
    return await writeImage(source, options, session, image, () => Promise.resolve());
  } finally {
    native.closeImage(image.file);
  }
}
