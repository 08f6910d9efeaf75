/** The HTTPS listener: TLS, time-outs, and how many may come. protocol.md §2. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Connections } from './connections.js';
import { HEAD, type Limits } from './limits.js';

export interface ListenerOptions {
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly limits: Limits;
  onRequest(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Resolves when the session on the connection has ended. */
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  onRefused(address: string): void;
}

/** What is said to who does not speak HTTP, or too slowly; everything else is 400. */
const PARSER_STATUS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

function onClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  const status = PARSER_STATUS[error.code ?? ''] ?? '400 Bad Request';
  const answer = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
  if (socket.writable && error.code !== 'ECONNRESET') socket.end(answer, () => socket.destroy());
  else socket.destroy();
}

function serverOf({ certificate, limits }: ListenerOptions): Server {
  const server = createServer({
    ...certificate,
    minVersion: 'TLSv1.2',
    maxHeaderSize: HEAD,
    handshakeTimeout: limits.handshakeTimeout,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.idleTimeout,
    connectionsCheckingInterval: limits.checkInterval,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 120_000,
  });
  server.on('clientError', onClientError);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

export class Listener {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #limits: Limits;
  /** Calls that run on each connection: a client may send the next one early. */
  readonly #calls = new WeakMap<Socket, number>();
  readonly #sessions = new Set<Promise<void>>();

  constructor(options: ListenerOptions) {
    this.#server = serverOf(options);
    this.#limits = options.limits;
    this.#connections = new Connections({
      connections: options.limits.connections,
      connectionsPerAddress: options.limits.connectionsPerAddress,
      refused: (address) => options.onRefused(address),
    });
    this.#server.on('connection', (socket: Socket) => this.#connections.admit(socket));
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#call(request, response, options);
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      // Whose earlier calls are not answered yet would get the answers into the session.
      if ((this.#calls.get(socket) ?? 0) > 0) {
        socket.destroy();
        return;
      }
      this.#track(options.onUpgrade(request, socket, head));
    });
  }

  get connections(): number {
    return this.#connections.count;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Begins to listen; rejects when the address cannot be had. */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no address');
    return address;
  }

  /** Lets nobody in any more; resolves when all who are in have gone. */
  async drain(): Promise<void> {
    // Closes those that are idle, too.
    this.#server.close();
    await this.#connections.empty();
    await Promise.all(this.#sessions);
  }

  /** Closes all connections. */
  cut(): void {
    this.#connections.cut();
  }

  async #call(request: IncomingMessage, response: ServerResponse, o: ListenerOptions): Promise<void> {
    const { socket } = request;
    const running = (this.#calls.get(socket) ?? 0) + 1;
    if (running > this.#limits.callsPerConnection) {
      socket.destroy();
      return;
    }
    this.#calls.set(socket, running);
    if (!this.#server.listening) response.setHeader('connection', 'close');
    await o.onRequest(request, response);
    this.#calls.set(socket, (this.#calls.get(socket) ?? 1) - 1);
  }

  #track(session: Promise<void>): void {
    this.#sessions.add(session);
    void session.finally(() => this.#sessions.delete(session));
  }
}
