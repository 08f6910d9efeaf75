/** How a datastore on a server is named. protocol.md §1.1. */
import { isIPv6 } from 'node:net';
import { RepositoryError } from '../errors.js';

export interface PbsSpec {
  readonly kind: 'pbs';
  readonly authId: string;
  /** As it is written: an IPv6 address has its brackets. */
  readonly host: string;
  readonly port: number;
  readonly store: string;
  /** How messages and lists call it. */
  readonly canonical: string;
}

/** What was said of a repository; the rest is default. */
export interface PbsParts {
  readonly authId?: string | undefined;
  /** Without brackets, or with them. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly store: string;
}

const DEFAULT_AUTH_ID = 'root@pam';
const DEFAULT_HOST = 'localhost';
const DEFAULT_PORT = 8007;
const MAX_LENGTH = 256;

const SAFE_ID = '[A-Za-z0-9_][A-Za-z0-9._-]*';
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const AUTH_ID = `[^\\s:/\\p{Cc}]+@${SAFE_ID}(?:!${SAFE_ID})?`;
const HOST = `${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:.]+\\]`;
const REPOSITORY = new RegExp(`^(?:(?:(${AUTH_ID})@)?(${HOST}):(?:(\\d{1,5}):)?)?(${SAFE_ID})$`, 'u');
const WHOLE_AUTH_ID = new RegExp(`^${AUTH_ID}$`, 'u');
const WHOLE_HOST = new RegExp(`^(?:${HOST})$`);
const WHOLE_SAFE_ID = new RegExp(`^${SAFE_ID}$`);

/** True for `user@realm` and `user@realm!token`. */
export function isAuthId(text: string): boolean {
  return WHOLE_AUTH_ID.test(text);
}

/** True for the id of an API token. */
export function isToken(authId: string): boolean {
  return authId.includes('!', authId.lastIndexOf('@'));
}

/** A host as names and addresses are looked up: without the brackets of an IPv6 address. */
export function bareHost(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function isHost(host: string): boolean {
  return WHOLE_HOST.test(host) && (!host.startsWith('[') || isIPv6(bareHost(host)));
}

function refused(text: string, problem: string): RepositoryError {
  return new RepositoryError('REPOSITORY_SPEC', `'${text}': ${problem}`);
}

function canonical({ authId, host, port, store }: PbsParts): string {
  const [server, at] = [host ?? DEFAULT_HOST, port ?? DEFAULT_PORT];
  if (authId !== undefined) return `${authId}@${server}:${at}:${store}`;
  if (port !== undefined) return `${server}:${port}:${store}`;
  return host === undefined ? store : `${host}:${store}`;
}

/** Puts a repository together from its parts and the defaults. Throws RepositoryError `REPOSITORY_SPEC`. */
export function pbsSpec(parts: PbsParts): PbsSpec {
  const { authId = DEFAULT_AUTH_ID, port = DEFAULT_PORT, store } = parts;
  const given = parts.host !== undefined && isIPv6(parts.host) ? `[${parts.host}]` : parts.host;
  const host = given ?? DEFAULT_HOST;
  if (!isAuthId(authId)) throw refused(authId, 'a user looks like user@realm or user@realm!token');
  if (!isHost(host)) throw refused(host, 'this is no host name and no address');
  if (!(Number.isInteger(port) && port >= 1 && port <= 65_535))
    throw refused(String(port), 'a port is a number from 1 to 65535');
  if (!WHOLE_SAFE_ID.test(store))
    throw refused(store, 'a datastore name has letters, digits, dot, dash and underscore');
  return { kind: 'pbs', authId, host, port, store, canonical: canonical({ ...parts, host: given }) };
}

/** Parses `[[user@realm[!token]@]host:[port:]]datastore`. Throws RepositoryError `REPOSITORY_SPEC`. */
export function parsePbsSpec(text: string): PbsSpec {
  const match = text.length <= MAX_LENGTH ? REPOSITORY.exec(text) : null;
  if (match === null) {
    const advice =
      'a directory begins with /, ./, ../, ~/ or local:, a server looks like [[user@realm[!token]@]host:[port:]]datastore';
    throw refused(text.slice(0, MAX_LENGTH), `this is no repository: ${advice}`);
  }
  const [, authId, host, port, store = ''] = match;
  return pbsSpec({ authId, host, port: port === undefined ? undefined : Number(port), store });
}
