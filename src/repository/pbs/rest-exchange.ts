/** One REST request and its answer, by got over our own connections. rest-api.md §1. */
import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import got, { type OptionsInit, type Request, type Response, TimeoutError } from 'got';
import type { Transport } from './connect-tls.js';
import { API, formatQuery, type Query, USER_AGENT } from './rest-query.js';
import { ERROR_TEXT_LIMIT, refusal, ServerError } from './server-error.js';

/** Connections to one server that are open at one time. */
const CONNECTIONS = 4;
const DEFAULT_REPLY_LIMIT = 64 * 1024 * 1024;

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RestRequest {
  readonly method: Method;
  /** Below `/api2/json/`, percent-encoded. */
  readonly path: string;
  readonly query?: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body?: Buffer;
  /** Longest reply that is taken, in bytes; 64 MiB. */
  readonly limit?: number;
}

export interface RestReply {
  readonly headers: Response['headers'];
  readonly body: Buffer;
}

export interface RestServer {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  /** Longest time until an answer begins, in milliseconds; also the longest pause in one. */
  readonly requestTimeoutMs: number;
  /** Ends requests, which then throw its reason. */
  readonly signal?: AbortSignal | undefined;
}

type Attempt =
  | { readonly reply: RestReply; readonly stale: false; readonly error: undefined }
  /** `stale`: the connection was an old one, and broke. */
  | { readonly error: ServerError; readonly stale: boolean };

/** got's connections: verified before got may use them, and kept for the next request. */
class TransportAgent extends Agent {
  readonly #transport: Transport;
  readonly #signal: AbortSignal | undefined;

  constructor({ transport, signal }: RestServer) {
    super({ keepAlive: true, maxSockets: CONNECTIONS });
    this.#transport = transport;
    this.#signal = signal;
  }

  override createConnection(
    _options: AgentOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // Node's types want a socket with an error, too.
    const done = callback as (error: Error | null, socket?: Duplex) => void;
    this.#transport.connect(this.#signal).then(
      (socket) => done(null, socket),
      (error: Error) => done(error),
    );
  }
}

/** Requests to one server. */
export class RestExchange {
  readonly #server: RestServer;
  readonly #agent: TransportAgent;

  constructor(server: RestServer) {
    this.#server = server;
    this.#agent = new TransportAgent(server);
  }

  /** The reply to a request, whose status is a success. Throws ServerError, or the signal's reason. */
  async send(request: RestRequest): Promise<RestReply> {
    const first = await this.#attempt(request);
    // A connection that waited for this request may have been closed meanwhile: what changes nothing is asked again.
    const second = first.stale && request.method === 'GET' ? await this.#attempt(request) : first;
    if (second.error !== undefined) throw second.error;
    return second.reply;
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #attempt(request: RestRequest): Promise<Attempt> {
    const { host, port } = this.#server;
    const url = `https://${host}:${port}${API}${request.path}${formatQuery(request.query ?? {})}`;
    const stream = got.stream(url, { ...this.#options(request), isStream: true });
    try {
      return { reply: await collect(stream, request), stale: false, error: undefined };
    } catch (cause) {
      this.#server.signal?.throwIfAborted();
      const error = this.#explained(cause, request);
      return { error, stale: stream.reusedSocket === true && error.code === 'SERVER_CLOSED' };
    } finally {
      stream.destroy();
    }
  }

  #options({ method, headers, contentType, body }: RestRequest): OptionsInit {
    const { requestTimeoutMs, signal } = this.#server;
    return {
      method,
      ...(signal === undefined ? {} : { signal }),
      headers: { ...headers, 'user-agent': USER_AGENT, 'content-type': contentType },
      // Without one got would wait for a body to be written.
      ...(body === undefined && method === 'GET' ? {} : { body: body ?? Buffer.alloc(0) }),
      agent: { https: this.#agent },
      timeout: { response: requestTimeoutMs, socket: requestTimeoutMs },
      retry: { limit: 0 },
      decompress: false,
      followRedirect: false,
      throwHttpErrors: false,
    };
  }

  /** got's errors know the request with its headers: only their words are passed on. */
  #explained(error: unknown, { method, path }: RestRequest): ServerError {
    for (let cause = error; cause instanceof Error; cause = cause.cause)
      if (cause instanceof ServerError) return cause;
    const what = `${method} ${path}`;
    if (error instanceof TimeoutError) {
      const seconds = this.#server.requestTimeoutMs / 1000;
      return new ServerError('SERVER_TIMEOUT', `no answer to ${what} within ${seconds} seconds`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    return new ServerError('SERVER_CLOSED', `${what} broke off: ${reason}`);
  }
}

/** Reads a reply as far as its limit goes. */
async function collect(
  stream: Request,
  { method, path, limit = DEFAULT_REPLY_LIMIT }: RestRequest,
): Promise<RestReply> {
  let response: Response | undefined;
  stream.once('response', (head: Response) => {
    response = head;
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const read of stream) {
    const part: Buffer = read;
    bytes += part.length;
    parts.push(part);
    if ((response?.statusCode ?? 0) >= 400 && bytes >= ERROR_TEXT_LIMIT) break;
    if (bytes > limit)
      throw new ServerError('SERVER_REPLY', `the answer to ${method} ${path} is longer than it can be`);
  }
  const { statusCode = 0, headers = {} } = response ?? {};
  if (statusCode >= 400) throw refusal(statusCode, Buffer.concat(parts));
  if (statusCode !== 200) {
    const problem = `the answer to ${method} ${path} has status ${statusCode}: is this a Proxmox Backup Server?`;
    throw new ServerError('SERVER_REPLY', problem, { status: statusCode });
  }
  return { headers, body: Buffer.concat(parts) };
}
