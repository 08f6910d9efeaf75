import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import test from 'ava';
import { createTransport, type TransportOptions } from '../../../src/repository/pbs/connect-tls.js';
import { parseProxy } from '../../../src/repository/pbs/proxy.js';
import { makeSigned } from '../../support/authority.js';
import { pinned } from '../../support/https-server.js';
import { listen } from '../../support/listen.js';
import { type Certificate, makeCertificate } from '../../support/replay/certificate.js';

/** What a server that sends back what it gets has got, over TLS. */
interface Echo {
  readonly port: number;
  readonly received: Buffer[];
}

async function withEcho(certificate: Certificate, use: (echo: Echo) => Promise<void>): Promise<void> {
  const received: Buffer[] = [];
  const server = createTlsServer({ key: certificate.key, cert: certificate.cert }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (part: Buffer) => {
      received.push(part);
      socket.write(part);
    });
  });
  await listen(server, (port) => use({ port, received }));
}

async function echoed(socket: Duplex, text: string): Promise<string> {
  let got = '';
  const complete = new Promise<void>((resolve) => {
    socket.on('data', (part: Buffer) => {
      got += part.toString();
      if (got.length >= text.length) resolve();
    });
  });
  socket.write(text);
  await complete;
  return got;
}

const refused = { name: 'ServerError', code: 'SERVER_CERTIFICATE' };

test('a pinned certificate is accepted without any authority', async (t) => {
  const certificate = await makeCertificate();
  await withEcho(certificate, async ({ port }) => {
    const socket = await createTransport(pinned(port, certificate.fingerprint.toUpperCase())).connect();
    t.is(await echoed(socket, 'hello'), 'hello');
    socket.destroy();
  });
});

test('a wrong or unknown fingerprint is refused, and nothing was sent', async (t) => {
  const certificate = await makeCertificate();
  await withEcho(certificate, async ({ port, received }) => {
    const wrong = Array.from({ length: 32 }, () => '00').join(':');
    for (const fingerprint of [wrong, undefined]) {
      const error = await t.throwsAsync(createTransport(pinned(port, fingerprint)).connect(), refused);
      t.true(error.message.includes(certificate.fingerprint));
    }
    t.deepEqual(received, []);
  });
});

test('a certificate that a trusted authority signed needs no fingerprint', async (t) => {
  const signed = await makeSigned('IP:127.0.0.1');
  await withEcho(signed, async ({ port }) => {
    const authorities = () => Promise.resolve([signed.authority]);
    const socket = await createTransport({ ...pinned(port, undefined), authorities }).connect();
    t.is(await echoed(socket, 'hello'), 'hello');
    socket.destroy();
  });
});

test('the fingerprint of a certificate that an authority vouches for is not looked at', async (t) => {
  const signed = await makeSigned('IP:127.0.0.1');
  await withEcho(signed, async ({ port }) => {
    const authorities = () => Promise.resolve([signed.authority]);
    const accept = () => Promise.reject(new Error('was asked'));
    const socket = await createTransport({ ...pinned(port, undefined), authorities, accept }).connect();
    t.false(socket.destroyed);
    socket.destroy();
  });
});

test('a signed certificate for another host is refused, by name and by address', async (t) => {
  const signed = await makeSigned('DNS:other.example,IP:127.0.0.2');
  await withEcho(signed, async ({ port, received }) => {
    const authorities = () => Promise.resolve([signed.authority]);
    for (const host of ['127.0.0.1', 'localhost']) {
      const options = { ...pinned(port, undefined), authorities, host };
      await t.throwsAsync(createTransport(options).connect(), { ...refused, message: /ALTNAME_INVALID/ });
    }
    t.deepEqual(received, []);
  });
});

test('a certificate of an authority that is not trusted is refused', async (t) => {
  const [signed, other] = [await makeSigned('IP:127.0.0.1'), await makeSigned('IP:127.0.0.1')];
  await withEcho(signed, async ({ port }) => {
    const authorities = () => Promise.resolve([other.authority]);
    await t.throwsAsync(createTransport({ ...pinned(port, undefined), authorities }).connect(), refused);
  });
});

test('the certificate is looked at while nothing can be said', async (t) => {
  const certificate = await makeCertificate();
  await withEcho(certificate, async ({ port, received }) => {
    let seen: number | undefined;
    const accept = () => {
      seen = received.length;
      return Promise.resolve();
    };
    const socket = await createTransport({ ...pinned(port, undefined), accept }).connect();
    t.is(await echoed(socket, 'now'), 'now');
    t.is(seen, 0);
    socket.destroy();
  });
});

test('a server that hung up while a person thought is connected to again', async (t) => {
  const certificate = await makeCertificate();
  const sockets: Duplex[] = [];
  const server = createTlsServer(
    { key: certificate.key, cert: certificate.cert },
    (s) => void sockets.push(s),
  );
  await listen(server, async (port) => {
    let asked = 0;
    const accept = async () => {
      asked += 1;
      if (asked > 1) return;
      const [first] = sockets.length > 0 ? sockets : await once(server, 'secureConnection');
      // Closed from both sides: the client has noticed.
      const closed = once(first, 'close');
      first.end();
      await closed;
    };
    const socket = await createTransport({ ...pinned(port, undefined), accept }).connect();
    t.false(socket.destroyed);
    t.is(asked, 2);
    socket.destroy();
  });
});

