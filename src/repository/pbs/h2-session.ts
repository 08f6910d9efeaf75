/** Requests of a backup or reader session: HTTP/2 on an upgraded connection. protocol.md §4.3, §4.4. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import * as z from 'zod';
import { codeName, collectReply } from './h2-reply.js';
import { ServerError } from './server-error.js';
import { SilenceWatch } from './silence-watch.js';

/** Receive windows of a stream and of the connection: what the server uses, too. */
const WINDOW = 32 * 1024 * 1024;
const MAX_FRAME = 4 * 1024 * 1024;
/** MiB that Node may hold for the session: its default refuses streams when several chunks are under way. */
const SESSION_MEMORY = 1024;
/** The official client sends this fixed text; servers ignore it. */
const AUTHORITY = 'https://localhost:8007';
const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const OCTETS = 'application/octet-stream';
/** Bytes of a body that are handed over at one time. */
const PIECE = 64 * 1024;
/** Longest reply to a call with parameters. */
const CALL_LIMIT = 1024 * 1024;

const CLOSED = 'the server closed the connection';

export type H2Query = Readonly<Record<string, string | number>>;

interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly query: H2Query;
  readonly contentType: string;
  readonly body: Buffer | undefined;
  /** Longest reply that is taken, in bytes. */
  readonly limit: number;
}

export class H2Session {
  readonly #session: ClientHttp2Session;
  readonly #timeoutMs: number;
  readonly #watch: SilenceWatch<Exchange>;
  #failure: ServerError | undefined;
  #closing = false;
  #cancelled = false;

  /** Takes over an upgraded connection; `timeoutMs` is the longest time in which nothing moves while a request runs. */
  constructor(connection: Duplex, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#watch = new SilenceWatch(timeoutMs, (oldest) => this.#onSilence(oldest));
    this.#session = connect(AUTHORITY, {
      createConnection: () => connection,
      maxSessionMemory: SESSION_MEMORY,
      settings: { enablePush: false, initialWindowSize: WINDOW, maxFrameSize: MAX_FRAME },
    });
    this.#session.once('connect', () => this.#session.setLocalWindowSize(WINDOW));
    this.#session.on('error', (cause) =>
      this.#fail('SERVER_CLOSED', `the connection broke: ${cause.message}`, cause),
    );
    this.#session.on('goaway', (code) =>
      this.#fail('SERVER_CLOSED', `the server ended the connection (GOAWAY ${codeName(code)})`),
    );
    this.#session.on('close', () => this.#fail('SERVER_CLOSED', CLOSED));
  }

  /** Why the session has ended; undefined while it is open or after `close`. */
  get failure(): ServerError | undefined {
    return this.#failure;
  }

  /** Raw bytes of a reply of at most `limit` bytes. Throws ServerError. */
  download(path: string, query: H2Query, limit: number): Promise<Buffer> {
    return this.#exchange({ method: 'GET', path, query, contentType: FORM, body: undefined, limit });
  }

  /** Sends bytes. Throws ServerError. */
  async upload(path: string, query: H2Query, body: Buffer): Promise<void> {
    await this.#exchange({ method: 'POST', path, query, contentType: OCTETS, body, limit: CALL_LIMIT });
  }

  /** A call whose parameters stand in the query; `data` of the reply. Throws ServerError. */
  async call<T>(method: 'GET' | 'POST', path: string, query: H2Query, schema: z.ZodType<T>): Promise<T> {
    const reply = await this.#exchange({
      method,
      path,
      query,
      contentType: FORM,
      body: undefined,
      limit: CALL_LIMIT,
    });
    return parseData(reply, path, schema);
  }

  /** A PUT call with JSON parameters. Throws ServerError. */
  async put(path: string, parameters: object): Promise<void> {
    const body = Buffer.from(JSON.stringify(parameters));
    await this.#exchange({ method: 'PUT', path, query: {}, contentType: JSON_TYPE, body, limit: CALL_LIMIT });
  }

  /** What `work` brings; the signal ends the connection while it runs. Throws as `work`, or the signal's reason. */
  async endedBy<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const stop = (): void => this.close();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends the connection, as the official client does: at once. Requests that run are rejected. */
  close(): void {
    this.#closing = true;
    this.#cancel();
  }

  #cancel(): void {
    this.#cancelled = true;
    this.#session.destroy();
  }

  #exchange(exchange: Exchange): Promise<Buffer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#session.destroyed) return Promise.reject(closedError());
    const stream = this.#session.request(headersOf(exchange), { endStream: exchange.body === undefined });
    const reply = collectReply(stream, exchange, {
      failure: () => this.#lost(),
      cancelled: () => this.#cancelled,
      alive: () => this.#watch.moved(),
    });
    this.#watch.begin(exchange);
    if (exchange.body !== undefined) this.#send(stream, exchange.body, 0);
    return reply.finally(() => this.#watch.end(exchange));
  }

  /** Piece by piece: a write that ends is a sign that the connection lives, however slow it is. */
  #send(stream: ClientHttp2Stream, body: Buffer, from: number): void {
    const to = from + PIECE;
    if (to >= body.length) {
      stream.end(body.subarray(from));
      return;
    }
    stream.write(body.subarray(from, to), (error) => {
      this.#watch.moved();
      if (error == null && !stream.destroyed) this.#send(stream, body, to);
    });
  }

  #onSilence({ method, path }: Exchange): void {
    const seconds = this.#timeoutMs / 1000;
    this.#fail('SERVER_TIMEOUT', `no answer to ${method} ${path} within ${seconds} seconds`);
    this.#cancel();
  }

  /** Why the whole session is over, if it is: its streams end before it says so. */
  #lost(): ServerError | undefined {
    if (this.#session.closed || this.#session.destroyed) this.#fail('SERVER_CLOSED', CLOSED);
    return this.#failure;
  }

  #fail(code: ServerError['code'], message: string, cause?: unknown): void {
    if (this.#closing) return;
    this.#failure ??= new ServerError(code, message, cause === undefined ? {} : { cause });
  }
}

function closedError(): ServerError {
  return new ServerError('SERVER_CLOSED', 'the connection is closed');
}

function headersOf({ method, path, query, contentType }: Exchange): OutgoingHttpHeaders {
  const text = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) text.set(key, String(value));
  return {
    ':method': method,
    ':path': text.size === 0 ? `/${path}` : `/${path}?${text.toString()}`,
    'user-agent': 'proxmox-backup-client/1.0',
    'content-type': contentType,
  };
}

function parseData<T>(reply: Buffer, path: string, schema: z.ZodType<T>): T {
  // An empty body is accepted as null (protocol.md §4.4).
  const text = reply.length === 0 ? '{"data":null}' : reply.toString('utf8');
  try {
    return z.object({ data: schema }).parse(JSON.parse(text)).data;
  } catch (cause) {
    throw new ServerError('SERVER_REPLY', `the answer to ${path} is not what the protocol says`, { cause });
  }
}
