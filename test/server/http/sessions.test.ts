/** Requests that turn a connection into a session: what happens before the session begins. protocol.md §4. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { systemClock } from '../../../src/server/access/clock.js';
import { AccessError } from '../../../src/server/access/errors.js';
import { CallError } from '../../../src/server/http/call-error.js';
import { CallSlots } from '../../../src/server/http/call-slots.js';
import { Counters } from '../../../src/server/http/metrics.js';
import { type AcceptUpgrade, upgradeRequest } from '../../../src/server/http/upgrade-request.js';
import { tokenHeader } from '../access/access-world.js';
import { ask, dial, untilClosed, withService } from './service-world.js';

function upgrade(target: string, authorization?: string): string {
  const auth = authorization === undefined ? '' : `authorization: ${authorization}\r\n`;
  return `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: p\r\n${auth}\r\n`;
}

/** What one upgrade was called with. */
function recorder(): { accept: AcceptUpgrade; calls: unknown[]; sockets: Duplex[] } {
  const [calls, sockets]: [unknown[], Duplex[]] = [[], []];
  const accept: AcceptUpgrade = async (_request, socket, head, caller, pairs, _context, signal) => {
    calls.push({ authId: caller.authId, address: caller.address, pairs, head: head.toString() });
    sockets.push(socket);
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    await new Promise<void>((resolve) => {
      socket.once('close', resolve);
      signal.addEventListener('abort', () => resolve());
    });
  };
  return { accept, calls, sockets };
}

test('a session gets the caller, the query and what was sent early', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, authorization, service, logged }) => {
      for (const target of ['/api2/json/backup?store=a%20b&store=c', '//api2/json/reader?x=1']) {
        const socket = await dial(port);
        socket.write(`${upgrade(target, authorization)}PRI`);
        await new Promise((resolve) => socket.once('data', resolve));
        const closed = untilClosed(socket);
        socket.destroy();
        await closed;
      }
      t.deepEqual(calls, [
        {
          authId: 'ann@pbs!laptop',
          address: '127.0.0.1',
          pairs: [
            ['store', 'a b'],
            ['store', 'c'],
          ],
          head: 'PRI',
        },
        { authId: 'ann@pbs!laptop', address: '127.0.0.1', pairs: [['x', '1']], head: 'PRI' },
      ]);
      while (service.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      t.is(logged.filter((line) => line.includes('"session"')).length, 2);
    },
    { accept },
  );
});

test('without a login there is no session', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, clock }) => {
      const socket = await dial(port);
      const answer = untilClosed(socket);
      socket.write(upgrade('/api2/json/backup'));
      t.regex(await answer, /^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*set-cookie: __Host-PBSAuthCookie=;/);
      t.regex(await answer, /connection: close\r\n\r\nauthentication failed$/);
      t.deepEqual(clock.pauses, [3000]);
      t.deepEqual(calls, []);
    },
    { accept },
  );
});

test('other paths and methods do not become sessions', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, authorization }) => {
      for (const target of ['/api2/json/version', '/api2/json/backup/x', '/backup']) {
        const socket = await dial(port);
        const answer = untilClosed(socket);
        socket.write(upgrade(target, authorization));
        t.regex(await answer, new RegExp(`^HTTP/1\\.1 404 [\\s\\S]*Path '${target}' not found\\.$`));
      }
      const socket = await dial(port);
      const answer = untilClosed(socket);
      socket.write(upgrade('/api2/json/backup', authorization).replace('GET', 'POST'));
      t.regex(await answer, /^HTTP\/1\.1 404 /);
      t.deepEqual(calls, []);
    },
    { accept },
  );
});

test('what a session says before it begins is the answer', async (t) => {
  const accept: AcceptUpgrade = () => Promise.reject(new CallError(404, 'namespace not found'));
  await withService(
    async ({ port, authorization }) => {
      const socket = await dial(port);
      const answer = untilClosed(socket);
      socket.write(upgrade('/api2/json/backup', authorization));
      t.regex(
        await answer,
        /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*content-length: 19\r\n[\s\S]*namespace not found$/,
      );
    },
    { accept },
  );
});

