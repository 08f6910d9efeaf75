/** A small server for one test: it takes any backup and gives it back, and refuses or lies where the test wants it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { listen } from './listen.js';
import { type Certificate, makeCertificate } from './replay/certificate.js';
import { serveHttp2 } from './replay/http2-server.js';
import { type Http1Reply, headOf, readAll, respond, respondBare, textReply } from './replay/messages.js';
import type { Request } from './replay/request.js';
import type { Reply, SessionRules } from './replay/rules.js';
import { BackupCalls, ReaderCalls, SessionStore } from './session-store.js';

const SETTINGS = {
  MAX_CONCURRENT_STREAMS: 200,
  INITIAL_WINDOW_SIZE: 32 * 1024 * 1024,
  MAX_FRAME_SIZE: 4 * 1024 * 1024,
};
const AUTH_ID = 'ann@pbs!laptop';

export interface Behaviour {
  /** What it has; a new store is empty. */
  readonly store?: SessionStore;
  /** Answers an upgrade instead of agreeing to it. */
  readonly refuse?: (request: Request) => Http1Reply | undefined;
  /** The reply to a call in a session, instead of the honest one. */
  readonly change?: (request: Request, honest: Reply) => Reply;
  /** What a request or call has to wait for before it is looked at; undefined for most. */
  readonly hold?: (request: Request) => Promise<unknown> | undefined;
  /** The reply to a plain request. */
  readonly rest?: (request: Request) => Http1Reply;
  readonly certificate?: Certificate;
}

export interface SessionServer {
  readonly port: number;
  readonly store: SessionStore;
  /** What the client needs. */
  readonly env: Readonly<Record<string, string>>;
  /** The server string, also for something that stands before the server. */
  repository(port?: number): string;
}

/** The secret of the account that clients use; it may not be seen anywhere. */
export const SECRET = '0ddba11c-0ffe-4bad-cafe-5eedf00d1234';

function changed(rules: SessionRules, { change, hold }: Behaviour): SessionRules {
  return {
    answer: async (call) => {
      await hold?.(call.request);
      const honest = await rules.answer(call);
      return change?.(call.request, honest) ?? honest;
    },
    missing: () => rules.missing(),
  };
}

/** The rules for an upgrade, or the refusal of the server for a snapshot that it does not have. */
function rulesOf({ path, query }: Request, store: SessionStore): SessionRules | Http1Reply {
  const key = ['backup-type', 'backup-id', 'backup-time'].map((name) => query.get(name)).join('/');
  if (path.endsWith('/backup')) return new BackupCalls(store, key);
  const files = store.snapshots.get(key);
  return files === undefined
    ? textReply(400, `snapshot ${key} does not exist.`)
    : new ReaderCalls(store, files);
}

async function acceptUpgrade(
  request: Request,
  connection: Duplex,
  behaviour: Behaviour,
  store: SessionStore,
): Promise<void> {
  await behaviour.hold?.(request);
  const rules = behaviour.refuse?.(request) ?? rulesOf(request, store);
  if ('status' in rules) return respondBare(connection, rules);
  const headers = [
    ['connection', 'upgrade'],
    ['upgrade', request.headers.get('upgrade') ?? ''],
  ] as const;
  await respondBare(connection, { status: 101, headers, body: Buffer.alloc(0) });
  // HTTP/2 must not be attached while the write above is still under way in the socket.
  await nextTurn();
  if (connection.destroyed) return;
  const onError = (): void => void connection.destroy();
  serveHttp2(connection, { settings: SETTINGS, rules: changed(rules, behaviour), onError });
}

async function answerPlain(message: IncomingMessage, response: ServerResponse, behaviour: Behaviour) {
  const request = headOf(message, await readAll(message));
  await behaviour.hold?.(request);
  respond(response, behaviour.rest?.(request) ?? textReply(404, `Path '${request.path}' not found.`));
}

/** Calls `use` with a server that behaves like this; it is gone afterwards. */
export async function withSessionServer<T>(
  behaviour: Behaviour,
  use: (server: SessionServer) => Promise<T>,
): Promise<T> {
  const { key, cert, fingerprint } = behaviour.certificate ?? (await makeCertificate());
  const store = behaviour.store ?? new SessionStore();
  const server = createServer({ key, cert });
  // A client that breaks off, or whose connection is broken, is what tests want.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    answerPlain(message, response, behaviour).catch(() => response.destroy());
  });
  server.on('upgrade', (message: IncomingMessage, connection: Duplex, head: Buffer) => {
    connection.on('error', () => connection.destroy());
    if (head.length > 0) connection.unshift(head);
    acceptUpgrade(headOf(message), connection, behaviour, store).catch(() => connection.destroy());
  });
  return listen(server, (port) =>
    use({
      port,
      store,
      env: { PBS_PASSWORD: SECRET, PBS_FINGERPRINT: fingerprint },
      repository: (other = port) => `${AUTH_ID}@127.0.0.1:${other}:vectors`,
    }),
  );
}
