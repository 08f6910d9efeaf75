/** Clients that are slow, greedy or silent: what they get of the server's time and memory. */
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { connect, performServerHandshake } from 'node:http2';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { ByteBudget } from '../../../src/server/session/byte-budget.js';
import { serveSession } from '../../../src/server/session/serve-session.js';
import { type SessionEndpoint, sessionEndpoint } from '../../../src/server/session/session-endpoint.js';
import { DEFAULT_TIMES, type SessionTimes } from '../../../src/server/session/session-limits.js';
import { listen } from '../../support/listen.js';
import { TestSession } from './session-client.js';

const MIB = 1024 * 1024;

interface Served {
  readonly client: TestSession;
  /** Resolves when the server's side has ended. */
  readonly ended: Promise<void>;
  readonly stop: AbortController;
  /** Of uploads. */
  readonly all: ByteBudget;
  readonly answers: ByteBudget;
  /** Lengths of the bodies that were read. */
  readonly read: number[];
  /** Parameters of calls that came with their bodies. */
  readonly named: number[];
}

function calls(read: number[], named: number[]): SessionEndpoint[] {
  return [
    sessionEndpoint({
      ...{ method: 'POST', path: '/upload', parametersIn: 'query' },
      parameters: { size: { kind: 'integer' } },
      run: ({ size }, body) =>
        body.read(size, async ({ length }) => {
          read.push(length);
          return { data: length };
        }),
    }),
    sessionEndpoint({
      ...{ method: 'POST', path: '/named', parametersIn: 'any' },
      parameters: { name: { kind: 'integer' } },
      run: async ({ name }) => {
        named.push(name);
        return { data: name };
      },
    }),
    sessionEndpoint({
      ...{ method: 'GET', path: '/much', parameters: {}, parametersIn: 'query' },
      run: async () => ({ bytes: Buffer.alloc(64 * MIB) }),
    }),
    sessionEndpoint({
      ...{ method: 'GET', path: '/file', parameters: {}, parametersIn: 'query' },
      run: async () => ({ file: await open('/dev/zero') }),
    }),
  ];
}

/** A session over a bare connection. */
async function withSession(
  times: Partial<SessionTimes>,
  limit: number,
  use: (served: Served) => Promise<void>,
): Promise<void> {
  const memory = { limit, share: limit };
  const [all, stop, read] = [new ByteBudget(memory), new AbortController(), [] as number[]];
  const [answers, named] = [new ByteBudget(memory), [] as number[]];
  const server = createServer();
  const ended = once(server, 'connection').then(([socket]: Socket[]) => {
    const session = performServerHandshake(socket!, { settings: { initialWindowSize: 64 * 1024 } });
    return serveSession(session, {
      ...{ endpoints: calls(read, named), signal: stop.signal },
      ...{ uploads: all.of('ann@pbs'), answers: answers.of('ann@pbs') },
      times: { ...DEFAULT_TIMES, ...times },
      onUnexpected: () => undefined,
    });
  });
  await listen(server, async (port) => {
    const http2 = connect('http://localhost', {
      createConnection: () => connectSocket(port, '127.0.0.1'),
      settings: { initialWindowSize: 64 * 1024 },
    });
    http2.on('error', () => undefined);
    const client = new TestSession(http2);
    try {
      await use({ client, ended, stop, all, answers, read, named });
    } finally {
      http2.destroy();
    }
  });
}

test('a session whose client says nothing ends', (t) =>
  withSession({ idle: 50 }, MIB, async ({ ended }) => {
    await ended;
    t.pass();
  }));

test.serial('a session that has ended leaves no timer', (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  return withSession({}, MIB, async ({ client, ended }) => {
    await client.call('GET', '/nothing');
    t.true(timers() > before);
    await client.close();
    await ended;
    t.true(timers() <= before);
  });
});

test('a body that does not go on is given up, and its memory is free again', (t) =>
  withSession({ silence: 50 }, MIB, async ({ client, all }) => {
    const stream = client.open('POST', '/upload', { size: 1000 });
    stream.write(Buffer.alloc(10));
    await once(stream, 'close');
    t.not(stream.rstCode, 0);
    const reply = await client.call('POST', '/upload', { size: MIB }, Buffer.alloc(MIB));
    t.is(reply.text, `{"data":${MIB}}`);
    t.is(all.taken, 0);
  }));

test('a body that goes on for ever is given up', (t) =>
  withSession({ body: 50 }, MIB, async ({ client, all }) => {
    const stream = client.open('POST', '/upload', { size: 10 });
    const timer = setInterval(() => stream.write('x'), 5);
    await once(stream, 'close');
    clearInterval(timer);
    t.not(stream.rstCode, 0);
    await client.call('GET', '/nothing');
    t.is(all.taken, 0);
  }));

test('a body is not read before there is room for it', (t) =>
  withSession({}, MIB, async ({ client, all, read, stop, ended }) => {
    const first = client.open('POST', '/upload', { size: MIB });
    first.write(Buffer.alloc(10));
    while (all.taken === 0) await nextTurn();
    const second = client.open('POST', '/upload', { size: MIB });
    let sent = false;
    second.end(Buffer.alloc(MIB), () => {
      sent = true;
    });
    await client.call('GET', '/nothing');
    await client.call('GET', '/nothing');
    t.is(all.taken, MIB);
    t.false(sent);
    first.end(Buffer.alloc(MIB - 10));
    await once(second, 'response');
    t.deepEqual(read, [MIB, MIB]);
    stop.abort();
    await ended;
    t.is(all.taken, 0);
  }));

test('of the parameters of a session no more are read at once than there is memory for', (t) =>
  withSession({}, MIB, async ({ client, named, ended }) => {
    const streams = Array.from({ length: 5 }, () =>
      client.open('POST', '/named', {}, { 'content-type': 'application/json' }),
    );
    for (const stream of streams) stream.write(' ');
    const last = streams.at(-1)!;
    last.end('{"name":4}');
    await client.call('GET', '/nothing');
    await client.call('GET', '/nothing');
    t.deepEqual(named, []);
    streams[0]!.end('{"name":0}');
    await once(last, 'response');
    t.deepEqual(named, [0, 4]);
    await client.close();
    await ended;
  }));

test('who waits for room and goes gives up its place', (t) =>
  withSession({}, MIB, async ({ client, all, ended }) => {
    for (let i = 0; i < 5; i += 1) client.open('POST', '/upload', { size: MIB }).write('x');
    while (all.taken === 0) await nextTurn();
    await client.close();
    await ended;
    t.is(all.taken, 0);
  }));

test('an answer that nobody takes is given up', (t) =>
  withSession({ silence: 50 }, MIB, async ({ client }) => {
    const stream = client.open('GET', '/much');
    stream.end();
    await once(stream, 'response');
    await once(stream, 'close');
    t.not(stream.rstCode, 0);
  }));

test('files are sent while there is memory for them, and give it back when nobody takes them', (t) =>
  withSession({ silence: 50 }, MIB, async ({ client, answers }) => {
    const streams = Array.from({ length: 6 }, () => client.open('GET', '/file'));
    let most = 0;
    for (const stream of streams) {
      stream.end();
      stream.once('response', () => {
        most = Math.max(most, answers.taken);
      });
    }
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    t.is(most, MIB);
    while (answers.taken > 0) await nextTurn();
    t.pass();
  }));
