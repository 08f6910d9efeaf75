/** A reader session: files of a snapshot, and chunks of the indexes that were downloaded in it. protocol.md §6. */
import { createHash } from 'node:crypto';
import { native } from '../../native.js';
import type {
  ChunkReaderOptions,
  NativeChunkReader,
  NativeDownload,
  NativeDownloadLoader,
  NativeServerDigests,
} from '../../native-chunk.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import { connectReader, type PbsOptions, type SessionTarget } from './connect-session.js';
import type { H2Session } from './h2-session.js';
import { type Connect, ReaderConnection, type ReconnectOptions } from './reader-connection.js';
import { ServerError } from './server-error.js';

/** Chunks that are fetched at one time. */
const IN_FLIGHT = 16;
/** Longest container of a chunk, in bytes. */
const MAX_CHUNK = 16 * 1024 * 1024 + 44;

/** An index whose chunks the session may have. */
interface Downloaded {
  readonly limit: number;
  /** SHA-256 of the file. */
  readonly digest: Buffer;
}

/** A session that connects when it is first needed. `digests` learn which chunks cannot be read. */
export function openReaderSession(
  options: PbsOptions,
  target: SessionTarget,
  digests?: NativeServerDigests,
): ReaderSession {
  const connect = (signal: AbortSignal): Promise<H2Session> => connectReader(options, { ...target, signal });
  return new ReaderSession(connect, { signal: target.signal, delaysMs: options.reconnectDelaysMs }, digests);
}

export class ReaderSession {
  readonly #connection: ReaderConnection;
  readonly #loaders: NativeDownloadLoader[] = [];
  readonly #digests: NativeServerDigests | undefined;
  readonly #indexes = new Map<ServerName, Downloaded>();

  /** A connection that is lost is made again; `digests` learn which chunks cannot be read. */
  constructor(connect: Connect, options: ReconnectOptions, digests?: NativeServerDigests) {
    this.#connection = new ReaderConnection(connect, (h2) => this.#downloadAgain(h2), options);
    this.#digests = digests;
  }

  /** Why chunks do not come any more; undefined while nobody had to do without one. */
  get failure(): Error | undefined {
    return this.#connection.failure;
  }

  /** A file as it is stored; the chunks of an index can be read from then on. Throws ServerError, or the signal's reason. */
  download(name: ServerName, limit: number): Promise<Buffer> {
    return this.#connection.use(async (h2) => {
      const file = await fetchFile(h2, name, limit);
      if (/\.[df]idx$/.test(name)) this.#indexes.set(name, { limit, digest: sha256(file) });
      return file;
    });
  }

  /** Random access to the archive behind an index; `ready` settles when it was downloaded in this session. */
  open(
    index: DynamicIndex,
    options: Pick<ChunkReaderOptions, 'cacheBytes' | 'key'>,
    ready: () => Promise<unknown>,
  ): NativeChunkReader {
    const loader = new native.DownloadLoader(this.#digests);
    this.#loaders.push(loader);
    for (let i = 0; i < IN_FLIGHT; i += 1) void this.#serve(loader, ready);
    return new native.ChunkReader({ store: loader, entries: index.entries, ...options });
  }

  close(): Promise<void> {
    for (const loader of this.#loaders) loader.stop();
    return this.#connection.close();
  }

  /** A new session gives the chunks of no index before it has sent that, too. */
  async #downloadAgain(h2: H2Session): Promise<void> {
    for (const [name, { limit, digest }] of this.#indexes) {
      if (sha256(await fetchFile(h2, name, limit)).equals(digest)) continue;
      const problem = `${name} has changed on the server while the connection was lost`;
      throw new ServerError('SERVER_REPLY', problem);
    }
  }

  /** Ends when the loader does; what goes wrong is told to whoever waits for the chunk. */
  async #serve(loader: NativeDownloadLoader, ready: () => Promise<unknown>): Promise<void> {
    for (let wanted = await loader.next(); wanted !== undefined; wanted = await loader.next()) {
      const query = { digest: wanted.digest };
      try {
        await ready();
        const chunk = await this.#connection.use((h2) => h2.download('chunk', query, MAX_CHUNK));
        loader.arrived(wanted.id, chunk);
      } catch (error) {
        // Who is interrupted waits for nothing, and is told of nothing.
        if (this.#connection.stopped) loader.stop();
        else report(loader, wanted, error);
      }
    }
  }
}

function fetchFile(h2: H2Session, name: ServerName, limit: number): Promise<Buffer> {
  return h2.download('download', { 'file-name': name }, limit);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** A refused chunk is one that the server does not have any more. */
function report(loader: NativeDownloadLoader, { id, digest }: NativeDownload, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const code = error instanceof ServerError ? error.code : 'SERVER_REPLY';
  loader.fail(id, code === 'SERVER_REFUSED' ? 'CHUNK_MISSING' : code, `chunk ${digest}: ${reason}`);
}
