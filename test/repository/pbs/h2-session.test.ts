/** Requests of a session, and how each way to fail is told: a server without TLS on a loopback socket. */
import { once } from 'node:events';
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { H2Session } from '../../../src/repository/pbs/h2-session.js';
import { ServerError } from '../../../src/repository/pbs/server-error.js';
import { uploadSpeed } from '../../../src/repository/pbs/speed-test.js';

type Answer = (stream: ServerHttp2Stream, path: string, session: ServerHttp2Session, socket: Socket) => void;

async function sessionWith(t: ExecutionContext, answer: Answer, timeoutMs = 20_000): Promise<H2Session> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const session = performServerHandshake(socket);
    session.on('error', () => undefined);
    session.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      answer(stream, headers[':path'] ?? '', session, socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = connect(address.port, '127.0.0.1');
  await once(socket, 'connect');
  const session = new H2Session(socket, timeoutMs);
  t.teardown(() => {
    session.close();
    server.close();
  });
  return session;
}

function text(stream: ServerHttp2Stream, status: number, body: string): void {
  stream.respond({ ':status': status });
  stream.end(body);
}

const failsWith = (code: string, message: RegExp) => ({ instanceOf: ServerError, code, message });

test('calls, downloads and uploads are answered', async (t) => {
  const session = await sessionWith(t, (stream, path) => {
    const body: Buffer[] = [];
    stream.on('data', (part: Buffer) => body.push(part));
    stream.on('end', () =>
      path === '/number?a=1&b=x%2Fy'
        ? text(stream, 200, '{"data":7}')
        : text(stream, 200, `${path} ${Buffer.concat(body).length}`),
    );
  });
  t.is(await session.call('POST', 'number', { a: 1, b: 'x/y' }, z.int()), 7);
  t.is((await session.download('file', {}, 100)).toString(), '/file 0');
  await session.upload('chunk', { size: 5 }, Buffer.alloc(300_000));
  t.is(session.failure, undefined);
});

test('an error answer is an error with its text', async (t) => {
  const session = await sessionWith(t, (stream) => text(stream, 400, 'no such chunk 12'));
  const error = await t.throwsAsync(
    session.upload('chunk', {}, Buffer.alloc(5)),
    failsWith('SERVER_REFUSED', /^no such chunk 12$/),
  );
  t.is(error instanceof ServerError ? error.status : 0, 400);
  t.is(session.failure, undefined);
});

test('an answer that is not what it should be is refused', async (t) => {
  const bodies = ['', '{', '[]', '{"data":"x"}', '{"other":1}'];
  const session = await sessionWith(t, (stream) => text(stream, 200, bodies.shift() ?? ''));
  for (let left = bodies.length; left > 0; left -= 1)
    await t.throwsAsync(session.call('GET', 'number', {}, z.int()), failsWith('SERVER_REPLY', /number/));
  t.is(await session.call('POST', 'finish', {}, z.null()), null);
});

test('an endless answer is cut off', async (t) => {
  const session = await sessionWith(t, (stream) => {
    stream.respond({ ':status': 200 });
    const block = Buffer.alloc(65_536);
    const more = (): void => {
      while (!stream.destroyed && stream.write(block));
    };
    stream.on('drain', more);
    more();
  });
  await t.throwsAsync(session.download('file', {}, 1_000_000), failsWith('SERVER_REPLY', /longer than/));
});

test('a stream that is reset, and one that is refused, are errors with their reasons', async (t) => {
  const codes = [constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_REFUSED_STREAM];
  const session = await sessionWith(t, (stream) => stream.close(codes.shift()));
  await t.throwsAsync(session.download('a', {}, 10), failsWith('SERVER_CLOSED', /INTERNAL_ERROR/));
  await t.throwsAsync(session.download('b', {}, 10), failsWith('SERVER_CLOSED', /REFUSED_STREAM/));
});

const ENDS: Readonly<Record<string, [Answer, RegExp]>> = {
  'a GOAWAY': [
    (_stream, _path, session) => session.goaway(constants.NGHTTP2_INTERNAL_ERROR),
    /GOAWAY INTERNAL_ERROR/,
  ],
  'a closed connection': [(_stream, _path, _session, socket) => socket.end(), /closed|broke/],
  'a reset connection': [(_stream, _path, _session, socket) => socket.resetAndDestroy(), /closed|broke/],
  'an answer that breaks off': [
    (stream, _path, _session, socket) => {
      stream.respond({ ':status': 200 });
      stream.write('part', () => socket.destroy());
    },
    /closed|broke/,
  ],
};