test('a closed port, a silent server and an impatient caller end with their own errors', async (t) => {
  const gone = createTcpServer();
  const closed = await listen(gone, (port) => Promise.resolve(port));
  await t.throwsAsync(createTransport(pinned(closed, undefined)).connect(), {
    code: 'SERVER_CONNECT',
    message: /^cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/,
  });
  await listen(createTcpServer(), async (port) => {
    await t.throwsAsync(createTransport({ ...pinned(port, undefined), connectTimeoutMs: 50 }).connect(), {
      code: 'SERVER_TIMEOUT',
      message: /within 0\.05 seconds$/,
    });
    const controller = new AbortController();
    const waiting = createTransport(pinned(port, undefined)).connect(controller.signal);
    controller.abort(new Error('enough'));
    await t.throwsAsync(waiting, { message: 'enough' });
  });
});

test('what is no TLS is no connection', async (t) => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('SSH-2.0-OpenSSH_9.0\r\n');
  });
  await listen(server, async (port) => {
    await t.throwsAsync(createTransport(pinned(port, undefined)).connect(), { code: 'SERVER_CONNECT' });
  });
});

test('a connection with a rate carries everything', async (t) => {
  const certificate = await makeCertificate();
  await withEcho(certificate, async ({ port }) => {
    const limit = { rate: 50_000_000, burst: 1000 };
    const socket = await createTransport({ ...pinned(port, certificate.fingerprint), limit }).connect();
    const text = 'abcdefgh'.repeat(100_000);
    t.is(await echoed(socket, text), text);
    socket.destroy();
  });
});

/** A CONNECT proxy that answers as `head` says, and what it was asked. */
async function withProxy(head: string, use: (port: number, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const proxy = createTcpServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (request: Buffer) => {
      asked.push(request.toString());
      const [, port] = /^CONNECT 127\.0\.0\.1:(\d+) /.exec(request.toString()) ?? [];
      client.write(head);
      if (port === undefined || !head.includes(' 200 ')) return;
      const server = connectTcp(Number(port), '127.0.0.1');
      server.on('error', () => undefined);
      client.pipe(server).pipe(client);
    });
  });
  await listen(proxy, (port) => use(port, asked));
}

function through(options: TransportOptions, text: string): TransportOptions {
  return { ...options, proxy: parseProxy(text) };
}

test('a proxy is asked for the server, with name and password', async (t) => {
  const certificate = await makeCertificate();
  await withEcho(certificate, async ({ port }) => {
    await withProxy('HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n', async (proxy, asked) => {
      const options = through(pinned(port, certificate.fingerprint), `http://me:p%40ss@127.0.0.1:${proxy}`);
      const socket = await createTransport(options).connect();
      t.is(await echoed(socket, 'hello'), 'hello');
      const login = Buffer.from('me:p@ss').toString('base64');
      const target = `127.0.0.1:${port}`;
      t.deepEqual(asked, [
        `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Basic ${login}\r\n\r\n`,
      ]);
      socket.destroy();
    });
  });
});

const ANSWERS: readonly (readonly [what: string, head: string, message: RegExp])[] = [
  ['a refusal', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', /status 407/],
  ['another success', 'HTTP/1.1 204 No Content\r\n\r\n', /status 204/],
  ['nonsense', 'hello\r\n\r\n', /makes no sense/],
  ['words after the head', 'HTTP/1.1 200 OK\r\n\r\nmore', /makes no sense/],
  ['an endless head', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(10_000)}`, /makes no sense/],
];

for (const [what, head, message] of ANSWERS) {
  test(`${what} of a proxy ends the attempt without its password`, async (t) => {
    await withProxy(head, async (proxy) => {
      const options = through(pinned(1, undefined), `me:secret@127.0.0.1:${proxy}`);
      const error = await t.throwsAsync(createTransport(options).connect(), {
        code: 'SERVER_CONNECT',
        message,
      });
      t.false(error.message.includes('secret'));
    });
  });
}

test('the text of a proxy has defaults, and is not repeated when it is wrong', (t) => {
  t.is(parseProxy(''), undefined);
  t.deepEqual(parseProxy('squid'), { host: 'squid', port: 1080, authorization: undefined });
  t.deepEqual(parseProxy('http://squid:80/'), { host: 'squid', port: 80, authorization: undefined });
  t.like(parseProxy('[::1]:3128'), { host: '[::1]', port: 3128 });
  t.like(parseProxy('a:b@c@squid'), {
    host: 'squid',
    authorization: `Basic ${Buffer.from('a:b@c').toString('base64')}`,
  });
  for (const text of [
    'https://me:secret@squid',
    'socks5://me:secret@squid',
    'me:secret@squid:0',
    'me:secret@',
  ]) {
    const error = t.throws(() => parseProxy(text), { code: 'SERVER_CONNECT' });
    t.false(error.message.includes('secret'));
  }
});
