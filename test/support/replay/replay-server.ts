/** The TLS server of a replay: plain requests, upgrades, and HTTP/2 behind them. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Certificate } from './certificate.js';
import { serveHttp2 } from './http2-server.js';
import {
  type Http1Reply,
  headOf,
  readAll,
  recordedHttp1,
  respond,
  respondBare,
  textReply,
} from './messages.js';
import type { RecordedConnection } from './recording.js';
import type { Report } from './report.js';
import type { Request } from './request.js';
import type { RestRules } from './rest-rules.js';
import type { ReadBody, SessionRules } from './rules.js';
import type { UpgradeRules } from './upgrade-rules.js';

export interface ServerParts {
  readonly rest: RestRules;
  readonly upgrades: UpgradeRules;
  readonly report: Report;
  readonly readBody: ReadBody;
  /** Answers a request that is not held against the recording. */
  readonly further: (request: Request) => Http1Reply | undefined;
  /** Rules for a connection that was upgraded. */
  readonly rulesOf: (connection: RecordedConnection) => SessionRules;
}

export class ReplayServer {
  readonly #p: ServerParts;
  readonly #server: Server;
  readonly #upgraded = new Set<Duplex>();

  constructor({ key, cert }: Certificate, parts: ServerParts) {
    this.#p = parts;
    this.#server = createServer({ key, cert });
    // A test that fails before the end must not wait for the server.
    this.#server.unref();
    this.#server.on('request', (message: IncomingMessage, response: ServerResponse) => {
      this.#request(message, response).catch((error: unknown) => {
        this.#fault(error);
        response.destroy();
      });
    });
    this.#server.on('upgrade', (message: IncomingMessage, connection: Duplex, head: Buffer) => {
      this.#upgrade(headOf(message), connection, head).catch((error: unknown) => {
        this.#fault(error);
        connection.destroy();
      });
    });
  }

  /** Listens on 127.0.0.1; returns the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return address.port;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const connection of this.#upgraded) connection.destroy();
    await closed;
  }

  /** What the client cannot be blamed for: a recorded body that nobody has, for example. */
  #fault(error: unknown): void {
    this.#p.report.add(`the replay failed: ${error instanceof Error ? error.message : String(error)}`);
  }

  async #request(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = headOf(message, await readAll(message));
    const further = this.#p.further(request);
    if (further !== undefined) return respond(response, further);
    const answer = this.#p.rest.take(request);
    if ('text' in answer) return respond(response, textReply(answer.status, answer.text));
    respond(response, recordedHttp1(answer, await this.#p.readBody(answer.reply)));
  }

  async #upgrade(request: Request, connection: Duplex, head: Buffer): Promise<void> {
    connection.on('error', () => connection.destroy());
    this.#upgraded.add(connection);
    connection.once('close', () => this.#upgraded.delete(connection));
    const answer = this.#p.upgrades.take(request);
    if ('text' in answer) return respondBare(connection, textReply(answer.status, answer.text));
    const { exchange, connection: recorded } = answer;
    await respondBare(connection, recordedHttp1(exchange, await this.#p.readBody(exchange.reply)));
    if (exchange.status !== 101) return;
    // HTTP/2 must not be attached while the write above is still under way in the socket.
    await nextTurn();
    if (connection.destroyed) return;
    if (head.length > 0) connection.unshift(head);
    const rules = this.#p.rulesOf(recorded);
    serveHttp2(connection, { settings: recorded.settings, rules, onError: (error) => this.#fault(error) });
  }
}
