/** The server's side of HTTP/2 on an upgraded connection. protocol.md §4.3. */
import { constants, performServerHandshake, type ServerHttp2Stream, type Settings } from 'node:http2';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readAll } from './messages.js';
import { parseRequest } from './request.js';
import type { Reply, SessionRules } from './rules.js';

const WINDOW = 32 * 1024 * 1024;
/** MiB that Node may hold for the session. */
const SESSION_MEMORY = 1024;

/** Names in RFC 9113 and in Node. */
const SETTINGS: Readonly<Record<string, keyof Settings>> = {
  MAX_CONCURRENT_STREAMS: 'maxConcurrentStreams',
  INITIAL_WINDOW_SIZE: 'initialWindowSize',
  MAX_FRAME_SIZE: 'maxFrameSize',
  MAX_HEADER_LIST_SIZE: 'maxHeaderListSize',
};

function nodeSettings(recorded: Readonly<Record<string, number>>): Settings {
  return Object.fromEntries(
    Object.entries(recorded).map(([name, value]) => {
      const key = SETTINGS[name];
      if (key === undefined) throw new Error(`the server sent the unknown setting ${name}`);
      return [key, value];
    }),
  );
}

export interface Http2Options {
  readonly settings: Readonly<Record<string, number>>;
  readonly rules: SessionRules;
  /** What goes wrong in the replayer itself. */
  readonly onError: (error: unknown) => void;
}

/** Runs one piece of work after the other. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Answers the requests of one connection, in the order in which they began, until the client ends it. */
export function serveHttp2(connection: Duplex, { settings, rules, onError }: Http2Options): void {
  const session = performServerHandshake(connection, {
    settings: nodeSettings(settings),
    maxSessionMemory: SESSION_MEMORY,
  });
  session.setLocalWindowSize(WINDOW);
  const turns = new Turns();
  let clock = 0;
  const answer = async (stream: ServerHttp2Stream, headers: ReadonlyMap<string, string>): Promise<void> => {
    clock += 1;
    const began = clock;
    const [method, target] = [headers.get(':method') ?? '', headers.get(':path') ?? ''];
    const body = readAll(stream);
    // Its turn may be much later, and is where a broken body is noticed.
    body.catch(() => undefined);
    const reply = await turns.take(async () =>
      rules.answer({ request: parseRequest(method, target, headers, await body), began }),
    );
    // What the client sent without waiting for this reply is seen first.
    await nextTurn();
    await nextTurn();
    clock += 1;
    reply.onSent?.(clock);
    send(stream, reply);
  };
  session.on('stream', (stream, headers) => {
    const texts = new Map(Object.entries(headers).map(([name, text]) => [name, String(text)]));
    stream.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
    answer(stream, texts).catch((error: unknown) => {
      // Whoever ends the connection in the middle of a request does not want its reply.
      if (!stream.aborted && !session.destroyed) onError(error);
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  });
  session.on('error', () => connection.destroy());
}

function send(stream: ServerHttp2Stream, { status, contentType, body, more }: Reply): void {
  if (stream.destroyed) return;
  stream.respond({
    ':status': status,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  });
  if (more === undefined) stream.end(body);
  else {
    stream.write(body);
    more.pipe(stream);
  }
}