/** Answers with fewer bytes than announced. */
const LENGTHS: Readonly<Record<string, [Answer, RegExp]>> = {
  'is ended early by a reset that is no error': [
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 10 });
      stream.write('four', () => stream.close(constants.NGHTTP2_NO_ERROR));
    },
    /^GET a broke off after [04] of 10 bytes$/,
  ],
  'ends early': [
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 10 });
      stream.end('four');
    },
    /^GET a broke off after [04] of 10 bytes$/,
  ],
  'has nothing of what it announces': [
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 10 });
      stream.end();
    },
    /^GET a broke off after 0 of 10 bytes$/,
  ],
};

for (const [name, [answer, message]] of Object.entries(LENGTHS)) {
  test(`an answer that ${name} is a lost answer, and the session goes on`, async (t) => {
    const session = await sessionWith(t, (stream, path, ...more) =>
      path === '/a' ? answer(stream, path, ...more) : text(stream, 200, 'well'),
    );
    await t.throwsAsync(session.download('a', {}, 100), failsWith('SERVER_CLOSED', message));
    t.is((await session.download('b', {}, 100)).toString(), 'well');
    t.is(session.failure, undefined);
  });
}

test('an answer that goes on behind its announced end is not taken for a whole one', async (t) => {
  const session = await sessionWith(t, (stream) => {
    stream.respond({ ':status': 200, 'content-length': 4 });
    stream.end('ten  bytes');
  });
  await t.throwsAsync(session.download('a', {}, 100), failsWith('SERVER_CLOSED', /closed|broke/));
});

test('an answer that announces more than it can be is refused before its bytes are taken', async (t) => {
  const session = await sessionWith(t, (stream) => {
    stream.respond({ ':status': 200, 'content-length': 2 ** 40 });
  });
  await t.throwsAsync(session.download('file', {}, 1_000_000), failsWith('SERVER_REPLY', /longer than/));
});

for (const [name, [answer, message]] of Object.entries(ENDS)) {
  test(`${name} ends all requests and the session`, async (t) => {
    const session = await sessionWith(t, answer);
    const running = [session.download('a', {}, 10), session.upload('b', {}, Buffer.alloc(10))];
    for (const request of running) request.catch(() => undefined);
    for (const request of running) await t.throwsAsync(request, failsWith('SERVER_CLOSED', message));
    await t.throwsAsync(session.download('c', {}, 10), failsWith('SERVER_CLOSED', message));
    t.true(session.failure instanceof ServerError);
  });
}

test('a server that says nothing is waited for only so long', async (t) => {
  const session = await sessionWith(t, () => undefined, 50);
  await t.throwsAsync(session.download('a', {}, 10), failsWith('SERVER_TIMEOUT', /no answer to GET a/));
  await t.throwsAsync(session.download('b', {}, 10), failsWith('SERVER_TIMEOUT', /no answer/));
});

test('a server that stops reading a body and ends its answer early does not hang the request', async (t) => {
  const session = await sessionWith(t, (stream) => {
    stream.respond({ ':status': 200 }, { endStream: false });
    stream.write('{"data":', () => stream.close(constants.NGHTTP2_NO_ERROR));
  });
  const upload = session.upload('chunk', {}, Buffer.alloc(64 * 2 ** 20));
  // What was an answer and what was not cannot be told apart here; that it ends can.
  await upload.catch((error: unknown) => t.true(error instanceof ServerError));
  t.pass();
});

test('closing ends requests that run', async (t) => {
  const session = await sessionWith(t, () => session.close());
  await t.throwsAsync(session.download('a', {}, 10), { code: 'SERVER_CLOSED' });
  t.is(session.failure, undefined);
});

test('a speed test sends until its time is over', async (t) => {
  let bytes = 0;
  const session = await sessionWith(t, (stream) => {
    stream.on('data', (part: Buffer) => {
      bytes += part.length;
    });
    stream.on('end', () => text(stream, 200, '{"data":null}'));
  });
  let clock = 0;
  const now = (): number => {
    clock += 1;
    return clock;
  };
  const speed = await uploadSpeed(session, { seconds: 20, now, signal: new AbortController().signal });
  t.true(bytes >= 16 * 4 * 2 ** 20);
  t.is(speed.bytesPerSecond, bytes / (clock - 1));
  t.true(speed.busyPerGiB > 0);
  const signal = AbortSignal.abort(new Error('enough'));
  await t.throwsAsync(uploadSpeed(session, { seconds: 20, now, signal }), { message: 'enough' });
});
