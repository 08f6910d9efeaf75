/** A tunnel through an HTTP proxy. protocol.md §2. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { ServerError } from './server-error.js';

export interface HttpProxy {
  /** An IPv6 address has its brackets. */
  readonly host: string;
  readonly port: number;
  /** Value of the header that lets us in; secret. */
  readonly authorization: string | undefined;
}

const DEFAULT_PORT = 1080;
const PROXY =
  /^(?:http:\/\/)?(?:((?![a-z0-9]+:\/\/).*)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/;
/** Longest head of a proxy's answer, in bytes. */
const HEAD_LIMIT = 16 * 1024;
const HEAD_END = '\r\n\r\n';

/** Undoes percent encoding where there is some. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Parses `[http://][user:password@]host[:port]`; empty is none. Throws ServerError `SERVER_CONNECT`, which does not repeat the
 * text: there may be a password in it.
 */
export function parseProxy(text: string): HttpProxy | undefined {
  if (text === '') return undefined;
  const [, login, host, digits] = PROXY.exec(text) ?? [];
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new ServerError(
      'SERVER_CONNECT',
      'the proxy is not understood: it looks like [http://][user:password@]host[:port]',
    );
  }
  const authorization =
    login === undefined ? undefined : `Basic ${Buffer.from(decoded(login)).toString('base64')}`;
  return { host, port, authorization };
}

/** The head of an answer with nothing after it: a TLS server does not speak first. */
async function readHead(socket: Duplex, name: string, signal: AbortSignal): Promise<string> {
  let head = '';
  for (;;) {
    const part: unknown = socket.read();
    if (Buffer.isBuffer(part)) head += part.toString('latin1');
    else if (socket.readableEnded) throw new ServerError('SERVER_CONNECT', `${name} closed the connection`);
    else await Promise.race([once(socket, 'readable', { signal }), once(socket, 'end', { signal })]);
    const end = head.indexOf(HEAD_END);
    if (end >= 0 && end + HEAD_END.length === head.length) return head;
    if (end >= 0 || head.length > HEAD_LIMIT)
      throw new ServerError('SERVER_CONNECT', `${name} gave an answer that makes no sense`);
  }
}

/** Asks the proxy at the other end of `socket` for a connection to `target` (`host:port`). Throws ServerError. */
export async function openTunnel(
  socket: Duplex,
  target: string,
  proxy: HttpProxy,
  signal: AbortSignal,
): Promise<void> {
  const name = `the proxy ${proxy.host}:${proxy.port}`;
  const login = proxy.authorization === undefined ? '' : `Proxy-Authorization: ${proxy.authorization}\r\n`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login}\r\n`);
  const [line = ''] = (await readHead(socket, name, signal)).split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)?.[1];
  if (status === '200') return;
  const answer = status === undefined ? 'an answer that makes no sense' : `status ${status}`;
  throw new ServerError('SERVER_CONNECT', `${name} answered with ${answer} when asked for ${target}`);
}
