/** From HTTP/1.1 to the stream of a backup or reader session. protocol.md §4.1, §4.2. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { authorized } from './authorized.js';
import type { Transport } from './connect-tls.js';
import type { Session, SessionHeaders } from './credentials.js';
import { API, formatQuery, type Query, USER_AGENT } from './rest-query.js';
import { ERROR_TEXT_LIMIT, refusal, ServerError } from './server-error.js';

export interface UpgradeRequest {
  readonly path: 'backup' | 'reader';
  readonly query: Query;
  /** What the stream is to be. */
  readonly protocol: string;
  /** Longest time until the server agrees, in milliseconds. */
  readonly timeoutMs: number;
  /** `host:port`. */
  readonly host: string;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A stream on which the server expects the protocol. Throws ServerError: `SERVER_REFUSED` and `SERVER_LOGIN` with the server's
 * text.
 */
export function upgrade(transport: Transport, session: Session, request: UpgradeRequest): Promise<Duplex> {
  return authorized(session, 'GET', (headers) => attempt(transport, headers, request));
}

async function attempt(
  transport: Transport,
  headers: SessionHeaders,
  request: UpgradeRequest,
): Promise<Duplex> {
  const socket = await transport.connect(request.signal);
  try {
    const head = await negotiate(socket, headers, request);
    // HTTP/2 must not take over a TLS socket that is still writing: Node ends with an assertion then.
    while (socket.writableLength > 0) await turn();
    await turn();
    if (head.length > 0) socket.unshift(head);
    return socket;
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  }
}

/** Sends the request; what the server sent after its answer. */
function negotiate(
  socket: Duplex,
  headers: SessionHeaders,
  { path, query, protocol, timeoutMs, host, signal }: UpgradeRequest,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => socket,
      path: `${API}${path}${formatQuery(query)}`,
      ...(signal === undefined ? {} : { signal }),
      headers: { ...headers, 'user-agent': USER_AGENT, connection: 'upgrade', upgrade: protocol, host },
    });
    const timer = setTimeout(() => {
      const problem = `the server did not answer within ${timeoutMs / 1000} seconds`;
      request.destroy(new ServerError('SERVER_TIMEOUT', problem));
    }, timeoutMs);
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error instanceof ServerError || signal?.aborted === true ? error : broken(error));
    };
    request.on('error', fail);
    request.on('response', (response) => {
      readRefusal(response).then(fail, fail);
    });
    request.on('upgrade', (response, _socket, head) => {
      clearTimeout(timer);
      if (response.headers.upgrade?.toLowerCase() === protocol) resolve(head);
      else fail(new ServerError('SERVER_REPLY', `the server did not agree to ${protocol}`));
    });
    request.end();
  });
}

function broken(cause: unknown): ServerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ServerError('SERVER_CLOSED', `the connection broke: ${reason}`, { cause });
}

/** The error that an ordinary answer stands for. */
async function readRefusal(response: IncomingMessage): Promise<ServerError> {
  const { statusCode = 0 } = response;
  const problem = `the server answered with status ${statusCode} and did not change the protocol; does a proxy stand before it?`;
  if (statusCode < 400) return new ServerError('SERVER_REPLY', problem, { status: statusCode });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    if (!Buffer.isBuffer(part)) break;
    parts.push(part);
    bytes += part.length;
    if (bytes >= ERROR_TEXT_LIMIT) break;
  }
  return refusal(statusCode, Buffer.concat(parts));
}
