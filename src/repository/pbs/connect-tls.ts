/** The one place that opens connections to a server: TCP, perhaps a proxy and a rate, TLS, and only then anybody may speak. */
import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { AcceptCertificate } from './fingerprints.js';
import { type HttpProxy, openTunnel } from './proxy.js';
import {
  type RateBuckets,
  type RateLimit,
  RateLimitedStream,
  rateBuckets,
  systemRateClock,
} from './rate-limit.js';
import { bareHost } from './repository-string.js';
import { ServerError } from './server-error.js';

/** Makes connections to one server. */
export interface Transport {
  /**
   * A TLS stream to the server, whose certificate has been accepted. Nothing has been sent on it. Throws ServerError, or the
   * signal's reason.
   */
  connect(signal?: AbortSignal): Promise<Duplex>;
}

export interface TransportOptions {
  /** An IPv6 address has its brackets. */
  readonly host: string;
  readonly port: number;
  /** Certificates of trusted authorities, PEM; asked for once, at the first connection. */
  readonly authorities: () => Promise<readonly string[]>;
  /** Decides on certificates that no authority vouches for. */
  readonly accept: AcceptCertificate;
  readonly proxy?: HttpProxy | undefined;
  /** Holds for all connections together, for each direction on its own. */
  readonly limit?: RateLimit | undefined;
  /** Longest time until TLS stands, a person's answer not counted; milliseconds. */
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 120_000;

/** Connects when it is asked to, not before. */
export function createTransport(options: TransportOptions): Transport {
  return new Connector(options);
}

class Connector implements Transport {
  readonly #o: TransportOptions;
  readonly #buckets: RateBuckets | undefined;
  #context: Promise<SecureContext> | undefined;

  constructor(options: TransportOptions) {
    this.#o = options;
    this.#buckets = options.limit === undefined ? undefined : rateBuckets(options.limit, systemRateClock);
  }

  async connect(signal?: AbortSignal): Promise<Duplex> {
    const first = await this.#open(signal);
    // A server does not wait for ever while a person looks at a fingerprint; the answer is known by now.
    const socket = first.destroyed ? await this.#open(signal) : first;
    if (!socket.destroyed) return socket;
    throw new ServerError('SERVER_CLOSED', `${this.#name} closed the connection`);
  }

  get #name(): string {
    return `${this.#o.host}:${this.#o.port}`;
  }

  async #open(signal: AbortSignal | undefined): Promise<TLSSocket> {
    this.#context ??= this.#o.authorities().then(secureContext);
    const context = await this.#context;
    const socket = await this.#withinTime(signal, (limit) => this.#shakeHands(context, limit));
    // It may break or end while a person is asked; `connect` looks at what became of it.
    const ignore = (): void => undefined;
    const noticeEnd = (): void => void socket.read();
    socket.on('error', ignore).on('readable', noticeEnd);
    try {
      await this.#verify(socket);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    socket.off('readable', noticeEnd);
    await turn();
    socket.off('error', ignore);
    return socket;
  }

  /** Runs `work` with a signal that ends it when it takes too long; says what went wrong in words. */
  async #withinTime<T>(
    signal: AbortSignal | undefined,
    work: (limit: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#o;
    const controller = new AbortController();
    const late = new ServerError(
      'SERVER_TIMEOUT',
      `no connection to ${this.#name} within ${connectTimeoutMs / 1000} seconds`,
    );
    const timer = setTimeout(() => controller.abort(late), connectTimeoutMs);
    const stop = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await work(controller.signal);
    } catch (error) {
      if (controller.signal.aborted) throw controller.signal.reason;
      if (error instanceof ServerError) throw error;
      const problem = `cannot connect to ${this.#name}: ${reasonOf(error)}`;
      throw new ServerError('SERVER_CONNECT', problem, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** TLS stands at the end, but nobody has looked at the certificate. */
  async #shakeHands(secureContext: SecureContext, limit: AbortSignal): Promise<TLSSocket> {
    const { host, port, proxy } = this.#o;
    const tcp = connectTcp({
      host: bareHost(proxy?.host ?? host),
      port: proxy?.port ?? port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    // What goes wrong later is reported by the stream above.
    tcp.on('error', () => undefined);
    try {
      await once(tcp, 'connect', { signal: limit });
      if (proxy !== undefined) await openTunnel(tcp, this.#name, proxy, limit);
      const socket = this.#startTls(tcp, secureContext);
      await once(socket, 'secureConnect', { signal: limit });
      return socket;
    } catch (error) {
      tcp.destroy();
      throw error;
    }
  }

  #startTls(tcp: Socket, secureContext: SecureContext): TLSSocket {
    const host = bareHost(this.#o.host);
    const options = {
      host,
      // A name that is an address may not be announced.
      servername: isIP(host) === 0 ? host : '',
      secureContext,
      // `verify` decides, before anybody gets the socket.
      rejectUnauthorized: false,
    };
    if (this.#buckets === undefined) return connectTls({ ...options, socket: tcp });
    const socket = connectTls({ ...options, socket: new RateLimitedStream(tcp, this.#buckets) });
    // An idle connection must not keep the process alive, and the stream in between knows nothing of that.
    return Object.assign(socket, {
      ref: () => {
        tcp.ref();
        return socket;
      },
      unref: () => {
        tcp.unref();
        return socket;
      },
    });
  }

  async #verify(socket: TLSSocket): Promise<void> {
    if (socket.authorized) return;
    const fingerprint = socket.getPeerX509Certificate()?.fingerprint256.toLowerCase();
    if (fingerprint === undefined)
      throw new ServerError('SERVER_CERTIFICATE', `${this.#name} showed no certificate`);
    await this.#o.accept(fingerprint, problemOf(String(socket.authorizationError)));
  }
}

/** OpenSSL's and Node's names of what is wrong with a certificate, in words. */
const PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not trusted here',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
};

function problemOf(code: string): string {
  const words = PROBLEMS[code];
  return words === undefined ? code : `${words} (${code})`;
}

/** Several addresses that all failed come as one error without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ');
  return error instanceof Error ? error.message : String(error);
}

function secureContext(authorities: readonly string[]): SecureContext {
  try {
    return createSecureContext({ ca: [...authorities] });
  } catch (cause) {
    throw new ServerError('SERVER_CERTIFICATE', 'the certificates of trusted authorities cannot be read', {
      cause,
    });
  }
}
