/** Finds the call that a request means. */
import { CallError } from './call-error.js';
import type { Endpoint, OpenEndpoint } from './endpoint.js';
import type { Target } from './target.js';

/** What stands before the path of an endpoint. */
const PREFIX = ['api2', 'json'];

/** What a server can be asked. */
export interface Api {
  readonly endpoints: readonly Endpoint[];
  readonly openEndpoints: readonly OpenEndpoint[];
}

/** An endpoint and the parameters that stand in the path. */
export interface Found<E> {
  readonly endpoint: E;
  readonly path: readonly (readonly [name: string, value: string])[];
}

interface Route<E> {
  readonly endpoint: E;
  readonly segments: readonly string[];
}

function routeOf<E extends { readonly path: string }>(endpoint: E): Route<E> {
  return { endpoint, segments: [...PREFIX, ...endpoint.path.split('/')] };
}

/** The parameters of the path; undefined where it is another one. */
function match(
  route: readonly string[],
  segments: readonly string[],
): readonly (readonly [string, string])[] | undefined {
  if (route.length !== segments.length) return undefined;
  const values: [string, string][] = [];
  for (const [i, part] of route.entries()) {
    const segment = segments[i] ?? '';
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name !== undefined) values.push([name, segment]);
    else if (part !== segment) return undefined;
  }
  return values;
}

function find<E extends { readonly method: string }>(
  routes: readonly Route<E>[],
  method: string,
  segments: readonly string[],
): Found<E> | undefined {
  for (const { endpoint, segments: route } of routes) {
    const path = endpoint.method === method ? match(route, segments) : undefined;
    if (path !== undefined) return { endpoint, path };
  }
  return undefined;
}

/** What is said of a path that nobody serves, or not by this method. */
export function notFound({ path }: Target): CallError {
  return new CallError(404, `Path '${path}' not found.`);
}

export class Routes {
  readonly #known: readonly Route<Endpoint>[];
  readonly #open: readonly Route<OpenEndpoint>[];

  constructor({ endpoints, openEndpoints }: Api) {
    this.#known = endpoints.map(routeOf);
    this.#open = openEndpoints.map(routeOf);
  }

  /** A call that needs no login. */
  open(method: string, { segments }: Target): Found<OpenEndpoint> | undefined {
    return find(this.#open, method, segments);
  }

  /** A call that needs one. Throws CallError 404. */
  known(method: string, target: Target): Found<Endpoint> {
    const found = find(this.#known, method, target.segments);
    if (found === undefined) throw notFound(target);
    return found;
  }
}

/** True for everything below `/api2/json/`. */
export function isApi({ segments }: Target): boolean {
  return PREFIX.every((part, i) => segments[i] === part);
}

/** `backup` or `reader`: what a connection can become; undefined for any other path. */
export function sessionKind({ segments }: Target): 'backup' | 'reader' | undefined {
  const [kind, ...more] = segments.slice(PREFIX.length);
  return more.length === 0 && (kind === 'backup' || kind === 'reader') ? kind : undefined;
}