test('who is refused and keeps its side open is cut off', async (t) => {
  await withService(async ({ port, service }) => {
    const socket = await dial(port);
    socket.allowHalfOpen = true;
    socket.write(upgrade('/nothing'));
    await new Promise((resolve) => socket.once('data', resolve));
    while (service.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    t.is(service.connections, 0);
    socket.destroy();
  });
});

test('a user has so many sessions and no more, until one of them ends', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, authorization, service }) => {
      const first = await dial(port);
      first.write(upgrade('/api2/json/backup', authorization));
      await new Promise((resolve) => first.once('data', resolve));
      const second = await dial(port);
      const answer = untilClosed(second);
      second.write(upgrade('/api2/json/reader', authorization));
      t.regex(await answer, /^HTTP\/1\.1 503 [\s\S]*too many sessions at once, try again later$/);
      t.is(calls.length, 1);
      first.destroy();
      while (service.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const third = await dial(port);
      third.write(upgrade('/api2/json/reader', authorization));
      await new Promise((resolve) => third.once('data', resolve));
      t.is(calls.length, 2);
      third.destroy();
    },
    { accept, limits: { sessionsPerUser: 1 } },
  );
});

/** A session that was allowed. */
async function begin(port: number, authorization: string): Promise<TLSSocket> {
  const socket = await dial(port);
  socket.write(upgrade('/api2/json/backup', authorization));
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

/** What is answered to who asks for one. */
async function answerTo(port: number, authorization: string): Promise<string> {
  const socket = await dial(port);
  const answer = untilClosed(socket);
  socket.write(upgrade('/api2/json/reader', authorization));
  return answer;
}

test('all tokens of a user count together, those of others do not', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, authorization, file }) => {
      const [own, other] = ['ann@pbs!phone', 'bob@pam!phone'];
      const second = tokenHeader(own, await file.addToken(own, {}));
      const third = tokenHeader(other, await file.addToken(other, {}));
      const first = await begin(port, authorization);
      t.regex(await answerTo(port, second), /^HTTP\/1\.1 503 /);
      const others = await begin(port, third);
      t.is(calls.length, 2);
      for (const socket of [first, others]) socket.destroy();
    },
    { accept, limits: { sessionsPerUser: 1 } },
  );
});

test('there are so many sessions in all and no more', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, authorization, file, service }) => {
      const other = tokenHeader('bob@pam!phone', await file.addToken('bob@pam!phone', {}));
      const first = await begin(port, authorization);
      t.regex(await answerTo(port, other), /^HTTP\/1\.1 503 [\s\S]*too many sessions at once/);
      first.destroy();
      while (service.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const second = await begin(port, other);
      t.is(calls.length, 2);
      second.destroy();
    },
    { accept, limits: { sessions: 1 } },
  );
});

test('who lacks a privilege is told so after half a second', async (t) => {
  const accept: AcceptUpgrade = () =>
    Promise.reject(new AccessError('ACCESS_PERMISSION', 'permission check failed'));
  await withService(
    async ({ port, authorization, clock }) => {
      t.regex(await answerTo(port, authorization), /^HTTP\/1\.1 403 [\s\S]*permission check failed$/);
      t.deepEqual(clock.pauses, [500]);
    },
    { accept },
  );
});

test('who does not take the answer to a refused upgrade is cut off', async (t) => {
  await withService(async ({ context }) => {
    // What is written never arrives.
    const socket = new Duplex({ read: () => undefined, write: () => undefined });
    const closed = new Promise<void>((resolve) => socket.once('close', resolve));
    await upgradeRequest(
      Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/nothing' }),
      socket,
      Buffer.alloc(0),
      {
        context,
        counters: new Counters(),
        accept: () => Promise.resolve(),
        slots: new CallSlots({ calls: 1, callsPerCaller: 1 }),
        caller: () => Promise.reject(new Error('nobody asks')),
        stopping: () => false,
        stopped: new AbortController().signal,
        refusalPatience: 10,
      },
    );
    t.false(socket.destroyed);
    await closed;
    t.true(socket.destroyed);
  });
});

