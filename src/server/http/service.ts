/** A server at work: requests in, calls and sessions run, answers out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerContext } from '../server-context.js';
import { BodyRoom } from './body-room.js';
import { CallSlots } from './call-slots.js';
import type { Identity } from './certificate.js';
import { type Asking, exchange } from './exchange.js';
import type { Limits } from './limits.js';
import { Listener } from './listener.js';
import { Counters } from './metrics.js';
import { isMetrics, metricsAnswer } from './metrics-page.js';
import { RestCalls } from './rest-calls.js';
import { type Api, isApi, notFound } from './routes.js';
import { type Answer, answerOf } from './send.js';
import { ServeError } from './serve-error.js';
import type { Target } from './target.js';
import { type AcceptUpgrade, upgradeRequest } from './upgrade-request.js';

export interface ServiceOptions {
  readonly context: ServerContext;
  readonly certificate: Identity;
  readonly limits: Limits;
  readonly api: Api;
  readonly accept: AcceptUpgrade;
  /** Whoever asks on loopback gets to read `/metrics`. */
  readonly openMetrics: boolean;
  readonly version: string;
}

/** For calls and sessions to clean up after they were told to end, in milliseconds. */
const LAST_PATIENCE = 5000;

export class Service {
  readonly #o: ServiceOptions;
  readonly #counters = new Counters();
  readonly #stopped = new AbortController();
  readonly #room: BodyRoom;
  readonly #openRoom: BodyRoom;
  readonly #calls: RestCalls;
  readonly #listener: Listener;
  readonly #sessions: CallSlots;
  readonly #started: number;
  #stopping = false;

  constructor(options: ServiceOptions) {
    const { context, certificate, limits, api } = options;
    this.#o = options;
    this.#started = context.clock.now();
    this.#room = new BodyRoom(limits.bodyBytes);
    this.#openRoom = new BodyRoom(limits.openBodyBytes);
    this.#calls = new RestCalls({ context, api, limits, room: this.#room, openRoom: this.#openRoom });
    this.#sessions = new CallSlots({
      calls: limits.sessions,
      callsPerCaller: limits.sessionsPerUser,
      refusal: 'too many sessions at once, try again later',
    });
    this.#listener = new Listener({
      certificate,
      limits,
      onRequest: (request, response) => this.#request(request, response),
      onUpgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      onRefused: (address) => {
        this.#counters.refusedConnection();
        context.log('connection-refused', { address });
      },
    });
  }

  /** Open connections, sessions included. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** Bytes of request bodies in memory. */
  get bodyBytes(): number {
    return this.#room.used + this.#openRoom.used;
  }

  /** Begins to listen. Throws ServeError `SERVE_LISTEN`. */
  async listen(host: string, port: number): Promise<AddressInfo> {
    try {
      return await this.#listener.listen(host, port);
    } catch (cause) {
      throw new ServeError('SERVE_LISTEN', `cannot listen on ${host} port ${port}`, { cause });
    }
  }

  /** Lets nobody in any more; what still runs after so many milliseconds is cut. Resolves when nothing runs. */
  async stop(patience: number): Promise<void> {
    this.#stopping = true;
    const drained = this.#listener.drain();
    const { clock, log } = this.#o.context;
    const inTime = await Promise.race([drained.then(() => true), clock.pause(patience).then(() => false)]);
    if (!inTime) {
      const { connections, sessions } = this.#listener;
      log('cut', { connections, sessions });
    }
    this.#stopped.abort(new Error('the server stops'));
    await Promise.race([drained, clock.pause(LAST_PATIENCE)]);
    this.#listener.cut();
    await drained;
  }

  #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { context, limits } = this.#o;
    return exchange(request, response, {
      context,
      limits,
      counters: this.#counters,
      answer: (incoming, target, asking) => this.#answer(incoming, target, asking),
      stopped: this.#stopped.signal,
    });
  }

  async #answer(request: IncomingMessage, target: Target, asking: Asking): Promise<Answer> {
    if (isApi(target)) return answerOf(await this.#calls.serve(request, target, asking));
    if (!isMetrics(request.method ?? '', target)) throw notFound(target);
    const { connections, sessions } = this.#listener;
    return metricsAnswer(request, {
      open: this.#o.openMetrics,
      counters: this.#counters,
      measure: () => ({
        connections,
        sessions,
        bodyBytes: this.bodyBytes,
        started: this.#started,
        version: this.#o.version,
      }),
      datastores: this.#o.context.datastores.values(),
      caller: (incoming) => this.#calls.caller(incoming),
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    return upgradeRequest(request, socket, head, {
      context: this.#o.context,
      counters: this.#counters,
      accept: this.#o.accept,
      caller: (incoming) => this.#calls.caller(incoming),
      slots: this.#sessions,
      stopping: () => this.#stopping,
      stopped: this.#stopped.signal,
      refusalPatience: this.#o.limits.refusalPatience,
    });
  }
}
