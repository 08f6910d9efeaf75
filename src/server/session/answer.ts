/** Sends answers inside a session. protocol.md §4.4. */
import type { FileHandle } from 'node:fs/promises';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import type { GiveBack, Room } from './byte-budget.js';
import type { SessionReply } from './session-endpoint.js';

const JSON_TYPE = 'application/json;charset=UTF-8';
const BYTES = 'application/octet-stream';
/** Bytes of a file that are read at once. */
const FILE_PART = 128 * 1024;
/** Of an answer that is a file are in memory: the part that is sent, and the next one. */
const FILE_MEMORY = 2 * FILE_PART;

/** An answer that says what is wrong: the text, and whether a content type goes with it. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** Errors in parameters have none. */
  readonly typed: boolean;
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** How answers go to one client. */
export interface AnswerOptions {
  /** Where memory for parts of files is taken. */
  readonly answers: Room;
  /** How long a client may take nothing, in milliseconds. */
  readonly silence: number;
}

/** The client reads at its own pace, but not for ever without progress. */
function mindSilence(stream: ServerHttp2Stream, silence: number): void {
  stream.setTimeout(silence, () => stream.close(constants.NGHTTP2_CANCEL));
}

function sendBytes(stream: ServerHttp2Stream, status: number, type: string | undefined, bytes: Buffer): void {
  if (isGone(stream)) return;
  stream.respond({
    ':status': status,
    ...(type === undefined ? {} : { 'content-type': type }),
    'content-length': bytes.length,
  });
  stream.end(bytes);
}

/** What nobody has read of the body goes; the client need not be told to stop. */
function drain(stream: ServerHttp2Stream): void {
  if (!isGone(stream)) stream.resume();
}

async function sendFile(
  stream: ServerHttp2Stream,
  file: FileHandle,
  { answers, silence }: AnswerOptions,
  gone: AbortSignal,
): Promise<void> {
  let giveBack: GiveBack | undefined;
  try {
    giveBack = await answers.take(FILE_MEMORY, gone);
    if (isGone(stream)) return;
    mindSilence(stream, silence);
    stream.respond({ ':status': 200, 'content-type': BYTES });
    const parts = file.createReadStream({ start: 0, highWaterMark: FILE_PART, autoClose: false });
    await pipeline(parts, stream).catch((error: unknown) => {
      stream.close(constants.NGHTTP2_CANCEL);
      // A client that breaks off in the middle wants no more of it; a file that cannot be read is another matter.
      if (error instanceof Error && 'syscall' in error && error.syscall === 'read') throw error;
    });
  } finally {
    giveBack?.();
    await file.close();
  }
}

/**
 * Resolves when the answer was handed over; nothing is sent to who has gone, or takes nothing for too long. Rejects with the reason of
 * `gone` when the stream ends before there is room for a file.
 */
export async function sendReply(
  stream: ServerHttp2Stream,
  reply: SessionReply,
  options: AnswerOptions,
  gone: AbortSignal,
): Promise<void> {
  drain(stream);
  if ('file' in reply) return sendFile(stream, reply.file, options, gone);
  mindSilence(stream, options.silence);
  if ('bytes' in reply) sendBytes(stream, 200, BYTES, reply.bytes);
  else sendBytes(stream, 200, JSON_TYPE, Buffer.from(JSON.stringify({ data: reply.data })));
}

/** The same for a refusal. */
export function sendRefusal(
  stream: ServerHttp2Stream,
  { status, text, typed }: Refusal,
  silence: number,
): void {
  drain(stream);
  mindSilence(stream, silence);
  sendBytes(stream, status, typed ? JSON_TYPE : undefined, Buffer.from(text));
}
