/** Tickets and tokens as they stand in a request's headers. protocol.md §3. */
import { TextDecoder } from 'node:util';
import { splitTokenId } from './auth-id.js';

/** The first that is there counts. */
const COOKIES = ['__Host-PBSAuthCookie', 'PBSAuthCookie'];
/** Longest header that is looked at, in characters. */
const MAX_HEADER = 16 * 1024;
const SCHEME = /^PBSAPIToken[ =]/;

/** Undoes percent-encoding; what only looks like it stays. Headers are bytes, one a character, and must be UTF-8. */
function decoded(text: string): string | undefined {
  const bytes = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The ticket in a `Cookie` header: '' where a cookie is there and cannot be understood, undefined where there is none. */
export function ticketOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.length > MAX_HEADER) return '';
  const pairs = header.split(';').map((pair) => pair.trim());
  for (const name of COOKIES) {
    const pair = pairs.find((one) => one.startsWith(`${name}=`));
    if (pair !== undefined) return decoded(pair.slice(name.length + 1)) ?? '';
  }
  return undefined;
}

export interface TokenCredentials {
  readonly tokenId: string;
  readonly secret: string;
}

/** Id and secret of an `Authorization` header, `PBSAPIToken ID:SECRET` or with `=`; undefined for anything else. */
export function tokenOf(header: string | undefined): TokenCredentials | undefined {
  if (header === undefined || header.length > MAX_HEADER || !SCHEME.test(header)) return undefined;
  const text = header.slice('PBSAPIToken '.length);
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const tokenId = Buffer.from(text.slice(0, colon), 'latin1').toString('utf8');
  const secret = decoded(text.slice(colon + 1));
  return secret === undefined || splitTokenId(tokenId) === undefined ? undefined : { tokenId, secret };
}
