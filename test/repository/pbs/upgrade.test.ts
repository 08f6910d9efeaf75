import type { Duplex } from 'node:stream';
import test from 'ava';
import { z } from 'zod';
import { createTransport } from '../../../src/repository/pbs/connect-tls.js';
import type { Session } from '../../../src/repository/pbs/credentials.js';
import { H2Session } from '../../../src/repository/pbs/h2-session.js';
import { upgrade } from '../../../src/repository/pbs/upgrade.js';
import { answer, type Handler, pinned, type TestServer, withServer } from '../../support/https-server.js';
import { startReplay } from '../../support/replay/replay.js';

const PROTOCOL = 'proxmox-backup-protocol-v1';
const SECRET = 'PBSAPIToken ann@pbs!t:geheim';
const query = { store: 'vectors', 'backup-type': 'host', 'backup-id': 'proto', 'backup-time': 1_702_000_100 };

const session: Session = {
  headers: () => Promise.resolve({ authorization: SECRET }),
  refused: () => false,
  close: () => undefined,
};

function ask({ transport, port }: TestServer, timeoutMs = 5000): Promise<Duplex> {
  const more = { protocol: PROTOCOL, timeoutMs, host: `127.0.0.1:${port}` };
  return upgrade(transport, session, { path: 'backup', query, ...more });
}

const unused: Handler = (_, response) => answer(response, 500, 'not expected');

/** Lets the server answer upgrades with this text, then send back what it gets. */
function onUpgrade({ server }: TestServer, head: string): { readonly lines: string[] } {
  const lines: string[] = [];
  server.on('upgrade', ({ method, url, headers }, socket: Duplex) => {
    lines.push(`${method} ${url}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`));
    socket.on('error', () => undefined);
    socket.write(head);
    socket.pipe(socket);
  });
  return { lines };
}

function switching(protocol: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`;
}

/** So many bytes of a stream, as text. */
function read(stream: Duplex, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.length >= bytes) resolve(text);
    });
  });
}

test('the request is the one of the protocol, and the stream is handed over idle', (t) =>
  withServer(unused, async (server) => {
    const { lines } = onUpgrade(server, switching(PROTOCOL));
    const stream = await ask(server);
    t.is(stream.writableLength, 0);
    stream.write('hello');
    t.is(await read(stream, 5), 'hello');
    stream.destroy();
    const path = '/api2/json/backup?backup-id=proto&backup-time=1702000100&backup-type=host&store=vectors';
    t.deepEqual(lines.sort(), [
      `GET ${path}`,
      `authorization: ${SECRET}`,
      'connection: upgrade',
      `host: 127.0.0.1:${server.port}`,
      `upgrade: ${PROTOCOL}`,
      'user-agent: proxmox-backup-client/1.0',
    ]);
  }));

test('what the server sends at once after its answer is not lost', (t) =>
  withServer(unused, async (server) => {
    onUpgrade(server, `${switching(PROTOCOL)}first`);
    const stream = await ask(server);
    stream.write(' second');
    t.is(await read(stream, 12), 'first second');
    stream.destroy();
  }));

test('another protocol is refused', (t) =>
  withServer(unused, async (server) => {
    onUpgrade(server, switching('websocket'));
    await t.throwsAsync(ask(server), { code: 'SERVER_REPLY', message: /did not agree/ });
  }));

const REFUSALS: readonly (readonly [status: number, text: string, code: string])[] = [
  [400, 'backup owner check failed (ann@pbs!limited != ann@pbs!laptop)', 'SERVER_REFUSED'],
  [401, 'authentication failed', 'SERVER_LOGIN'],
  [403, "missing permissions 'Datastore.Backup' on '/datastore/vectors'", 'SERVER_REFUSED'],
  [404, 'namespace not found', 'SERVER_REFUSED'],
];

for (const [status, text, code] of REFUSALS) {
  test(`a refusal with status ${status} is an error with the server’s words`, (t) =>
    withServer(unused, async (server) => {
      onUpgrade(server, `HTTP/1.1 ${status} No\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      const error = await t.throwsAsync(ask(server), { code, message: text });
      t.like(error, { status });
      t.false(`${error.stack}${JSON.stringify(error)}`.includes('geheim'));
    }));
}

test('an ordinary success is no upgrade', (t) =>
  withServer(unused, async (server) => {
    onUpgrade(server, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi');
    await t.throwsAsync(ask(server), { code: 'SERVER_REPLY', message: /status 200/ });
  }));

test('an endless refusal is cut', (t) =>
  withServer(unused, async (server) => {
    onUpgrade(server, `HTTP/1.1 400 No\r\ncontent-length: 1000000000\r\n\r\n${'x'.repeat(100_000)}`);
    await t.throwsAsync(ask(server), { code: 'SERVER_REFUSED', message: /^x{2000}…$/ });
  }));

test('a server that does not answer, or stops in a refusal, is given up', async (t) => {
  for (const head of ['', 'HTTP/1.1 400 No\r\ncontent-length: 10\r\n\r\nabc']) {
    await withServer(unused, async (server) => {
      onUpgrade(server, head);
      await t.throwsAsync(ask(server, 200), { code: 'SERVER_TIMEOUT', message: /within 0\.2 seconds/ });
    });
  }
});

test('a server that hangs up is an error of its own', (t) =>
  withServer(unused, async (server) => {
    server.server.on('upgrade', (_request, socket: Duplex) => socket.destroy());
    await t.throwsAsync(ask(server), { code: 'SERVER_CLOSED' });
  }));

for (const limit of [undefined, { rate: 10_000_000, burst: 100 }]) {
  test(`a recorded session begins over a connection ${limit ? 'with' : 'without'} a rate`, async (t) => {
    const replay = await startReplay('limited.jsonl', 'limited-backup-own');
    const transport = createTransport({ ...pinned(replay.port, replay.fingerprint), limit });
    const authorization = `PBSAPIToken ${replay.authId}:${replay.secret}`;
    const headers = () => Promise.resolve({ authorization });
    const own = { 'backup-id': 'lim', 'backup-time': 1_702_000_001, benchmark: false, debug: true };
    const connection = await upgrade(
      transport,
      { headers, refused: () => false, close: () => undefined },
      {
        path: 'backup',
        query: { ...query, ...own },
        protocol: PROTOCOL,
        timeoutMs: 5000,
        host: `127.0.0.1:${replay.port}`,
      },
    );
    const h2 = new H2Session(connection, 5000);
    t.is(await h2.call('GET', 'previous_backup_time', {}, z.null()), null);
    t.deepEqual([...replay.problems], []);
    h2.close();
    await replay.finish();
  });
}
