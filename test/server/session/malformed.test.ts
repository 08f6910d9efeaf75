/** Whatever a client sends, it gets an answer, and the session goes on. */
import { once } from 'node:events';
import { connect } from 'node:tls';
import test from 'ava';
import fc from 'fast-check';
import { backUp, begun, plainChunk, upload } from './session-client.js';
import { LAPTOP, STORE, withSessions } from './session-world.js';

const SMALL = plainChunk(Buffer.from('something small'));

const PATHS = [
  '/blob',
  '/dynamic_index',
  '/dynamic_chunk',
  '/dynamic_close',
  '/fixed_index',
  '/fixed_chunk',
  '/fixed_close',
  '/previous',
  '/speedtest',
  '/%00',
  '/%ff',
  '/a/b',
];
const NAMES = ['wid', 'digest', 'size', 'encoded-size', 'file-name', 'archive-name', 'digest-list', 'csum'];

const call = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
  path: fc.constantFrom(...PATHS),
  query: fc.dictionary(fc.constantFrom(...NAMES), fc.oneof(fc.string(), fc.integer().map(String))),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    fc.object(),
  ),
});

test('nonsense is answered, and a backup is possible in the same session', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    await fc.assert(
      fc.asyncProperty(call, async ({ method, path, query, body }) => {
        const { status } = await session.call(method, path, query, body);
        return status === 200 || status === 400 || status === 404;
      }),
      { numRuns: 300 },
    );
    t.is((await session.call('GET', '/previous_backup_time')).text, '{"data":null}');
    await session.close();
    await backUp(world, [SMALL]);
  }));

test('more calls than may run at once are answered one after the other', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    const replies = await Promise.all(Array.from({ length: 200 }, () => upload(session, 1, SMALL)));
    t.true(replies.every(({ status }) => status === 200));
    await session.close();
  }));

test('parameters that are too long are refused', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    const long = {
      wid: 1,
      'digest-list': Array.from({ length: 10_000 }, () => SMALL.digest),
      'offset-list': [],
    };
    const body = await session.call('PUT', '/dynamic_index', {}, long);
    t.deepEqual([body.status, body.text], [400, 'Request body too large']);
    const query = await session.call('POST', '/dynamic_index', { 'archive-name': 'x'.repeat(13_000) });
    t.deepEqual([query.status, query.text], [414, '']);
    t.is((await session.call('POST', '/dynamic_index', { 'archive-name': 'a.didx' })).status, 200);
    await session.close();
  }));

test('who does not speak HTTP/2 after the upgrade is let go, and the group is free', (t) =>
  withSessions(async (world) => {
    const socket = connect({ host: '127.0.0.1', port: world.port, rejectUnauthorized: false });
    socket.on('error', () => undefined);
    const query = `store=${STORE}&backup-type=host&backup-id=pc&backup-time=1700000000`;
    const head = [
      `GET /api2/json/backup?${query} HTTP/1.1`,
      ...['host: x', 'connection: upgrade', 'upgrade: proxmox-backup-protocol-v1'],
      `authorization: PBSAPIToken ${LAPTOP}:${world.secrets.get(LAPTOP)}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    socket.write('this is no preface\r\n'.repeat(10));
    await once(socket, 'close');
    await backUp(world, [SMALL]);
    t.pass();
  }));
