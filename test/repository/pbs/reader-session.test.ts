/** Readers whose connections are lost: a server without TLS on a loopback socket. protocol.md §6. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { constants, performServerHandshake } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import test from 'ava';
import { H2Session } from '../../../src/repository/pbs/h2-session.js';
import type { ReconnectOptions } from '../../../src/repository/pbs/reader-connection.js';
import { ReaderSession } from '../../../src/repository/pbs/reader-session.js';
import { ServerError } from '../../../src/repository/pbs/server-error.js';
import { serverName } from '../../../src/snapshot/archive-names.js';
import { encodeBlob } from '../../../src/snapshot/blob.js';
import { DynamicIndex, encodeDynamicIndex } from '../../../src/snapshot/dynamic-index.js';
import { listen } from '../../support/listen.js';
import { bytesOf } from '../../support/recipe.js';
import { parseRequest, type Request } from '../../support/replay/request.js';
import { ReaderCalls, SessionStore } from '../../support/session-store.js';

const INDEX = serverName('root.ppxar.didx');
const BLOB = serverName('fstab.conf.blob');
const CHUNK = 10_000;
const CHUNKS = 40;
const LIMIT = 1_000_000;
/** Attempts without any pause. */
const AT_ONCE = [0, 0, 0, 0];

/** An archive of forty chunks and a blob. */
function snapshot() {
  const store = new SessionStore();
  const entries = Buffer.alloc(40 * CHUNKS);
  const parts = Array.from({ length: CHUNKS }, (_, i) => {
    const plain = bytesOf({ kind: 'drbg', seed: `chunk ${i}`, length: CHUNK });
    const digest = createHash('sha256').update(plain).digest();
    store.chunks.set(digest.toString('hex'), encodeBlob(plain, 'chunk', { compress: false }));
    entries.writeBigUInt64LE(BigInt(CHUNK * (i + 1)), 40 * i);
    digest.copy(entries, 40 * i + 8);
    return plain;
  });
  const index = new DynamicIndex({ uuid: Buffer.alloc(16), ctime: 0, entries }, INDEX);
  const files = new Map<string, Buffer>([
    [INDEX, encodeDynamicIndex(index, INDEX)],
    [BLOB, Buffer.from('content')],
  ]);
  return { store, index, files, content: Buffer.concat(parts) };
}

/**
 * What becomes of a request: `lose` breaks its connection, `end` ends it after the answers before, `reset` ends only its answer,
 * `silent` waits.
 */
type Fate = 'lose' | 'end' | 'reset' | 'silent' | 'answer';

/** A request, and where it stands: number of its connection, and of it in that, both from 0. */
interface Place {
  readonly request: Request;
  readonly connection: number;
  readonly number: number;
}

interface World extends ReturnType<typeof snapshot> {
  readonly session: ReaderSession;
  /** Requests of each connection. */
  readonly seen: readonly (readonly Request[])[];
}

function withReader(
  fate: (place: Place) => Fate,
  use: (world: World) => Promise<void>,
  options: ReconnectOptions = { delaysMs: AT_ONCE },
): Promise<void> {
  const world = snapshot();
  const seen: Request[][] = [];
  const server = createServer((socket) => {
    const requests: Request[] = [];
    const connection = seen.push(requests) - 1;
    const rules = new ReaderCalls(world.store, world.files);
    const h2 = performServerHandshake(socket);
    for (const each of [socket, h2]) each.on('error', () => undefined);
    const answers: Promise<unknown>[] = [];
    h2.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      const request = parseRequest('GET', headers[':path'] ?? '', new Map(), Buffer.alloc(0));
      const decided = fate({ request, connection, number: requests.push(request) - 1 });
      if (decided === 'lose') socket.resetAndDestroy();
      else if (decided === 'end') void Promise.all(answers).then(() => socket.end());
      else if (decided === 'reset') stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else if (decided === 'answer') {
        answers.push(new Promise((resolve) => stream.once('close', resolve)));
        void rules.answer({ request, began: 0 }).then(({ status, body }) => {
          if (stream.destroyed) return;
          stream.respond({ ':status': status, 'content-length': body.length });
          stream.end(body);
        });
      }
    });
  });
  return listen(server, async (port) => {
    const session = new ReaderSession(() => connected(port), options);
    try {
      await use({ ...world, session, seen });
    } finally {
      await session.close();
    }
  });
}

async function connected(port: number): Promise<H2Session> {
  const socket: Socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return new H2Session(socket, 20_000);
}

