/** What the rules of a session see of a request, and what they answer. protocol.md §4.4. */
import type { Readable } from 'node:stream';
import type { Exchange, RecordedBody } from './recording.js';
import type { Request } from './request.js';

/** A request inside an upgraded connection. Moments count events of the connection, they are no times. */
export interface Call {
  readonly request: Request;
  /** When its headers arrived. */
  readonly began: number;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
  /** What follows the body, for servers that lie. */
  readonly more?: Readable;
  /** Called with the moment just before the reply leaves: nobody can know of it earlier. */
  readonly onSent?: (moment: number) => void;
}

/** Holds the requests of one connection against the recorded ones. */
export interface SessionRules {
  answer(call: Call): Promise<Reply>;
  /** Expected requests that never came, as sentences. */
  missing(): string[];
}

/** Gives the bytes of recorded bodies; throws where nobody has them. */
export type ReadBody = (body: RecordedBody) => Promise<Buffer>;

const JSON_REPLY = 'application/json;charset=UTF-8';

/** A reply with a value in the envelope. */
export function value(data: unknown, onSent?: (moment: number) => void): Reply {
  const reply = { status: 200, contentType: JSON_REPLY, body: Buffer.from(JSON.stringify({ data })) };
  return onSent === undefined ? reply : { ...reply, onSent };
}

/** An error reply: plain text, whatever the content type says. */
export function refusal(text: string, status = 400): Reply {
  return { status, contentType: JSON_REPLY, body: Buffer.from(text) };
}

/** The reply as it was recorded. */
export async function recordedReply(exchange: Exchange, readBody: ReadBody): Promise<Reply> {
  const contentType = exchange.replyHeaders.find(([name]) => name === 'content-type')?.[1];
  return { status: exchange.status, contentType, body: await readBody(exchange.reply) };
}
