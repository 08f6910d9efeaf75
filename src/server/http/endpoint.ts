/** What a call of the REST API declares of itself, and what it gets. rest-api.md §1. */
import type { Readable } from 'node:stream';
import type { Access } from '../access/access.js';
import type { ServerContext } from '../server-context.js';
import type { ParameterSpecs, Values } from './parameters.js';

/** Who asks. */
export interface Caller {
  readonly authId: string;
  readonly access: Access;
  /** Of the connection. */
  readonly address: string;
}

/** The answer to a call; `more` stands beside `data`. */
export type Reply =
  | { readonly data: unknown; readonly more?: Readonly<Record<string, unknown>>; readonly cookie?: string }
  | { readonly bytes: Buffer }
  /** Exactly so many bytes, for what is too long for memory; whoever gets it reads or destroys it. */
  | { readonly stream: Readable; readonly length: number };

export interface Call<S extends ParameterSpecs> {
  readonly context: ServerContext;
  /** Parameters of query or body, and those of the path. */
  readonly values: Values<S>;
  /** The body of an endpoint that takes bytes; empty elsewhere. */
  readonly body: Buffer;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
}

/** A call that needs a login. Its `run` throws CallError, AccessError, or what the repository throws. */
export interface Endpoint<S extends ParameterSpecs = ParameterSpecs> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api2/json/`; `{name}` is a parameter: `admin/datastore/{store}/snapshots`. */
  readonly path: string;
  readonly parameters: S;
  /** The body is bytes, and all parameters stand in the query: at most so many. */
  readonly bodyLimit?: number;
  /** Of such an endpoint: refuses, before the body is read, who may not call it. Throws as `run`. */
  admit?(call: Pick<Call<S>, 'context' | 'values'>, caller: Caller): Promise<unknown>;
  run(call: Call<S>, caller: Caller): Promise<Reply>;
}

/** A call that needs none. */
export interface OpenEndpoint<S extends ParameterSpecs = ParameterSpecs>
  extends Omit<Endpoint<S>, 'admit' | 'run'> {
  run(call: Call<S>, from: { readonly address: string; readonly cookie: string | undefined }): Promise<Reply>;
}

/** Lets TypeScript infer the values from the parameters. */
export function endpoint<const S extends ParameterSpecs>(declared: Endpoint<S>): Endpoint<S> {
  return declared;
}
