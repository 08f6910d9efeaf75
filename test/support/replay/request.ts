/** Requests by their meaning: how two of them are compared. protocol.md §2, §3, §4.4. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Exchange, Header } from './recording.js';

/** A request as a server sees it. */
export interface Request {
  readonly method: string;
  /** Doubled slashes collapsed, percent-decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** `target` is path and query as sent. */
export function parseRequest(
  method: string,
  target: string,
  headers: Iterable<Header>,
  body: Buffer,
): Request {
  const mark = target.indexOf('?');
  const raw = mark < 0 ? target : target.slice(0, mark);
  return {
    method,
    path: decodeURIComponent(raw.replace(/\/{2,}/g, '/')),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: new Map(headers),
    body,
  };
}

/** The request of an exchange without its body, which may not be recorded. */
export function recordedRequest({ method, target, headers, body }: Exchange): Request {
  return parseRequest(method, target, headers, body.whole ?? Buffer.alloc(0));
}

/** Short form for messages. */
export function describe({ method, path, query }: Request): string {
  const text = decodeURIComponent(query.toString());
  return `${method} ${path}${text === '' ? '' : `?${text}`}`;
}

/** A form in which two requests can be compared: parameters sorted. */
export function canonicalRequest(request: Request): string {
  const query = new URLSearchParams(request.query);
  query.sort();
  return describe({ ...request, query });
}

/** The same for `METHOD /path?query`. */
export function canonicalTarget(text: string): string {
  const [method, target] = text.split(' ');
  return canonicalRequest(parseRequest(method!, target ?? '', [], Buffer.alloc(0)));
}

/** Media type without parameters; '' if there is none. */
export function mediaType({ headers }: Request): string {
  return (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
}

/** Parameters of a call; those of a JSON body have types, the others are text. */
export interface Parameters {
  readonly typed: boolean;
  readonly values: ReadonlyMap<string, unknown>;
}

function textParameters(parts: readonly URLSearchParams[]): Parameters {
  const values = new Map<string, string | string[]>();
  for (const [key, value] of parts.flatMap((part) => [...part])) {
    const before = values.get(key);
    values.set(key, before === undefined ? value : [before, value].flat());
  }
  return { typed: false, values };
}

/** With JSON only the body counts, else the query and a form body; another content type is not a call. Throws. §4.4. */
export function parametersOf(request: Request): Parameters {
  const type = mediaType(request);
  if (type === JSON_TYPE) {
    const parsed = z.record(z.string(), z.unknown()).parse(JSON.parse(request.body.toString()));
    return { typed: true, values: new Map(Object.entries(parsed)) };
  }
  if (type !== '' && type !== FORM_TYPE) throw new Error(`unsupported content type ${type}`);
  return textParameters([request.query, new URLSearchParams(request.body.toString())]);
}

/** Parameters in the query, whatever the body is. */
export function queryOf({ query }: Request): Parameters {
  return textParameters([query]);
}

function comparable(value: unknown): unknown {
  return Array.isArray(value) ? value.map(comparable) : String(value);
}

/** The first parameter that differs, as a sentence; undefined if none does. */
export function parameterDifference(
  expected: Parameters,
  actual: Parameters,
  ignored: ReadonlySet<string> = new Set(),
): string | undefined {
  const typed = expected.typed && actual.typed;
  const view = (value: unknown): unknown => (typed || value === undefined ? value : comparable(value));
  for (const key of new Set([...expected.values.keys(), ...actual.values.keys()])) {
    if (ignored.has(key)) continue;
    const [want, have] = [view(expected.values.get(key)), view(actual.values.get(key))];
    if (!isDeepStrictEqual(want, have))
      return `${key} is ${JSON.stringify(have)}, not ${JSON.stringify(want)}`;
  }
  return undefined;
}

interface Credentials {
  readonly token: string | undefined;
  readonly cookie: string | undefined;
  readonly csrf: string | undefined;
}

/** Blank and `=` both stand after the scheme, the secret is percent-encoded. §3.1, §3.2. */
function credentialsOf({ headers, method }: Request): Credentials {
  const token = /^PBSAPIToken[ =]([^:]*:.*)$/.exec(headers.get('authorization') ?? '')?.[1];
  const cookie = /(?:^|;\s*)((?:__Host-)?PBSAuthCookie=[^;]*)/.exec(headers.get('cookie') ?? '')?.[1];
  return {
    token: token === undefined ? undefined : decodeURIComponent(token),
    cookie: cookie === undefined ? undefined : decodeURIComponent(cookie),
    csrf: method === 'GET' || cookie === undefined ? undefined : headers.get('csrfpreventiontoken'),
  };
}

/** Whether both requests say that the same user asks. */
export function sameCredentials(expected: Request, actual: Request): boolean {
  return isDeepStrictEqual(credentialsOf(expected), credentialsOf(actual));
}
