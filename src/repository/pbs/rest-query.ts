/** How requests are written. rest-api.md §1.1. */
import { ServerError } from './server-error.js';

/** Where the REST API begins. */
export const API = '/api2/json/';
/** The reference client's: servers log it, and some know no other. */
export const USER_AGENT = 'proxmox-backup-client/1.0';

/** Parameters; what is undefined is left out, a list repeats its key. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** `?key=value&…` sorted by key, or nothing. */
export function formatQuery(query: Query): string {
  const pairs = Object.entries(query).flatMap(([key, value]): [string, string][] => {
    if (value === undefined) return [];
    return typeof value === 'object' ? value.map((each) => [key, each]) : [[key, String(value)]];
  });
  const params = new URLSearchParams(pairs);
  params.sort();
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** One segment of a path, percent-encoded. Throws ServerError `SERVER_REFUSED` for what would change the path. */
export function segment(text: string): string {
  if (text !== '' && !text.startsWith('.')) return encodeURIComponent(text);
  throw new ServerError('SERVER_REFUSED', `'${text}' cannot be part of a request: servers refuse such names`);
}
