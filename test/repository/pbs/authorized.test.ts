/** Tickets that a server does not take any more, in the middle of a run. protocol.md §3.2. */
import type { Duplex } from 'node:stream';
import test from 'ava';
import { z } from 'zod';
import { createSession, type Session } from '../../../src/repository/pbs/credentials.js';
import { RestClient } from '../../../src/repository/pbs/rest-client.js';
import { upgrade } from '../../../src/repository/pbs/upgrade.js';
import { answer, type Handler, type TestServer, withServer } from '../../support/https-server.js';

const USER = 'ann@pbs';
const PROTOCOL = 'proxmox-backup-protocol-v1';

/** Gives tickets T1, T2, … for a password, and takes the one that is valid. */
class Gate {
  logins = 0;
  /** The ticket that is taken; tickets that were given before `forget` are not. */
  #valid: string | undefined;

  forget(): void {
    this.#valid = undefined;
  }

  lets(headers: { readonly cookie?: string | undefined }): boolean {
    return this.#valid !== undefined && headers.cookie === `PBSAuthCookie=${this.#valid}`;
  }

  readonly handler: Handler = ({ url, body, headers, method }, response) => {
    if (url.endsWith('/access/ticket')) {
      if (JSON.parse(body).password !== 'right') return answer(response, 401, 'permission check failed.');
      this.logins += 1;
      this.#valid = `T${this.logins}`;
      const data = { username: USER, ticket: this.#valid, CSRFPreventionToken: `C${this.logins}` };
      return answer(response, 200, JSON.stringify({ data }));
    }
    if (!this.lets(headers)) return answer(response, 401, 'authentication failed');
    if (method !== 'GET' && headers['csrfpreventiontoken'] !== `C${this.logins}`)
      return answer(response, 401, 'authentication failed');
    return answer(response, 200, JSON.stringify({ data: body }));
  };
}

interface World extends TestServer {
  readonly gate: Gate;
  readonly session: Session;
  readonly client: RestClient;
  /** What a user gives from now on. */
  password: string;
}

function withGate(use: (world: World) => Promise<void>, authId = USER): Promise<void> {
  const gate = new Gate();
  return withServer(gate.handler, async (server) => {
    const session = createSession({
      server: server.rest,
      authId,
      secret: () => Promise.resolve(world.password),
      ask: undefined,
      tickets: undefined,
      warn: () => undefined,
    });
    const spec = { host: '127.0.0.1', port: server.port };
    const client = new RestClient({ spec, transport: server.transport, session, requestTimeoutMs: 5000 });
    const world: World = { ...server, gate, session, client, password: 'right' };
    try {
      await use(world);
    } finally {
      session.close();
      client.close();
    }
  });
}

test('a request whose ticket is not taken any more is sent again after a new login', (t) =>
  withGate(async ({ client, gate }) => {
    t.is(await client.get('x', {}, z.string()), '');
    gate.forget();
    t.is(await client.get('x', {}, z.string()), '');
    gate.forget();
    t.is(await client.post('x', { a: 1 }, z.string()), '{"a":1}');
    t.is(gate.logins, 3);
  }));

test('requests that are refused at one time share one new login', (t) =>
  withGate(async ({ client, gate }) => {
    await client.get('x', {}, z.string());
    gate.forget();
    await Promise.all(Array.from({ length: 10 }, () => client.get('x', {}, z.string())));
    t.is(gate.logins, 2);
  }));

test('a request that is refused with a new ticket, too, is an error', (t) =>
  withGate(async ({ client, seen, server }) => {
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      const text = JSON.stringify({ data: { username: USER, ticket: 'T', CSRFPreventionToken: 'C' } });
      const login = request.url?.endsWith('/access/ticket') === true;
      asked.push(login ? 'login' : 'request');
      request.resume();
      answer(response, login ? 200 : 401, login ? text : 'authentication failed');
    });
    const asked: string[] = [];
    const refused = { code: 'SERVER_LOGIN', message: 'authentication failed' };
    await t.throwsAsync(client.get('x', {}, z.string()), refused);
    t.deepEqual(asked, ['login', 'request', 'login', 'request']);
    t.is(seen.length, 0);
  }));

test('a new login that fails is the error', (t) =>
  withGate(async (world) => {
    await world.client.get('x', {}, z.string());
    world.gate.forget();
    world.password = 'wrong';
    const refused = { code: 'SERVER_LOGIN', message: /did not let ann@pbs in: permission check failed/ };
    await t.throwsAsync(world.client.get('x', {}, z.string()), refused);
  }));

test('an API token that is refused is an error at once', (t) =>
  withGate(async ({ client, seen }) => {
    const refused = { code: 'SERVER_LOGIN', message: 'authentication failed' };
    await t.throwsAsync(client.get('x', {}, z.string()), refused);
    t.is(seen.length, 1);
  }, 'ann@pbs!laptop'));

test('an upgrade whose ticket is not taken any more is asked for again after a new login', (t) =>
  withGate(async ({ client, gate, server, session, transport, port }) => {
    server.on('upgrade', ({ headers }, socket: Duplex) => {
      socket.on('error', () => undefined);
      const agreed = `HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: ${PROTOCOL}\r\n\r\n`;
      const text = 'authentication failed';
      socket.write(
        gate.lets(headers) ? agreed : `HTTP/1.1 401 No\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      );
    });
    await client.get('x', {}, z.string());
    gate.forget();
    const host = `127.0.0.1:${port}`;
    const request = { path: 'backup', query: {}, protocol: PROTOCOL, timeoutMs: 5000, host } as const;
    (await upgrade(transport, session, request)).destroy();
    t.is(gate.logins, 2);
  }));
