/** Where the parameters of a request stand, by its content type. rest-api.md §1.1. */
import { isTooDeep } from '../../snapshot/json-text.js';
import { CallError } from './call-error.js';
import { formPairs } from './form-pairs.js';
import type { ParameterSource } from './parameters.js';

export interface RequestParts {
  readonly contentType: string | undefined;
  /** Encoded. */
  readonly query: string;
  readonly body: Buffer;
  /** From the path. */
  readonly path: readonly (readonly [name: string, value: string])[];
}

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
/** Longest content type that is repeated in a message, in characters. */
const SHOWN = 128;

/** JSON that breaks off, in the words of the reference server; other mistakes only in general. */
function mistake(body: Buffer, cause: unknown): CallError {
  const text = body.toString('utf8');
  const at = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined;
  const brokeOff = at === undefined ? /end of JSON/.test(String(cause)) : Number(at) >= text.length;
  if (!brokeOff) return new CallError(400, 'unable to parse the request body as JSON', { cause });
  const lines = text.split('\n');
  const where = `line ${lines.length} column ${lines.at(-1)?.length ?? 0}`;
  return new CallError(400, `EOF while parsing a value at ${where}`, { cause });
}

/** An empty body has no properties. Throws CallError 400. */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (!isTooDeep(value)) return value;
  } catch (cause) {
    throw mistake(body, cause);
  }
  throw new CallError(400, 'the JSON of the request body is nested too deep');
}

/** Parameters of the path stand beside those of a JSON body; the body cannot say otherwise. */
function jsonSource({ body, path }: RequestParts): ParameterSource {
  const value = parseJson(body);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) return { kind: 'json', value };
  const entries: [string, unknown][] = Object.entries(value);
  for (const [name] of path) {
    if (Object.hasOwn(value, name))
      throw new CallError(400, `parameter verification failed - '${name}': duplicate parameter.`);
  }
  return { kind: 'json', value: Object.fromEntries([...entries, ...path]) };
}

/** With JSON the query does not count; a form and the query count together. Throws CallError 400. */
export function sourceOf(parts: RequestParts): ParameterSource {
  const { contentType = FORM, query, body, path } = parts;
  const [type = ''] = contentType.split(';', 1);
  switch (type.trim().toLowerCase()) {
    case JSON_TYPE:
      return jsonSource(parts);
    case FORM:
      return querySource(query, path, formPairs(body.toString('utf8')));
  }
  const shown = JSON.stringify(contentType.slice(0, SHOWN));
  throw new CallError(400, `unsupported content type Ok(${shown})`);
}

/** Parameters of the query and the path, where the body is something else. */
export function querySource(
  query: string,
  path: RequestParts['path'],
  more: readonly (readonly [string, string])[] = [],
): ParameterSource {
  return { kind: 'form', pairs: [...path, ...formPairs(query), ...more] };
}
