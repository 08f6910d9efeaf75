/** What a call inside a session declares of itself, and what it gets. protocol.md §4.4. */
import type { FileHandle } from 'node:fs/promises';
import type { ParameterSpecs, Values } from '../http/parameters.js';

/** A body that was read as far as it was announced. */
export interface Uploaded {
  /** At most the announced bytes. */
  readonly parts: readonly Buffer[];
  /** Of the whole body, which may be longer. */
  readonly length: number;
}

/** The body of a call that takes bytes. */
export interface Upload {
  /**
   * Reads the body when there is room for `announced` bytes, and lends it to `use`. Throws CallError when it stalls, and what `use`
   * throws.
   */
  read<T>(announced: number, use: (body: Uploaded) => Promise<T>): Promise<T>;
  /** Reads and drops it; resolves when the client has sent all. */
  discard(): Promise<void>;
}

/** A value for the envelope, bytes, or a file that is closed when it was sent. */
export type SessionReply =
  | { readonly data: unknown }
  | { readonly bytes: Buffer }
  | { readonly file: FileHandle };

export interface SessionEndpoint<S extends ParameterSpecs = ParameterSpecs> {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** `/dynamic_chunk`. */
  readonly path: string;
  readonly parameters: S;
  /** `query`: the body, if there is one, is bytes. `any`: they stand in the query, a form or JSON. */
  readonly parametersIn: 'query' | 'any';
  /** Throws CallError, RepositoryError or a system error. */
  run(values: Values<S>, upload: Upload): Promise<SessionReply>;
}

/** Lets TypeScript infer the values from the parameters. */
export function sessionEndpoint<const S extends ParameterSpecs>(
  declared: SessionEndpoint<S>,
): SessionEndpoint<S> {
  return declared;
}

/** `GET /`: the names of all calls. */
export function listing(endpoints: readonly { readonly path: string }[]): SessionEndpoint {
  const names = [...new Set(endpoints.map(({ path }) => path.slice(1)))].sort();
  const data = names.map((subdir) => ({ subdir }));
  return sessionEndpoint({
    ...{ method: 'GET', path: '/', parameters: {}, parametersIn: 'query' },
    run: () => Promise.resolve({ data }),
  });
}
