/** The answer to a request of a session: whole, refused, or lost. protocol.md §4.4. */
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { ERROR_TEXT_LIMIT, refusal, ServerError } from './server-error.js';

/** Error codes of RFC 9113 §7, by number. */
const ERROR_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

/** Name of an error code of HTTP/2, or its number. */
export function codeName(code: number): string {
  return ERROR_CODES[code] ?? String(code);
}

/** What was asked for. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  /** Longest reply that is taken, in bytes. */
  readonly limit: number;
}

/** What a reply has to know of the session it comes in. */
export interface SessionState {
  /** Why the whole session is over, if it is. */
  readonly failure: () => ServerError | undefined;
  /** Whether the session was destroyed on this side. */
  readonly cancelled: () => boolean;
  /** Called when something has arrived. */
  readonly alive: () => void;
}

/** What has come of a reply. */
class Arrived {
  readonly #asked: Asked;
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #announced: number | undefined;
  /** 0 while nothing has come. */
  status = 0;
  ended = false;
  problem: ServerError | undefined;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Takes the head; what it announces may be too much. */
  begin(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    this.status = headers[':status'] ?? 0;
    const announced = Number(headers['content-length'] ?? Number.NaN);
    if (this.status !== 200 || Number.isNaN(announced)) return;
    this.#announced = announced;
    if (announced > this.#asked.limit) this.#tooLong();
  }

  take(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > (this.status === 200 ? this.#asked.limit : ERROR_TEXT_LIMIT)) this.#tooLong();
    else this.#parts.push(part);
  }

  /** The body of a stream that was closed with this code. Throws ServerError. */
  whole(code: number): Buffer {
    const { method, path } = this.#asked;
    if (this.problem?.code === 'SERVER_REPLY') throw this.problem;
    // A stream that the server resets without an error ends like one that is whole.
    if (this.#announced !== undefined && this.#bytes < this.#announced) {
      const got = `${this.#bytes} of ${this.#announced} bytes`;
      throw new ServerError('SERVER_CLOSED', `${method} ${path} broke off after ${got}`);
    }
    if (this.problem !== undefined) throw this.problem;
    if (code !== constants.NGHTTP2_NO_ERROR || this.status === 0 || !this.ended)
      throw new ServerError('SERVER_CLOSED', `${method} ${path} was not answered (${codeName(code)})`);
    const body = Buffer.concat(this.#parts);
    if (this.status !== 200) throw refusal(this.status, body);
    return body;
  }

  #tooLong(): void {
    const { method, path } = this.#asked;
    this.problem ??= new ServerError(
      'SERVER_REPLY',
      `the answer to ${method} ${path} is longer than it can be`,
    );
  }
}

/**
 * The reply's body. Throws ServerError: a status of 400 and more with the server's text, `SERVER_CLOSED` for a reply that is not whole,
 * `SERVER_REPLY` for one that is longer than `limit`, before more than that is taken.
 */
export function collectReply(
  stream: ClientHttp2Stream,
  asked: Asked,
  { failure, cancelled, alive }: SessionState,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const arrived = new Arrived(asked);
    const stopAtProblem = (): void => {
      if (arrived.problem !== undefined) stream.close(constants.NGHTTP2_CANCEL);
    };
    // Streams of a session that is destroyed end like those whose reply is whole.
    stream.on('end', () => {
      arrived.ended = !cancelled();
      // A server that does not want the rest of a body may end its answer without ending the stream.
      setImmediate(() => stream.destroy());
    });
    stream.on('response', (headers) => {
      alive();
      arrived.begin(headers);
      stopAtProblem();
    });
    stream.on('data', (part: Buffer) => {
      alive();
      arrived.take(part);
      stopAtProblem();
    });
    stream.on('error', (cause) => {
      const problem = `${asked.method} ${asked.path} broke off: ${cause.message}`;
      arrived.problem ??= new ServerError('SERVER_CLOSED', problem, { cause });
    });
    stream.on('close', () => {
      try {
        resolve(arrived.whole(stream.rstCode ?? constants.NGHTTP2_NO_ERROR));
      } catch (error) {
        // A server may refuse a request and hang up; whatever else went wrong, went wrong because of the connection.
        const refused = error instanceof ServerError && error.status !== undefined;
        reject(refused ? error : (failure() ?? error));
      }
    });
  });
}
