import type { ServerResponse } from 'node:http';
import test from 'ava';
import { z } from 'zod';
import type { Session } from '../../../src/repository/pbs/credentials.js';
import { RestClient, segment } from '../../../src/repository/pbs/rest-client.js';
import { answer, type Handler, type TestServer, withServer } from '../../support/https-server.js';

const SECRET = 'geheim-1';

/** A session that has a secret in its headers. */
const session: Session = {
  headers: (method) => Promise.resolve({ authorization: SECRET, 'x-method': method }),
  refused: () => false,
  close: () => undefined,
};

function withClient(
  handler: Handler,
  use: (client: RestClient, server: TestServer) => Promise<void>,
  requestTimeoutMs = 5000,
): Promise<void> {
  return withServer(handler, async (server) => {
    const spec = { host: '127.0.0.1', port: server.port };
    const client = new RestClient({ spec, transport: server.transport, session, requestTimeoutMs });
    try {
      await use(client, server);
    } finally {
      client.close();
    }
  });
}

const data =
  (value: unknown): Handler =>
  (_, response) =>
    answer(response, 200, JSON.stringify({ data: value, total: 3 }));

test('parameters of get, put and delete stand in the query, sorted, lists as repeated keys', (t) =>
  withClient(data('yes'), async (client, { seen, port }) => {
    const query = { ns: 'a/b', b: true, a: 1, none: undefined, list: ['x y', 'z'] };
    for (const call of [client.get, client.put, client.delete])
      t.is(await call.call(client, 'admin/x', query, z.string()), 'yes');
    t.deepEqual(
      seen.map(({ method, url, body }) => [method, url, body]),
      ['GET', 'PUT', 'DELETE'].map((method) => [
        method,
        '/api2/json/admin/x?a=1&b=true&list=x+y&list=z&ns=a%2Fb',
        '',
      ]),
    );
    for (const { method, headers } of seen) {
      t.is(headers['user-agent'], 'proxmox-backup-client/1.0');
      t.is(headers['content-type'], 'application/x-www-form-urlencoded');
      t.is(headers['accept-encoding'], undefined);
      t.is(headers.host, `127.0.0.1:${port}`);
      t.is(headers['x-method'], method);
    }
  }));

test('parameters of post stand in a JSON body', (t) =>
  withClient(data(null), async (client, { seen }) => {
    await client.post('admin/x', { 'keep-last': 1, 'dry-run': true, none: undefined }, z.null());
    t.like(seen[0], { method: 'POST', url: '/api2/json/admin/x', body: '{"keep-last":1,"dry-run":true}' });
    t.is(seen[0]?.headers['content-type'], 'application/json');
  }));

test('bytes are sent and fetched as they are', (t) =>
  withClient(
    (request, response) => answer(response, 200, request.method === 'GET' ? 'raw bytes' : '{"data":null}'),
    async (client, { seen }) => {
      await client.upload('log', { a: 1 }, Buffer.from('body'));
      t.like(seen[0], { method: 'POST', url: '/api2/json/log?a=1', body: 'body' });
      t.is(seen[0]?.headers['content-type'], 'application/octet-stream');
      t.is((await client.download('file', {}, 9)).toString(), 'raw bytes');
      await t.throwsAsync(client.download('file', {}, 8), { code: 'SERVER_REPLY', message: /longer/ });
    },
  ));

test('what stands beside data can be had', (t) =>
  withClient(data([1]), async (client) => {
    const schema = z.object({ data: z.array(z.number()), total: z.number() });
    t.deepEqual(await client.getWhole('x', {}, schema), { data: [1], total: 3 });
  }));

test('a second request uses the connection of the first', (t) =>
  withClient(data(null), async (client, { server }) => {
    let connections = 0;
    server.on('secureConnection', () => {
      connections += 1;
    });
    await client.get('x', {}, z.null());
    await client.get('x', {}, z.null());
    t.is(connections, 1);
  }));

/** Answers the first request of each connection, and hangs up at the second. */
function onceEach(): Handler {
  const served = new WeakSet<object>();
  return (request, response) => {
    const { socket } = response;
    if (socket === null || served.has(socket)) {
      response.destroy();
      return;
    }
    served.add(socket);
    data(request.method)(request, response);
  };
}

test('a connection that was closed while it waited is no error for what only reads', (t) =>
  withClient(onceEach(), async (client, { seen }) => {
    t.is(await client.get('x', {}, z.string()), 'GET');
    t.is(await client.get('x', {}, z.string()), 'GET');
    t.is(seen.length, 3);
    await t.throwsAsync(client.delete('x', {}, z.string()), { code: 'SERVER_CLOSED' });
    t.is(seen.length, 4);
  }));

