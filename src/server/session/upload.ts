/** Reads the bodies of a session: nothing is read before there is room for it, and nobody may take for ever. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { CallError } from '../http/call-error.js';
import { KeptBytes } from '../http/kept-bytes.js';
import type { Room } from './byte-budget.js';
import type { Upload, Uploaded } from './session-endpoint.js';
import { BODY_RATE, MAX_ENCODED, MAX_PARAMETERS, type SessionTimes } from './session-limits.js';

/** Ends a stream whose body pauses too long or takes too long. */
async function watched<T>(
  stream: ServerHttp2Stream,
  { silence, body }: SessionTimes,
  bytes: number,
  read: () => Promise<T>,
): Promise<T> {
  const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
  stream.setTimeout(silence, cancel);
  const deadline = setTimeout(cancel, body + (bytes / BODY_RATE) * 1000);
  try {
    return await read();
  } finally {
    clearTimeout(deadline);
    stream.setTimeout(0);
  }
}

/** Reads to the end; keeps `announced` bytes and counts the rest, up to `limit`. */
async function readBody(stream: ServerHttp2Stream, announced: number, limit: number): Promise<Uploaded> {
  const kept = new KeptBytes(announced);
  let length = 0;
  for await (const read of stream.iterator({ destroyOnReturn: false })) {
    const part: Buffer = read;
    kept.add(part);
    length += part.length;
    if (length > limit) throw new CallError(400, 'Request body too large');
  }
  if (stream.aborted) throw new CallError(400, 'the body broke off');
  return { parts: kept.parts(), length };
}

export interface StreamUploadOptions {
  /** Memory for bodies that are stored, and for those of parameters. */
  readonly uploads: Room;
  readonly parameters: Room;
  readonly times: SessionTimes;
}

/** The body of one call. */
export class StreamUpload implements Upload {
  readonly #stream: ServerHttp2Stream;
  readonly #o: StreamUploadOptions;
  readonly #gone: AbortSignal;

  /** `gone` is aborted when the stream or its session has ended. */
  constructor(stream: ServerHttp2Stream, options: StreamUploadOptions, gone: AbortSignal) {
    this.#stream = stream;
    this.#o = options;
    this.#gone = gone;
  }

  async read<T>(announced: number, use: (body: Uploaded) => Promise<T>): Promise<T> {
    const giveBack = await this.#o.uploads.take(announced, this.#gone);
    try {
      return await use(await this.#read(announced, announced + MAX_ENCODED));
    } finally {
      giveBack();
    }
  }

  async discard(): Promise<void> {
    await this.#read(0, MAX_ENCODED, MAX_ENCODED);
  }

  /** The body of a call that takes parameters. Throws CallError. */
  async parameters(): Promise<Buffer> {
    const giveBack = await this.#o.parameters.take(MAX_PARAMETERS, this.#gone);
    try {
      const { parts } = await this.#read(MAX_PARAMETERS, MAX_PARAMETERS - 1);
      return Buffer.concat(parts);
    } finally {
      giveBack();
    }
  }

  /** `expected` bytes have their time. */
  #read(announced: number, limit: number, expected: number = announced): Promise<Uploaded> {
    return watched(this.#stream, this.#o.times, expected, () => readBody(this.#stream, announced, limit));
  }
}
