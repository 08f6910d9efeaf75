/** The REST API of a server. rest-api.md. */
import * as z from 'zod';
import { authorized } from './authorized.js';
import type { Transport } from './connect-tls.js';
import type { Session } from './credentials.js';
import type { PbsSpec } from './repository-string.js';
import { type Method, RestExchange, type RestRequest } from './rest-exchange.js';
import type { Query } from './rest-query.js';
import { ServerError } from './server-error.js';

export { type Query, segment } from './rest-query.js';

/** Parameters in a body; what is undefined is left out. */
export type JsonObject = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RestClientOptions {
  readonly spec: Pick<PbsSpec, 'host' | 'port'>;
  readonly transport: Transport;
  readonly session: Session;
  /** Longest time until an answer begins, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Ends requests, which then throw its reason. */
  readonly signal?: AbortSignal | undefined;
}

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const OCTETS = 'application/octet-stream';

/** The JSON of a reply as `schema` has it. Throws ServerError `SERVER_REPLY`. */
export function parseReply<T>(body: Buffer, what: string, schema: z.ZodType<T>): T {
  const value = parseJson(body);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = `the answer to ${what} is not what a Proxmox Backup Server says`;
  if (value === undefined) throw new ServerError('SERVER_REPLY', `${problem}: it is no JSON`);
  throw new ServerError('SERVER_REPLY', problem, { cause: new Error(z.prettifyError(parsed.error)) });
}

/** Undefined for what is no JSON: the parser's error would repeat some of it, and there may be a ticket in it. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Paths are below `/api2/json/`, their segments percent-encoded by `segment`. All methods throw ServerError, or the signal's reason. */
export class RestClient {
  readonly #o: RestClientOptions;
  readonly #exchange: RestExchange;
  readonly #session: Session;

  constructor(options: RestClientOptions) {
    const {
      spec: { host, port },
      transport,
      session,
      requestTimeoutMs,
      signal,
    } = options;
    this.#o = options;
    this.#exchange = new RestExchange({ transport, host, port, requestTimeoutMs, signal });
    this.#session = session;
  }

  /** The same, but no signal ends its requests. */
  uninterrupted(): RestClient {
    return new RestClient({ ...this.#o, signal: undefined });
  }

  /** `data` of the reply. */
  get<T>(path: string, query: Query, schema: z.ZodType<T>): Promise<T> {
    return this.#data('GET', path, { query }, schema);
  }

  /** The whole reply, where something stands beside `data`. */
  getWhole<T>(path: string, query: Query, schema: z.ZodType<T>): Promise<T> {
    return this.#parsed('GET', path, { query }, schema);
  }

  post<T>(path: string, body: JsonObject, schema: z.ZodType<T>): Promise<T> {
    const bytes = Buffer.from(JSON.stringify(body));
    return this.#data('POST', path, { contentType: JSON_TYPE, body: bytes }, schema);
  }

  put<T>(path: string, query: Query, schema: z.ZodType<T>): Promise<T> {
    return this.#data('PUT', path, { query }, schema);
  }

  delete<T>(path: string, query: Query, schema: z.ZodType<T>): Promise<T> {
    return this.#data('DELETE', path, { query }, schema);
  }

  /** Sends bytes; the parameters stand in the query. */
  async upload(path: string, query: Query, body: Buffer): Promise<void> {
    await this.#send('POST', path, { query, contentType: OCTETS, body });
  }

  /** Raw bytes, at most `limit` of them. */
  download(path: string, query: Query, limit: number): Promise<Buffer> {
    return this.#send('GET', path, { query, limit });
  }

  /** Ends all connections; the session is its owner's. */
  close(): void {
    this.#exchange.close();
  }

  async #data<T>(method: Method, path: string, more: Partial<RestRequest>, schema: z.ZodType<T>): Promise<T> {
    return (await this.#parsed(method, path, more, z.object({ data: schema }))).data;
  }

  async #parsed<T>(
    method: Method,
    path: string,
    more: Partial<RestRequest>,
    schema: z.ZodType<T>,
  ): Promise<T> {
    return parseReply(await this.#send(method, path, more), `${method} ${path}`, schema);
  }

  async #send(method: Method, path: string, more: Partial<RestRequest>): Promise<Buffer> {
    const { body } = await authorized(this.#session, method, (headers) =>
      this.#exchange.send({ method, path, headers, contentType: FORM, ...more }),
    );
    return body;
  }
}