const REPLIES: readonly (readonly [
  what: string,
  status: number,
  text: string,
  error: { code: string; message: RegExp },
])[] = [
  [
    'a refused login',
    401,
    'authentication failed',
    { code: 'SERVER_LOGIN', message: /^authentication failed$/ },
  ],
  [
    'a missing privilege',
    403,
    'permission check failed - missing X',
    { code: 'SERVER_REFUSED', message: /^permission check failed - missing X$/ },
  ],
  [
    'a wrong parameter',
    400,
    "parameter verification failed:\n- 'a': b\n",
    { code: 'SERVER_REFUSED', message: /failed:\n- 'a': b$/ },
  ],
  ['a refusal without words', 414, '', { code: 'SERVER_REFUSED', message: /status 414$/ }],
  [
    'an escape sequence',
    400,
    'red\u001b[31m\u0007alert',
    { code: 'SERVER_REFUSED', message: /^red \[31m alert$/ },
  ],
  ['an endless refusal', 400, 'x'.repeat(1_000_000), { code: 'SERVER_REFUSED', message: /^x{2000}…$/ }],
  [
    'a web page instead of an error',
    502,
    '<html>Bad gateway</html>',
    { code: 'SERVER_REFUSED', message: /web page with status 502/ },
  ],
  [
    'a web page instead of JSON',
    200,
    '<html></html>',
    { code: 'SERVER_REPLY', message: /GET a\/b is not what/ },
  ],
  ['JSON of another kind', 200, '{"data":{"a":1}}', { code: 'SERVER_REPLY', message: /is not what/ }],
  ['JSON without data', 200, '{}', { code: 'SERVER_REPLY', message: /is not what/ }],
  ['a redirection', 302, '', { code: 'SERVER_REPLY', message: /status 302/ }],
];

for (const [what, status, text, error] of REPLIES) {
  test(`${what} is an error that says so, without any secret`, (t) =>
    withClient(
      (_, response) => answer(response, status, text),
      async (client) => {
        const thrown = await t.throwsAsync(client.get('a/b', { q: 1 }, z.string()), error);
        if (thrown.name === 'ServerError' && status >= 400) t.like(thrown, { status });
        t.false(everything(thrown).includes(SECRET));
      },
    ));
}

/** All that could be printed of an error. */
function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error), everything(error.cause)].join('\n');
}

test('an endless answer is given up at the limit', (t) =>
  withClient(
    (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    },
    async (client) => {
      await t.throwsAsync(client.download('x', {}, 1_000_000), { code: 'SERVER_REPLY', message: /longer/ });
    },
  ));

const SILENT: readonly (readonly [what: string, handler: (response: ServerResponse) => void])[] = [
  ['that does not answer', () => undefined],
  ['that stops in its answer', (response) => response.writeHead(200).write('{"data":')],
];

for (const [what, handler] of SILENT) {
  test(`a server ${what} is given up`, (t) =>
    withClient(
      (_, response) => handler(response),
      async (client) => {
        const error = { code: 'SERVER_TIMEOUT', message: 'no answer to GET x within 0.2 seconds' };
        t.false(everything(await t.throwsAsync(client.get('x', {}, z.null()), error)).includes(SECRET));
      },
      200,
    ));
}

test('a connection that is cut is an error of its own', (t) =>
  withClient(
    (_, response) => response.destroy(),
    async (client) => {
      const error = await t.throwsAsync(client.get('x', {}, z.null()), { code: 'SERVER_CLOSED' });
      t.false(everything(error).includes(SECRET));
    },
  ));

test('what goes wrong with the connection is told as it is', (t) =>
  withClient(data(null), async (_, { port }) => {
    const failing = { connect: () => Promise.reject(new TypeError('unexpected')) };
    const spec = { host: '127.0.0.1', port };
    const client = new RestClient({ spec, transport: failing, session, requestTimeoutMs: 5000 });
    await t.throwsAsync(client.get('x', {}, z.null()), { code: 'SERVER_CLOSED', message: /unexpected/ });
  }));

test('segments of a path are encoded, and those that would change it are refused', (t) => {
  t.is(segment('a b/c'), 'a%20b%2Fc');
  for (const text of ['', '.', '..', '.hidden']) t.throws(() => segment(text), { code: 'SERVER_REFUSED' });
});
