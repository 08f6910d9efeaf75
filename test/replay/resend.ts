/** A client that sends a recorded session again, request by request, with changes that a test makes. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { bytesOfBody, fixtureBodies } from '../support/replay/bodies.js';
import { readAll } from '../support/replay/messages.js';
import {
  type Exchange,
  type RecordedBody,
  type RecordedSession,
  readSession,
} from '../support/replay/recording.js';
import { type ReplayOptions, startReplay } from '../support/replay/replay.js';
import { isUpgrade } from '../support/replay/upgrade-rules.js';

/** What is sent instead of what was recorded. */
export interface Changes {
  readonly http1?: (exchange: Exchange) => Exchange;
  readonly streams?: (streams: readonly Exchange[]) => readonly Exchange[];
  /** Streams that are sent in one go with the one before them, without waiting for its reply. */
  readonly atOnce?: (exchange: Exchange) => boolean;
}

/** What came back for an exchange. */
export interface Answer {
  readonly exchange: Exchange;
  readonly status: number;
  readonly body: Buffer;
}

export function bytes(body: RecordedBody): Promise<Buffer> {
  return bytesOfBody(body, [fixtureBodies]);
}

function optionsFor(port: number, { method, target, headers }: Exchange): RequestOptions {
  const own = headers.filter(([name]) => name !== 'host' && name !== 'content-length');
  const sent = Object.fromEntries(own);
  return {
    host: '127.0.0.1',
    port,
    method,
    path: target,
    headers: sent,
    agent: false,
    rejectUnauthorized: false,
  };
}

async function sendPlain(port: number, exchange: Exchange): Promise<Answer> {
  const body = await bytes(exchange.body);
  const request = httpsRequest(optionsFor(port, exchange));
  const response = once(request, 'response');
  request.end(body);
  const [message] = await response;
  return { exchange, status: message.statusCode, body: await readAll(message) };
}

/** The connection, or the answer of a server that does not upgrade. */
function upgrade(port: number, exchange: Exchange): Promise<Duplex | Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(optionsFor(port, exchange));
    request.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', (message) => {
      const status = message.statusCode ?? 0;
      readAll(message)
        .then((body) => resolve({ exchange, status, body }))
        .finally(() => request.destroy())
        .catch(reject);
    });
    request.once('error', reject);
    request.end();
  });
}

/** Sends the request at once; the promise is for the reply. */
function sendStream(session: ClientHttp2Session, exchange: Exchange, body: Buffer): Promise<Answer> {
  const headers = Object.fromEntries(exchange.headers.filter(([name]) => !name.startsWith(':')));
  const head = { ...headers, ':method': exchange.method, ':path': exchange.target };
  const stream = session.request(head, { endStream: body.length === 0 });
  const response = once(stream, 'response');
  if (body.length > 0) stream.end(body);
  return response.then(async ([reply]) => ({
    exchange,
    status: reply[':status'],
    body: await readAll(stream),
  }));
}

async function sendStreams(
  socket: Duplex,
  streams: readonly Exchange[],
  changes: Changes,
): Promise<Answer[]> {
  const session = connect('https://localhost:8007', {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: 2 ** 31 - 2, maxFrameSize: 4 << 20 },
  });
  try {
    const answers: Promise<Answer>[] = [];
    const bodies = await Promise.all(streams.map(({ body }) => bytes(body)));
    for (const [i, exchange] of streams.entries()) {
      if (changes.atOnce?.(exchange) !== true) await answers.at(-1);
      answers.push(sendStream(session, exchange, bodies[i]!));
    }
    return await Promise.all(answers);
  } finally {
    session.destroy();
  }
}

/** Starts a replay, sends its session with changes, and tells what the replay says of it. */
export async function replayed(
  file: string,
  name: string,
  changes: Changes = {},
  options: ReplayOptions = {},
): Promise<{ readonly answers: Answer[]; readonly problems: string[] }> {
  const replay = await startReplay(file, name, options);
  let answers: Answer[] = [];
  try {
    answers = await resend(readSession(file, name), replay.port, changes);
  } catch (error) {
    await replay.finish();
    throw error;
  }
  return { answers, problems: await replay.finish() };
}

/** Sends all connections of a session, one after the other. */
export async function resend(
  session: RecordedSession,
  port: number,
  changes: Changes = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const { http1, streams } of session.connections) {
    for (const recorded of http1) {
      const exchange = changes.http1?.(recorded) ?? recorded;
      if (!isUpgrade(recorded)) {
        answers.push(await sendPlain(port, exchange));
        continue;
      }
      const result = await upgrade(port, exchange);
      if ('status' in result) answers.push(result);
      else answers.push(...(await sendStreams(result, changes.streams?.(streams) ?? streams, changes)));
    }
  }
  return answers;
}
