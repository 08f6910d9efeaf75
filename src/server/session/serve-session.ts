/** Answers the calls of one session until its connection ends. protocol.md §4.4. */
import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { CallError } from '../http/call-error.js';
import { failureOf } from '../http/failure.js';
import { type ParameterSource, parseParameters } from '../http/parameters.js';
import { querySource, sourceOf } from '../http/source.js';
import { parseTarget, type Target } from '../http/target.js';
import { type Refusal, sendRefusal, sendReply } from './answer.js';
import { ByteBudget, type Room } from './byte-budget.js';
import type { SessionEndpoint } from './session-endpoint.js';
import { MAX_TARGET, PARAMETERS, type SessionTimes } from './session-limits.js';
import { StreamUpload } from './upload.js';

export interface SessionOptions {
  readonly endpoints: readonly SessionEndpoint[];
  /** Memory for bodies that are stored, and for answers. */
  readonly uploads: Room;
  readonly answers: Room;
  readonly times: SessionTimes;
  /** Ends the session. */
  readonly signal: AbortSignal;
  /** For the server's log: errors that nobody foresaw. */
  readonly onUnexpected: (error: unknown) => void;
}

/** A refusal before the call itself began, which has no content type. */
class Malformed extends Error {
  override readonly cause: CallError;

  constructor(cause: CallError) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/** Runs what looks at the form of a request. */
function formal<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw error instanceof CallError ? new Malformed(error) : error;
  }
}

function refusalOf(error: unknown): Refusal {
  const isMalformed = error instanceof Malformed;
  const { status, text } = failureOf(isMalformed ? error.cause : error);
  return { status, text, typed: !isMalformed };
}

class SessionLoop {
  readonly #options: SessionOptions;
  readonly #endpoints: ReadonlyMap<string, SessionEndpoint>;
  /** Those of parameters are short: a session has memory for some of its own, which nobody else can hold up. */
  readonly #parameters = new ByteBudget(PARAMETERS).of('');
  readonly #running = new Set<Promise<void>>();
  #streams = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#endpoints = new Map(options.endpoints.map((each) => [`${each.method} ${each.path}`, each]));
  }

  accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const gone = new AbortController();
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
    });
    stream.once('close', () => gone.abort(new Error('the stream was closed')));
    stream.on('error', () => undefined);
    const work = this.#serve(stream, headers, gone.signal).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** A stream is open: it has its own time-outs. */
  get busy(): boolean {
    return this.#streams > 0;
  }

  /** Resolves when no call runs any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Never rejects: whoever has gone is not told. */
  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, gone: AbortSignal): Promise<void> {
    const { silence } = this.#options.times;
    const { answers } = this.#options;
    try {
      await sendReply(stream, await this.#answer(stream, headers, gone), { answers, silence }, gone);
    } catch (error) {
      const expected = gone.aborted || error instanceof Malformed || !failureOf(error).unexpected;
      if (!expected) this.#options.onUnexpected(error);
      if (gone.aborted) stream.close(constants.NGHTTP2_CANCEL);
      else sendRefusal(stream, refusalOf(error), silence);
    }
  }

  async #answer(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    gone: AbortSignal,
  ): ReturnType<SessionEndpoint['run']> {
    const target = formal(() => parseTarget(String(headers[':path'] ?? '/'), MAX_TARGET));
    const endpoint = this.#endpoints.get(`${headers[':method']} /${target.segments.join('/')}`);
    if (endpoint === undefined) throw new CallError(404, `Path '${target.path}' not found.`);
    const { uploads, times } = this.#options;
    const upload = new StreamUpload(stream, { uploads, times, parameters: this.#parameters }, gone);
    const source = await this.#source(endpoint, target, headers['content-type'], upload);
    return endpoint.run(
      formal(() => parseParameters(endpoint.parameters, source)),
      upload,
    );
  }

  async #source(
    { parametersIn }: SessionEndpoint,
    { query }: Target,
    contentType: string | undefined,
    upload: StreamUpload,
  ): Promise<ParameterSource> {
    if (parametersIn === 'query') return querySource(query, []);
    const body = await upload.parameters();
    return formal(() => sourceOf({ contentType, query, body, path: [] }));
  }
}

/** Resolves when the session has ended and no call runs any more. Never rejects. */
export async function serveSession(session: ServerHttp2Session, options: SessionOptions): Promise<void> {
  const loop = new SessionLoop(options);
  const { signal, times } = options;
  const end = (): void => session.destroy();
  // Not the session's own timer: Node leaves that behind when a session is destroyed, and with it all that the session knew.
  const timer = setTimeout(() => (loop.busy ? timer.refresh() : end()), times.idle);
  const touch = (): void => {
    if (!session.destroyed) timer.refresh();
  };
  await new Promise<void>((resolve) => {
    session.on('stream', (stream, headers) => {
      touch();
      stream.once('close', touch);
      loop.accept(stream, headers);
    });
    session.on('ping', touch);
    session.on('error', end);
    session.on('goaway', end);
    session.once('close', resolve);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });
  session.off('ping', touch);
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  await loop.idle();
}
