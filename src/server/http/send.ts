/** Writes answers: JSON, bytes, and the plain text of errors. rest-api.md §1.2. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Reply } from './endpoint.js';
import type { Failure } from './failure.js';

const JSON_TYPE = 'application/json;charset=UTF-8';
const CLEARED =
  '__Host-PBSAuthCookie=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; SameSite=Lax; HttpOnly; Path=/;';
/** Paths and parameters that are refused before any call. */
const WITHOUT_TYPE: ReadonlySet<string> = new Set([
  'authentication failed',
  'path contains illegal components',
]);

/** Head and body of an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | Bytes;
}

/** Exactly so many bytes that are not in memory. */
interface Bytes {
  readonly stream: Readable;
  readonly length: number;
}

/** The answer to a call that is well. Who makes the envelope itself, with `success`, names no charset. */
export function answerOf(reply: Reply): Answer {
  if (!('data' in reply)) {
    const headers = { 'content-type': 'application/octet-stream' };
    return { status: 200, headers, body: 'bytes' in reply ? reply.bytes : reply };
  }
  const { data, more = {}, cookie } = reply;
  const type = 'success' in more ? 'application/json' : JSON_TYPE;
  const headers = { 'content-type': type, ...(cookie === undefined ? {} : { 'set-cookie': cookie }) };
  return { status: 200, headers, body: Buffer.from(JSON.stringify({ data, ...more })) };
}

/** An answer that is not a stream. */
export interface TextAnswer extends Answer {
  readonly body: Buffer;
}

/** The answer to a call that failed. A 401 deletes the cookie that may have been the reason. */
export function failureAnswer({ status, text }: Failure): TextAnswer {
  const typed = text !== '' && !WITHOUT_TYPE.has(text);
  const headers = {
    ...(typed ? { 'content-type': JSON_TYPE } : {}),
    ...(status === 401 ? { 'set-cookie': CLEARED } : {}),
  };
  return { status, headers, body: Buffer.from(text) };
}

/** Sends an answer; resolves when it is taken, or the client has gone. */
export async function send(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  const { socket } = response.req;
  if (socket.destroyed) {
    if (!Buffer.isBuffer(body)) body.stream.destroy();
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': body.length });
  if (!Buffer.isBuffer(body)) {
    // A stream that breaks off takes the connection with it: the client sees that bytes are missing.
    await pipeline(body.stream, response).catch(() => undefined);
    return;
  }
  await new Promise<void>((resolve) => {
    // Of an answer that waits for those before it nothing but the connection tells.
    socket.once('close', resolve);
    response.once('close', () => {
      socket.off('close', resolve);
      resolve();
    });
    response.end(body);
  });
}
