/** HTTP/1.1 messages of a replay: reading requests, writing recorded replies. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Exchange, Header } from './recording.js';
import { parseRequest, type Request } from './request.js';

/** Longest body of a request, in bytes. */
const MAX_BODY = 16 * 1024 * 1024 + 44;
/** Headers that belong to the recorded transfer, not to the reply. */
const TRANSFER_HEADERS: ReadonlySet<string> = new Set(['content-length', 'date', 'transfer-encoding']);

/** The request without its body. */
export function headOf(message: IncomingMessage, body: Buffer = Buffer.alloc(0)): Request {
  const { rawHeaders: raw } = message;
  const headers = Array.from(
    { length: raw.length / 2 },
    (_, i): Header => [raw[2 * i]!.toLowerCase(), raw[2 * i + 1]!],
  );
  return parseRequest(message.method ?? '', message.url ?? '', headers, body);
}

/** A stream to its end. Throws where it is longer than any request. */
export async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > MAX_BODY) throw new Error(`a body of more than ${MAX_BODY} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export interface Http1Reply {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

/** A recorded reply with its bytes. */
export function recordedHttp1({ status, replyHeaders }: Exchange, body: Buffer): Http1Reply {
  return { status, headers: replyHeaders.filter(([name]) => !TRANSFER_HEADERS.has(name)), body };
}

/** Text for a request that was not recorded. */
export function textReply(status: number, text: string): Http1Reply {
  return { status, headers: [], body: Buffer.from(text) };
}

export function respond(response: ServerResponse, { status, headers, body }: Http1Reply): void {
  response.writeHead(status, [...headers.flat(), 'content-length', String(body.length)]);
  response.end(body);
}

/** Writes a reply on a bare connection; fulfilled when the write is done. */
export function respondBare(connection: Duplex, { status, headers, body }: Http1Reply): Promise<void> {
  const length: Header[] = status === 101 ? [] : [['content-length', String(body.length)]];
  const lines = [...headers, ...length].map((pair) => pair.join(': '));
  const bytes = Buffer.concat([
    Buffer.from([`HTTP/1.1 ${status} Replayed`, ...lines, '', ''].join('\r\n')),
    body,
  ]);
  return new Promise((resolve, reject) =>
    connection.write(bytes, (error) => (error ? reject(error) : resolve())),
  );
}
