/** A small HTTPS server for one test, and how to reach it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import {
  createTransport,
  type Transport,
  type TransportOptions,
} from '../../src/repository/pbs/connect-tls.js';
import { fingerprintPolicy } from '../../src/repository/pbs/fingerprints.js';
import type { RestServer } from '../../src/repository/pbs/rest-exchange.js';
import { listen } from './listen.js';
import { type Certificate, makeCertificate } from './replay/certificate.js';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface TestServer {
  readonly port: number;
  readonly fingerprint: string;
  readonly server: Server;
  /** Requests so far. */
  readonly seen: readonly SeenRequest[];
  /** A way to it, pinned to its certificate. */
  readonly transport: Transport;
  /** The same for requests; five seconds of patience. */
  readonly rest: RestServer;
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void;

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Options that accept one fingerprint and nothing else. */
export function pinned(port: number, fingerprint: string | undefined): TransportOptions {
  const accept = fingerprintPolicy({
    host: '127.0.0.1',
    pinned: fingerprint,
    cache: undefined,
    ask: undefined,
    warn: () => undefined,
  });
  return { host: '127.0.0.1', port, authorities: () => Promise.resolve([]), accept };
}

/** Calls `use` with a server that answers as `handler` says; it is gone afterwards. */
export async function withServer<T>(
  handler: Handler,
  use: (server: TestServer) => Promise<T>,
  certificate?: Certificate,
): Promise<T> {
  const { key, cert, fingerprint } = certificate ?? (await makeCertificate());
  const seen: SeenRequest[] = [];
  const server = createServer({ key, cert }, (message, response) => {
    void readAll(message).then((body) => {
      const { method = '', url = '', headers } = message;
      const request = { method, url, headers, body };
      seen.push(request);
      handler(request, response);
    });
  });
  return listen(server, (port) => {
    const transport = createTransport(pinned(port, fingerprint));
    const rest = { transport, host: '127.0.0.1', port, requestTimeoutMs: 5000 };
    return use({ port, fingerprint, server, seen, transport, rest });
  });
}

/** Answers with a status and a text. */
export function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' });
  response.end(text);
}
