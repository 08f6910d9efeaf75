/** One request and its answer: what is said, when, and what is written down of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerContext } from '../server-context.js';
import { drainBody } from './body.js';
import { failureOf, holdBack } from './failure.js';
import type { Limits } from './limits.js';
import type { Counters } from './metrics.js';
import { addressOf } from './request-identity.js';
import { type Answer, failureAnswer, send } from './send.js';
import { parseTarget, type Target } from './target.js';

/** A request while it is answered. */
export interface Asking {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** To be told who asks, for the log. */
  identified(authId: string): void;
}

export interface ExchangeOptions {
  readonly context: ServerContext;
  readonly limits: Limits;
  readonly counters: Counters;
  /** Answers a request, or throws what `failureOf` knows. */
  answer(request: IncomingMessage, target: Target, asking: Asking): Promise<Answer>;
  /** Aborted when the server does not wait for calls any longer. */
  readonly stopped: AbortSignal;
}

/** Longest path in the log, in characters. */
const SHOWN = 256;

/** Aborted when the client has gone before it was answered, or by `stopped`. */
function goneSignal(
  { socket }: IncomingMessage,
  stopped: AbortSignal,
): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error('nobody waits for the answer'));
  // Of a request that came early nothing but the connection tells.
  socket.once('close', abort);
  stopped.addEventListener('abort', abort, { once: true });
  const release = (): void => {
    socket.off('close', abort);
    stopped.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, release };
}

/** The answer, whatever happens. */
async function answerTo(
  request: IncomingMessage,
  o: ExchangeOptions,
  identified: Asking['identified'],
): Promise<Answer> {
  const { clock, log } = o.context;
  const start = clock.elapsed();
  const { signal, release } = goneSignal(request, o.stopped);
  try {
    return await o.answer(request, parseTarget(request.url ?? ''), { signal, identified });
  } catch (error) {
    const failure = failureOf(error);
    if (failure.unexpected && !signal.aborted) {
      const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log('call-failed', { method: request.method, path: shownPath(request), cause });
    }
    await holdBack(failure, clock, start);
    return failureAnswer(failure);
  } finally {
    release();
  }
}

/** Without the query: nobody should, but somebody may, write a password there. */
function shownPath({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]?.slice(0, SHOWN) ?? '';
}

/** Answers a request and writes it down. Never rejects. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  o: ExchangeOptions,
): Promise<void> {
  const { clock, log } = o.context;
  const start = clock.elapsed();
  const address = addressOf(request);
  // What goes wrong with the connection ends what reads from it.
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  let authId: string | undefined;
  const answer = await answerTo(request, o, (who) => {
    authId = who;
  });
  const milliseconds = Math.round(clock.elapsed() - start);
  o.counters.answered(answer.status, milliseconds);
  log('request', {
    method: request.method,
    path: shownPath(request),
    status: answer.status,
    milliseconds,
    address,
    authId,
  });
  if (o.stopped.aborted) response.setHeader('connection', 'close');
  request.socket.setTimeout(o.limits.replySilence);
  drainBody(request, o.limits.bodySilence);
  await send(response, answer);
}
