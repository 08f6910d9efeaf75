/** The connection of a reader session, which is made again when it is lost. protocol.md §6. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { H2Session } from './h2-session.js';
import { isLost, ServerError } from './server-error.js';

export interface ReconnectOptions {
  /** Ends all waiting; what waits throws its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Pauses before attempts to connect again, in milliseconds: as many attempts in a row that bring nothing. */
  readonly delaysMs: readonly number[];
}

/** Makes a connection; the signal ends the wait for it. */
export type Connect = (signal: AbortSignal) => Promise<H2Session>;

export class ReaderConnection {
  readonly #connect: Connect;
  readonly #prepare: (h2: H2Session) => Promise<void>;
  readonly #delaysMs: readonly number[];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #current: Promise<H2Session> | undefined;
  /** The connection that stands, ready or not. */
  #open: H2Session | undefined;
  /** Attempts since a request was answered. */
  #attempts = 0;
  #failure: Error | undefined;

  /** The connection is made when it is first needed; `prepare` brings a new one to where the lost one was. */
  constructor(
    connect: Connect,
    prepare: (h2: H2Session) => Promise<void>,
    { signal, delaysMs }: ReconnectOptions,
  ) {
    this.#connect = connect;
    this.#prepare = prepare;
    this.#delaysMs = delaysMs;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    this.#signal.addEventListener('abort', () => this.#open?.close(), { once: true });
  }

  /** Why there will be no connection any more; undefined while nobody had to do without one. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True after `close` and after the signal. */
  get stopped(): boolean {
    return this.#signal.aborted;
  }

  /**
   * What `request` makes of the connection. When that is lost all requests wait for the next one and are made again. Throws what
   * `request` throws, what keeps a new connection from being made, or the signal's reason.
   */
  async use<T>(request: (h2: H2Session) => Promise<T>): Promise<T> {
    for (;;) {
      this.#current ??= this.#begin();
      const current = this.#current;
      const h2 = await current;
      try {
        const result = await request(h2);
        this.#attempts = 0;
        return result;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!isLost(error)) throw error;
        if (this.#current === current) this.#current = this.#beginAgain(h2, error);
      }
    }
  }

  /** Ends the connection, or the wait for it. Requests that run are rejected. */
  async close(): Promise<void> {
    this.#stop.abort(new ServerError('SERVER_CLOSED', 'the connection is closed'));
    const h2 = await this.#current?.catch(() => undefined);
    h2?.close();
  }

  async #begin(): Promise<H2Session> {
    const h2 = await this.#connect(this.#signal);
    this.#open = h2;
    try {
      this.#signal.throwIfAborted();
      await this.#prepare(h2);
      return h2;
    } catch (error) {
      h2.close();
      throw error;
    }
  }

  async #beginAgain(lost: H2Session, reason: ServerError): Promise<H2Session> {
    lost.close();
    let problem: unknown = reason;
    for (;;) {
      const delay = this.#delaysMs[this.#attempts];
      if (delay === undefined || !mayPass(problem)) break;
      this.#attempts += 1;
      await sleep(delay, undefined, { signal: this.#signal }).catch(() => undefined);
      this.#signal.throwIfAborted();
      try {
        return await this.#begin();
      } catch (error) {
        this.#signal.throwIfAborted();
        problem = error;
      }
    }
    if (problem instanceof Error) this.#failure = problem;
    throw problem;
  }
}

/** True for what a server that is started again, or a network that comes back, brings to an end. */
function mayPass(error: unknown): boolean {
  return isLost(error) || (error instanceof ServerError && error.code === 'SERVER_CONNECT');
}
