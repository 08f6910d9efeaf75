/** Requests that turn a connection into a session: who asks is found out here, the rest is the session's. protocol.md §4. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { userOf } from '../access/auth-id.js';
import type { ServerContext } from '../server-context.js';
import { CallError } from './call-error.js';
import type { CallSlots } from './call-slots.js';
import type { Caller } from './endpoint.js';
import { failureOf, holdBack } from './failure.js';
import { formPairs } from './form-pairs.js';
import type { Counters } from './metrics.js';
import { addressOf } from './request-identity.js';
import { isApi, notFound, sessionKind } from './routes.js';
import { failureAnswer, type TextAnswer } from './send.js';
import { parseTarget, type Target } from './target.js';

/** Takes a connection over; resolves when the session on it has ended or was refused. */
export type AcceptUpgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  caller: Caller,
  pairs: readonly (readonly [name: string, value: string])[],
  context: ServerContext,
  signal: AbortSignal,
) => Promise<void>;

export interface UpgradeRequestOptions {
  readonly context: ServerContext;
  readonly counters: Counters;
  readonly accept: AcceptUpgrade;
  /** Sessions that there may be. */
  readonly slots: CallSlots;
  caller(request: IncomingMessage): Promise<Caller>;
  /** True when no session may begin any more. */
  stopping(): boolean;
  /** Aborted when sessions have to end. */
  readonly stopped: AbortSignal;
  /** For a refused client to take the answer, in milliseconds. */
  readonly refusalPatience: number;
}

/** Answers and ends a connection whose HTTP/1.1 parser is gone, and its time-outs with it: nobody else would close it. */
function refuseConnection(socket: Duplex, { status, headers, body }: TextAnswer, patience: number): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), patience);
  socket.once('close', () => clearTimeout(timer));
  const lines = Object.entries({ ...headers, 'content-length': body.length, connection: 'close' });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...lines.map(([name, value]) => `${name}: ${String(value)}`),
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]), () => socket.destroy());
}

/** What is asked for. Throws CallError. */
function upgradeTarget(request: IncomingMessage): { target: Target; kind: 'backup' | 'reader' } {
  const target = parseTarget(request.url ?? '');
  const kind = request.method === 'GET' && isApi(target) ? sessionKind(target) : undefined;
  if (kind === undefined) throw notFound(target);
  return { target, kind };
}

/** Begins a session and writes down when it has ended. Throws what says why it cannot begin. */
async function runSession(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { context, counters, accept, slots, caller, stopping, stopped }: UpgradeRequestOptions,
): Promise<void> {
  const { target, kind } = upgradeTarget(request);
  const who = await caller(request);
  if (stopping()) throw new CallError(503, 'the server is stopping');
  const { authId, address } = who;
  const start = context.clock.elapsed();
  await slots.run(userOf(authId), () => {
    counters.beganSession(kind);
    return accept(request, socket, head, who, formPairs(target.query), context, stopped);
  });
  const milliseconds = Math.round(context.clock.elapsed() - start);
  context.log('session', { kind, authId, address, milliseconds });
}

/** Lets a session begin, or answers why not; resolves when it has ended. Never rejects. */
export async function upgradeRequest(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: UpgradeRequestOptions,
): Promise<void> {
  socket.on('error', () => undefined);
  const { context, counters } = options;
  const address = addressOf(request);
  const start = context.clock.elapsed();
  try {
    await runSession(request, socket, head, options);
  } catch (error) {
    const failure = failureOf(error);
    counters.answered(failure.status, 0);
    context.log('session-refused', { status: failure.status, text: failure.text, address });
    await holdBack(failure, context.clock, start);
    refuseConnection(socket, failureAnswer(failure), options.refusalPatience);
  }
}
