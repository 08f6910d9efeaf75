/** What one client, or all of them, may take of a server. */
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { systemClock } from '../../../src/server/access/clock.js';
import { tokenHeader } from '../access/access-world.js';
import { ask, dial, untilClosed, withService } from './service-world.js';

const HOST = 'host: localhost\r\n';
const GET = `GET /api2/json/ping HTTP/1.1\r\n${HOST}\r\n`;

/** Resolves when the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function tryDial(port: number): Promise<TLSSocket | undefined> {
  return dial(port).catch(() => undefined);
}

test('an address has so many connections and no more, until one of them ends', async (t) => {
  await withService(
    async ({ port, service, logged }) => {
      const first = await dial(port);
      const second = await dial(port);
      t.is(await tryDial(port), undefined);
      t.true(logged.some((line) => line.includes('connection-refused')));
      first.destroy();
      await until(() => service.connections < 2);
      const third = await tryDial(port);
      t.not(third, undefined);
      for (const socket of [second, third]) socket?.destroy();
      await until(() => service.connections === 0);
      for (const socket of [await tryDial(port), await tryDial(port)]) {
        t.not(socket, undefined);
        socket?.destroy();
      }
    },
    { limits: { connectionsPerAddress: 2 } },
  );
});

test('all addresses together have so many connections and no more', async (t) => {
  await withService(
    async ({ port }) => {
      const only = await dial(port);
      t.is(await tryDial(port), undefined);
      only.destroy();
    },
    { limits: { connections: 1 } },
  );
});

const SLOW = {
  headersTimeout: 100,
  requestTimeout: 150,
  checkInterval: 20,
  bodySilence: 100,
  idleTimeout: 100,
};

test('who does not get to the end of a head is sent away', async (t) => {
  await withService(
    async ({ port }) => {
      const socket = await dial(port);
      const answer = untilClosed(socket);
      socket.write(`GET /api2/json/ping HTTP/1.1\r\n${HOST}`);
      const drip = setInterval(() => socket.write('x: y\r\n'), 30);
      t.regex(await answer, /^HTTP\/1\.1 408 /);
      clearInterval(drip);
    },
    { limits: { ...SLOW, requestTimeout: 60_000 } },
  );
});

test('who says nothing at all is sent away', async (t) => {
  await withService(
    async ({ port }) => {
      t.regex(await untilClosed(await dial(port)), /^(HTTP\/1\.1 408 .*)?/);
      const idle = await dial(port);
      const answer = untilClosed(idle);
      idle.write(GET);
      t.regex(await answer, /^HTTP\/1\.1 200 OK/);
    },
    { limits: SLOW },
  );
});

test('who stops in the middle of a body is sent away', async (t) => {
  await withService(
    async ({ port, authorization, service }) => {
      const socket = await dial(port);
      const closed = untilClosed(socket);
      const head = `POST /api2/json/upload?name=n HTTP/1.1\r\n${HOST}authorization: ${authorization}\r\n`;
      socket.write(`${head}content-length: 500\r\n\r\nabc`);
      await closed;
      await until(() => service.connections === 0);
      t.pass();
    },
    { limits: { ...SLOW, requestTimeout: 60_000 } },
  );
});

test('bodies of all clients share a room, which is free again afterwards', async (t) => {
  await withService(
    async ({ port, authorization, service, file }) => {
      const other = tokenHeader('bob@pam!phone', await file.addToken('bob@pam!phone', {}));
      const upload = (length: number) =>
        ask(port, '/api2/json/upload?name=n', {
          method: 'POST',
          headers: { authorization: other },
          body: 'x'.repeat(length),
        });
      const slow = await dial(port);
      const head = `POST /api2/json/upload?name=n HTTP/1.1\r\n${HOST}authorization: ${authorization}\r\n`;
      slow.write(`${head}content-length: 700\r\n\r\n${'x'.repeat(600)}`);
      await until(() => service.bodyBytes === 600);
      const full = await upload(500);
      t.deepEqual([full.status, full.text], [503, 'too much data at once, try again later']);
      t.is((await upload(300)).status, 200);
      slow.destroy();
      await until(() => service.bodyBytes === 0);
      t.is((await upload(900)).status, 200);
      t.is(service.bodyBytes, 0);
    },
    { limits: { bodyBytes: 1000 } },
  );
});

test('a user with all tokens has a quarter of the room for bodies, and always room for one', async (t) => {
  await withService(
    async ({ port, authorization, service, file }) => {
      const sameUser = tokenHeader('ann@pbs!phone', await file.addToken('ann@pbs!phone', {}));
      const upload = (length: number) =>
        ask(port, '/api2/json/upload?name=n', {
          method: 'POST',
          headers: { authorization: sameUser },
          body: 'x'.repeat(length),
        });
      const first = await dial(port);
      const head = `POST /api2/json/upload?name=n HTTP/1.1\r\n${HOST}authorization: ${authorization}\r\n`;
      first.write(`${head}content-length: 900\r\n\r\n${'x'.repeat(400)}`);
      await until(() => service.bodyBytes === 400);
      t.is((await upload(101)).status, 503);
      t.is((await upload(100)).status, 200);
      first.write('x'.repeat(499));
      await until(() => service.bodyBytes === 899);
      t.is((await upload(1)).status, 503);
      first.destroy();
      await until(() => service.bodyBytes === 0);
      t.is((await upload(1000)).status, 200);
    },
    { limits: { bodyBytes: 2000 } },
  );
});

test('a caller has so many calls at once and no more', async (t) => {
  await withService(
    async ({ port, authorization, held }) => {
      const hold = () => ask(port, '/api2/json/hold', { headers: { authorization } });
      const running = [hold(), hold()];
      await until(() => held.waiting === 2);
      const third = await hold();
      t.deepEqual([third.status, third.text], [503, 'too many calls at once, try again later']);
      t.is((await ask(port, '/api2/json/ping')).status, 200);
      held.release();
      t.deepEqual(
        (await Promise.all(running)).map(({ status }) => status),
        [200, 200],
      );
      t.is((await hold()).status, 200);
    },
    { limits: { callsPerCaller: 2 } },
  );
});

test('who is not known takes no room of who is, and has not long for a body', async (t) => {
  await withService(
    async ({ port, authorization }) => {
      const slow = await dial(port);
      const closed = untilClosed(slow);
      slow.write(`POST /api2/json/access/ticket HTTP/1.1\r\n${HOST}content-length: 500\r\n\r\nabc`);
      let refused = await ask(port, '/api2/json/ping');
      while (refused.status !== 503) refused = await ask(port, '/api2/json/ping');
      t.is((await ask(port, '/api2/json/version', { headers: { authorization } })).status, 200);
      await closed;
      t.is((await ask(port, '/api2/json/ping')).status, 200);
    },
    { limits: { openCallsPerAddress: 1, calls: 1, strangerTimeout: 1000 } },
  );
});

test('a connection with more calls at once than it may have ends', async (t) => {
  await withService(
    async ({ port, authorization, held }) => {
      const socket = await dial(port);
      const closed = untilClosed(socket);
      const hold = `GET /api2/json/hold HTTP/1.1\r\n${HOST}authorization: ${authorization}\r\n\r\n`;
      socket.write(hold.repeat(2));
      await until(() => held.waiting === 2);
      socket.write(hold);
      t.is(await closed, '');
      await until(() => held.aborted === 2);
      t.is(held.waiting, 0);
    },
    { limits: { callsPerConnection: 2 } },
  );
});

test('requests that come early are answered in their order', async (t) => {
  await withService(async ({ port }) => {
    const socket = await dial(port);
    const closed = untilClosed(socket);
    socket.write(`${GET}${GET.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')}`);
    t.is((await closed).match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  });
});

test('a call learns that its client has gone', async (t) => {
  await withService(async ({ port, authorization, held }) => {
    const socket = await dial(port);
    socket.write(`GET /api2/json/hold HTTP/1.1\r\n${HOST}authorization: ${authorization}\r\n\r\n`);
    await until(() => held.waiting === 1);
    socket.destroy();
    await until(() => held.aborted === 1);
    t.pass();
  });
});

test('a head has at most 16 KiB, and what is no HTTP is answered 400', async (t) => {
  await withService(async ({ port }) => {
    const fat = await dial(port);
    const tooLong = untilClosed(fat);
    fat.write(`GET /api2/json/ping HTTP/1.1\r\n${HOST}x: ${'y'.repeat(20_000)}\r\n\r\n`);
    t.regex(await tooLong, /^HTTP\/1\.1 431 /);
    const strange = await dial(port);
    const answer = untilClosed(strange);
    strange.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    t.regex(await answer, /^HTTP\/1\.1 400 /);
  });
});

test('a stop lets calls end, nobody new in, and closes idle connections', async (t) => {
  await withService(
    async ({ port, authorization, service, held }) => {
      const idle = await dial(port);
      const idleClosed = untilClosed(idle);
      idle.write(GET);
      const running = ask(port, '/api2/json/hold', { headers: { authorization } });
      await until(() => held.waiting === 1);
      const stopped = service.stop(60_000);
      await idleClosed;
      await t.throwsAsync(ask(port, '/api2/json/ping'), { code: 'ECONNREFUSED' });
      held.release();
      t.is((await running).text, '{"data":"held"}');
      await stopped;
      t.is(service.connections, 0);
    },
    { clock: systemClock },
  );
});

test('a stop whose patience is over cuts what runs', async (t) => {
  await withService(
    async ({ port, authorization, service, held, logged }) => {
      const running = ask(port, '/api2/json/hold', { headers: { authorization } }).catch(() => undefined);
      await until(() => held.waiting === 1);
      await service.stop(10);
      t.is(held.aborted, 1);
      t.true(logged.some((line) => line.includes('"cut"')));
      await running;
    },
    { clock: systemClock },
  );
});
