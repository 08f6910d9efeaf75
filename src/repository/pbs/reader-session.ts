/** A reader session: files of a snapshot, and chunks of the indexes that were downloaded in it. protocol.md §6. */
import { native } from '../../native.js';
import type {
  NativeChunkReader,
  NativeDownload,
  NativeDownloadLoader,
  NativeServerDigests,
} from '../../native-chunk.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import type { H2Session } from './h2-session.js';
import { isLost, ServerError } from './server-error.js';

/** Chunks that are fetched at one time. */
const IN_FLIGHT = 16;
/** Longest container of a chunk, in bytes. */
const MAX_CHUNK = 16 * 1024 * 1024 + 44;

export class ReaderSession {
  readonly #connect: () => Promise<H2Session>;
  readonly #loaders: NativeDownloadLoader[] = [];
  #h2: Promise<H2Session> | undefined;
  #lost: ServerError | undefined;

  readonly #digests: NativeServerDigests | undefined;

  /** The connection is made when it is first needed. `digests` learn which chunks cannot be read. */
  constructor(connect: () => Promise<H2Session>, digests?: NativeServerDigests) {
    this.#connect = connect;
    this.#digests = digests;
  }

  /** Why chunks do not come any more; undefined while nobody had to do without one. */
  get failure(): Error | undefined {
    return this.#lost;
  }

  /** A file as it is stored; the chunks of an index can be read from then on. Throws ServerError. */
  async download(name: ServerName, limit: number): Promise<Buffer> {
    return (await this.#session()).download('download', { 'file-name': name }, limit);
  }

  /** Random access to the archive behind an index; `ready` settles when it was downloaded in this session. */
  open(index: DynamicIndex, cacheBytes: number, ready: () => Promise<unknown>): NativeChunkReader {
    const loader = new native.DownloadLoader(this.#digests);
    this.#loaders.push(loader);
    for (let i = 0; i < IN_FLIGHT; i += 1) void this.#serve(loader, ready);
    return new native.ChunkReader({ store: loader, entries: index.entries, cacheBytes });
  }

  async close(): Promise<void> {
    for (const loader of this.#loaders) loader.stop();
    const h2 = await this.#h2?.catch(() => undefined);
    h2?.close();
  }

  #session(): Promise<H2Session> {
    this.#h2 ??= this.#connect();
    return this.#h2;
  }

  /** Ends when the loader does; what goes wrong is told to whoever waits for the chunk. */
  async #serve(loader: NativeDownloadLoader, ready: () => Promise<unknown>): Promise<void> {
    for (let wanted = await loader.next(); wanted !== undefined; wanted = await loader.next()) {
      try {
        await ready();
        const query = { digest: wanted.digest };
        loader.arrived(wanted.id, await (await this.#session()).download('chunk', query, MAX_CHUNK));
      } catch (error) {
        if (isLost(error)) this.#lost ??= error;
        report(loader, wanted, error);
      }
    }
  }
}

/** A refused chunk is one that the server does not have any more. */
function report(loader: NativeDownloadLoader, { id, digest }: NativeDownload, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const code = error instanceof ServerError ? error.code : 'SERVER_REPLY';
  loader.fail(id, code === 'SERVER_REFUSED' ? 'CHUNK_MISSING' : code, `chunk ${digest}: ${reason}`);
}
