/** A server with calls made for tests, and clients that speak to it. */
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { RepositoryError } from '../../../src/repository/errors.js';
import type { Clock } from '../../../src/server/access/clock.js';
import { AccessError } from '../../../src/server/access/errors.js';
import { CallError } from '../../../src/server/http/call-error.js';
import { makeCertificate } from '../../../src/server/http/certificate.js';
import { endpoint, type OpenEndpoint } from '../../../src/server/http/endpoint.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/server/http/limits.js';
import { Service } from '../../../src/server/http/service.js';
import type { AcceptUpgrade } from '../../../src/server/http/upgrade-request.js';
import type { ServerContext } from '../../../src/server/server-context.js';
import { ByteBudget } from '../../../src/server/session/byte-budget.js';
import { FileTaskRegistry } from '../../../src/server/tasks/file-registry.js';
import { withTemporaryDirectory } from '../../support/world.js';
import { type AccessWorld, tokenHeader, withAccess } from '../access/access-world.js';

/** Texts that tests look for in what must not be told. */
export const SECRET_PATH = '/secret/place';

const failures: Readonly<Record<string, () => Error>> = {
  call: () => new CallError(404, 'no such thing'),
  access: () => new AccessError('ACCESS_PERMISSION', 'permission check failed'),
  repository: () => new RepositoryError('SNAPSHOT_MISSING', 'host/x is missing'),
  system: () =>
    Object.assign(new Error(`ENOENT: no such file or directory, open '${SECRET_PATH}'`), {
      errno: -2,
      code: 'ENOENT',
      path: SECRET_PATH,
    }),
  bug: () => new TypeError('undefined is not a function'),
};

const endpoints = [
  endpoint({
    method: 'GET',
    path: 'version',
    parameters: {},
    run: async () => ({ data: { version: '4.2' } }),
  }),
  endpoint({
    method: 'GET',
    path: 'thing/{id}/parts',
    parameters: { id: { kind: 'text', max: 20 }, limit: { kind: 'integer', optional: true } },
    run: async ({ values }) => ({ data: values, more: { total: 2 } }),
  }),
  endpoint({
    method: 'POST',
    path: 'thing/{id}/parts',
    parameters: { id: { kind: 'text' }, name: { kind: 'text' }, deep: { kind: 'boolean', optional: true } },
    run: async ({ values }, { authId, address }) => ({ data: { ...values, authId, address } }),
  }),
  endpoint({
    method: 'POST',
    path: 'upload',
    parameters: { name: { kind: 'text' } },
    bodyLimit: 1000,
    run: async ({ body, values }) => ({ data: { name: values.name, length: body.length } }),
  }),
  endpoint({
    method: 'GET',
    path: 'fail',
    parameters: { how: { kind: 'text' } },
    run: async ({ values }) => {
      throw failures[values.how]!();
    },
  }),
  endpoint({
    method: 'GET',
    path: 'bytes',
    parameters: {},
    run: async () => ({ bytes: Buffer.from([1, 2]) }),
  }),
  endpoint({
    method: 'GET',
    path: 'stream',
    parameters: {},
    run: async () => ({ stream: Readable.from([Buffer.from('abc'), Buffer.from('def')]), length: 6 }),
  }),
] as const;

const openEndpoints: readonly OpenEndpoint[] = [
  { method: 'GET', path: 'ping', parameters: {}, run: async () => ({ data: { pong: true } }) },
  {
    method: 'POST',
    path: 'access/ticket',
    parameters: { username: { kind: 'text' }, password: { kind: 'text' } },
    run: async () => ({ data: {}, more: { status: 200, success: true }, cookie: 'a=b; Path=/;' }),
  },
];

export interface ServiceWorld extends AccessWorld {
  readonly context: ServerContext;
  readonly service: Service;
  readonly port: number;
  /** Header of a token without any permission. */
  readonly authorization: string;
  /** What was logged. */
  readonly logged: readonly string[];
  /** Lets calls of `hold` go on; how many of them wait, and how many were given up. */
  readonly held: { release(): void; waiting: number; aborted: number };
}

export interface ServiceWorldOptions {
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  readonly openMetrics?: boolean;
  readonly accept?: AcceptUpgrade;
}

/** Starts a server on a free port of 127.0.0.1 and stops it afterwards. */
export function withService(
  use: (world: ServiceWorld) => Promise<void>,
  options: ServiceWorldOptions = {},
): Promise<void> {
  return withTemporaryDirectory((directory) =>
    withAccess(async (access) => {
      const clock = options.clock ?? access.clock;
      const logged: string[] = [];
      const log: ServerContext['log'] = (event, fields) => logged.push(JSON.stringify({ event, ...fields }));
      const tasks = await FileTaskRegistry.open({ directory, clock, log });
      const held = { release: (): void => open(), waiting: 0, aborted: 0 };
      let open = (): void => undefined;
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      const hold = endpoint({
        method: 'GET',
        path: 'hold',
        parameters: {},
        run: async ({ signal }) => {
          held.waiting += 1;
          const gone = new Promise<void>((resolve) => {
            if (signal.aborted) resolve();
            signal.addEventListener('abort', () => resolve());
          });
          await Promise.race([opened, gone]);
          held.waiting -= 1;
          if (signal.aborted) held.aborted += 1;
          return { data: 'held' };
        },
      });
      const context: ServerContext = {
        datastores: new Map(),
        authenticator: access.authenticator,
        tasks,
        uploads: new ByteBudget({ limit: 1, share: 1 }),
        answers: new ByteBudget({ limit: 1, share: 1 }),
        clock,
        log,
        identity: '0'.repeat(32),
      };
      const service = new Service({
        context,
        certificate: makeCertificate({ names: ['localhost', '127.0.0.1'], now: Date.now() / 1000 }),
        limits: { ...DEFAULT_LIMITS, ...options.limits },
        api: { endpoints: [...endpoints, hold], openEndpoints },
        accept: options.accept ?? (async (_request, socket) => void socket.end()),
        openMetrics: options.openMetrics ?? false,
        version: '1.2.3',
      });
      const { port } = await service.listen('127.0.0.1', 0);
      const authorization = tokenHeader('ann@pbs!laptop', access.secret);
      try {
        await use({ ...access, context, service, port, authorization, logged, held });
      } finally {
        held.release();
        await service.stop(0);
        await tasks.close();
      }
    }),
  );
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers, body }: Asked = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, agent: false, rejectUnauthorized: false };
    const outgoing = request({ ...options, ...(headers === undefined ? {} : { headers }) }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(parts).toString('latin1'),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A TLS connection on which tests write what they like. */
export function dial(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** All that comes until the other side ends or breaks the connection. */
export function untilClosed(socket: TLSSocket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.once('close', () => resolve(Buffer.concat(parts).toString('latin1')));
  });
}