test('a session outlives every time-out of requests, and a stop waits for it', async (t) => {
  const { accept, sockets } = recorder();
  const limits = {
    headersTimeout: 50,
    requestTimeout: 60,
    checkInterval: 10,
    idleTimeout: 150,
    replySilence: 150,
  };
  await withService(
    async ({ port, authorization, service }) => {
      const socket = await dial(port);
      // What this call sets must not outlive it.
      socket.write('GET /api2/json/ping HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('data', resolve));
      socket.write(upgrade('/api2/json/backup', authorization));
      await new Promise((resolve) => socket.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, 300));
      t.is(service.connections, 1);
      const stopped = service.stop(60_000);
      const closed = untilClosed(socket);
      sockets[0]!.write('still here');
      sockets[0]!.end();
      t.is(await closed, 'still here');
      await stopped;
    },
    { accept, limits, clock: systemClock },
  );
});

test('a connection whose calls are not answered yet does not become a session', async (t) => {
  const { accept, calls } = recorder();
  await withService(
    async ({ port, authorization, held }) => {
      const socket = await dial(port);
      const closed = untilClosed(socket);
      socket.write(`GET /api2/json/hold HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`);
      while (held.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.write(upgrade('/api2/json/backup', authorization));
      t.is(await closed, '');
      t.deepEqual(calls, []);
    },
    { accept },
  );
});

test('who asks for a session while the server stops is sent away', async (t) => {
  const { accept, calls } = recorder();
  await withService(async ({ context, file }) => {
    const parts: Buffer[] = [];
    const socket = new Duplex({
      read: () => undefined,
      write: (part: Buffer, _encoding, done) => {
        parts.push(part);
        done();
      },
    });
    const request = new IncomingMessage(new Socket());
    const caller = async () => ({ authId: 'ann@pbs', access: await file.load(), address: '' });
    await upgradeRequest(
      Object.assign(request, { method: 'GET', url: '/api2/json/backup' }),
      socket,
      Buffer.alloc(0),
      {
        context,
        counters: new Counters(),
        accept,
        slots: new CallSlots({ calls: 1, callsPerCaller: 1 }),
        caller,
        stopping: () => true,
        stopped: new AbortController().signal,
        refusalPatience: 1000,
      },
    );
    t.regex(Buffer.concat(parts).toString(), /^HTTP\/1\.1 503 [\s\S]*the server is stopping$/);
    t.deepEqual(calls, []);
  });
});

test('a session is told that the server stops when the patience is over', async (t) => {
  const accept: AcceptUpgrade = async (_request, socket, _head, _caller, _pairs, _context, signal) => {
    socket.write('101');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    socket.end(' bye');
  };
  await withService(
    async ({ port, authorization, service }) => {
      const socket = await dial(port);
      const closed = untilClosed(socket);
      socket.write(upgrade('/api2/json/backup', authorization));
      await new Promise((resolve) => socket.once('data', resolve));
      await service.stop(10);
      t.is(await closed, '101 bye');
      t.is(service.connections, 0);
    },
    { accept, clock: systemClock },
  );
});

test('a session that does not end then is cut', async (t) => {
  const accept: AcceptUpgrade = async (_request, socket) => {
    socket.write('101');
    await new Promise((resolve) => socket.once('close', resolve));
  };
  await withService(
    async ({ port, authorization, service }) => {
      const socket = await dial(port);
      const closed = untilClosed(socket);
      socket.write(upgrade('/api2/json/backup', authorization));
      await new Promise((resolve) => socket.once('data', resolve));
      await service.stop(10);
      t.is(await closed, '101');
      t.is(service.connections, 0);
    },
    { accept },
  );
});

test('metrics are for auditors, or for this machine where that is wanted', async (t) => {
  await withService(async ({ port, authorization, file }) => {
    t.is((await ask(port, '/metrics')).status, 401);
    t.is((await ask(port, '/metrics', { headers: { authorization } })).status, 403);
    for (const authId of ['ann@pbs', 'ann@pbs!laptop'])
      await file.setAcl({ path: '/datastore', authId, role: 'DatastoreAudit' }, { propagate: false });
    const { status, headers, text } = await ask(port, '/metrics', { headers: { authorization } });
    t.is(status, 200);
    t.is(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    t.regex(text, /^restat_connections 1$/m);
    t.regex(text, /^restat_info\{version="1\.2\.3"\} 1$/m);
    t.regex(text, /^restat_requests_total\{status="401"\} 1$/m);
    t.is((await ask(port, '/metrics', { method: 'POST', headers: { authorization } })).status, 404);
  });
  await withService(
    async ({ port }) => {
      t.is((await ask(port, '/metrics')).status, 200);
    },
    { openMetrics: true },
  );
});