/** The whole archive, by its index as the session has downloaded it. */
async function readAll({ session, index }: World): Promise<Buffer> {
  await session.download(INDEX, LIMIT);
  return session.open(index, { cacheBytes: 0 }, () => Promise.resolve()).read(0, index.size);
}

const isChunk = ({ request }: Place): boolean => request.path === '/chunk';
const names = (requests: readonly Request[] | undefined) =>
  requests?.map(({ query }) => query.get('file-name')).filter((name) => name !== null);

test('chunks that wait while the connection is lost come over a new one, after their index', (t) =>
  withReader(
    (place) => (place.connection === 0 && isChunk(place) && place.number === 5 ? 'lose' : 'answer'),
    async (world) => {
      t.true((await readAll(world)).equals(world.content));
      t.is(world.seen.length, 2);
      t.is(world.seen[1]?.[0]?.query.get('file-name'), INDEX);
      t.is(world.session.failure, undefined);
    },
  ));

test('an answer that is lost is asked for again over a new connection', (t) =>
  withReader(
    (place) => (place.connection === 0 && isChunk(place) && place.number === 9 ? 'reset' : 'answer'),
    async (world) => {
      t.true((await readAll(world)).equals(world.content));
    },
  ));

test('a file comes over a new connection, and only indexes are fetched again', (t) =>
  withReader(
    ({ connection, number }) => (connection < 2 && number === 2 ? 'lose' : 'answer'),
    async ({ session, seen }) => {
      for (const name of [BLOB, INDEX, BLOB]) await session.download(name, LIMIT);
      t.deepEqual(seen.map(names), [
        [BLOB, INDEX, BLOB],
        [INDEX, BLOB],
      ]);
    },
  ));

test('connections may break as often as they like while something comes over each', (t) =>
  withReader(
    (place) => (isChunk(place) && place.number === 4 ? 'end' : 'answer'),
    async (world) => {
      t.true((await readAll(world)).equals(world.content));
      t.true(world.seen.length >= CHUNKS / 4);
    },
  ));

test('after four attempts in a row that bring nothing the loss is the error of all', (t) =>
  withReader(
    (place) => (isChunk(place) ? 'lose' : 'answer'),
    async (world) => {
      await t.throwsAsync(readAll(world), { code: 'SERVER_CLOSED' });
      t.is(world.seen.length, 1 + AT_ONCE.length);
      t.true(world.session.failure instanceof ServerError);
      await t.throwsAsync(world.session.download(BLOB, LIMIT), { code: 'SERVER_CLOSED' });
      t.is(world.seen.length, 1 + AT_ONCE.length);
    },
  ));

test('an index that has changed meanwhile is an error', (t) =>
  withReader(
    (place) => (place.connection === 0 && isChunk(place) ? 'lose' : 'answer'),
    async (world) => {
      await world.session.download(INDEX, LIMIT);
      const other = Buffer.from(world.files.get(INDEX)!);
      other[other.length - 1]! ^= 1;
      world.files.set(INDEX, other);
      const reader = world.session.open(world.index, { cacheBytes: 0 }, () => Promise.resolve());
      await t.throwsAsync(reader.read(0, 1), {
        code: 'SERVER_REPLY',
        message: /root\.ppxar\.didx has changed/,
      });
      t.is(world.seen.length, 2);
    },
  ));

test('a chunk that is refused is no lost connection', (t) =>
  withReader(
    () => 'answer',
    async (world) => {
      const reader = world.session.open(world.index, { cacheBytes: 0 }, () => Promise.resolve());
      await t.throwsAsync(reader.read(0, 1), { code: 'SERVER_LOGIN', message: /not allowed/ });
      t.is(world.seen.length, 1);
      t.is(world.session.failure, undefined);
    },
  ));

for (const where of ['a request', 'the pause before a new connection'] as const) {
  test(`closing and a signal end ${where}`, async (t) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const ends = [
      { end: (session: ReaderSession) => session.close(), error: { code: 'SERVER_CLOSED' } },
      { end: () => controller.abort(reason), error: { is: reason } },
    ];
    for (const { end, error } of ends) {
      let arrived = (): void => undefined;
      const waiting = new Promise<void>((resolve) => (arrived = resolve));
      const fate = (): Fate => {
        arrived();
        return where === 'a request' ? 'silent' : 'lose';
      };
      const options = { signal: controller.signal, delaysMs: [1_000_000] };
      await withReader(
        fate,
        async ({ session }) => {
          const download = session.download(BLOB, LIMIT);
          download.catch(() => undefined);
          await waiting;
          await end(session);
          await t.throwsAsync(download, error);
        },
        options,
      );
    }
  });
}
