/** Requests and their answers. rest-api.md §1, protocol.md §2. */
import test from 'ava';
import { readSession } from '../../support/replay/recording.js';
import { ask, SECRET_PATH, withService } from './service-world.js';

const JSON_TYPE = 'application/json;charset=UTF-8';
const JSON_BODY = { 'content-type': 'application/json' };

/** Texts of recorded answers that depend on nothing but the request. */
const RECORDED = [
  'no-auth',
  'wrong-token',
  'unknown-token',
  'bad-cookie',
  'unknown-path',
  'wrong-method',
  'dot-segment',
  'ping',
  'no-upgrade-header',
];

for (const name of RECORDED) {
  test(`a request is answered as recorded: ${name}`, async (t) => {
    const [exchange] = readSession('errors.jsonl', name).connections[0]!.http1;
    await withService(async ({ port, authorization }) => {
      const sent = Object.fromEntries(exchange!.headers);
      const known = sent['authorization']?.startsWith('PBSAPIToken ann@pbs!laptop:5') === true;
      const headers = known ? { ...sent, authorization } : sent;
      const {
        status,
        text,
        headers: got,
      } = await ask(port, exchange!.target, {
        method: exchange!.method,
        headers,
      });
      t.is(status, exchange!.status);
      t.is(text, exchange!.reply.whole!.toString());
      for (const header of ['content-type', 'content-length', 'set-cookie']) {
        const expected = exchange!.replyHeaders.find(([key]) => key === header)?.[1];
        t.is([got[header]].flat()[0], expected, header);
      }
    });
  });
}

test('doubled slashes do not count', async (t) => {
  await withService(async ({ port, authorization }) => {
    for (const path of ['//api2/json/version', '/api2//json///version/']) {
      t.is((await ask(port, path, { headers: { authorization } })).status, 200, path);
    }
  });
});

test('paths outside the API and the other dialect of it are not found, without a login', async (t) => {
  await withService(async ({ port }) => {
    for (const path of ['/', '/index.html', '/api2/extjs/version', '/api2']) {
      const { status, text } = await ask(port, path);
      t.is(status, 404);
      t.is(text, `Path '${path}' not found.`);
    }
    const unknown = await ask(port, '/api2/json/nothing');
    t.is(unknown.status, 401);
  });
});

test('a path with its query has at most 3072 bytes', async (t) => {
  await withService(async ({ port, authorization }) => {
    const start = '/api2/json/version?_dc=';
    const fits = start + 'x'.repeat(3072 - start.length);
    t.is((await ask(port, fits, { headers: { authorization } })).status, 200);
    const { status, text } = await ask(port, `${fits}x`, { headers: { authorization } });
    t.deepEqual([status, text], [414, '']);
  });
});

test('parameters come from path, query, form and JSON', async (t) => {
  await withService(async ({ port, authorization }) => {
    const get = await ask(port, '/api2/json/thing/a%3Ab/parts?limit=3', { headers: { authorization } });
    t.deepEqual(JSON.parse(get.text), { data: { id: 'a:b', limit: 3 }, total: 2 });
    const post = (headers: Record<string, string>, body: string, query = '') =>
      ask(port, `/api2/json/thing/a/parts${query}`, {
        method: 'POST',
        headers: { authorization, ...headers },
        body,
      });
    const expected = { id: 'a', name: 'n', deep: true, authId: 'ann@pbs!laptop', address: '127.0.0.1' };
    for (const answer of [
      await post({}, 'name=n', '?deep=1'),
      await post({ 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, 'name=n&deep=on'),
      await post(JSON_BODY, '{"name":"n","deep":true}', '?ignored=1'),
      await post({ 'content-type': 'Application/JSON; charset=utf-8' }, '{"name":"n","deep":true}'),
    ]) {
      t.deepEqual(JSON.parse(answer.text), { data: expected });
      t.is(answer.headers['content-type'], JSON_TYPE);
    }
    t.is(
      (await post({ 'content-type': 'text/plain' }, 'name=n')).text,
      'unsupported content type Ok("text/plain")',
    );
    const twice = "parameter verification failed - 'id': duplicate parameter.";
    t.is((await post({}, 'name=n&id=b')).text, twice);
    t.is((await post(JSON_BODY, '{"name":"n","id":"b"}')).text, twice);
    for (const body of ['{', '[', `${'['.repeat(500)}${']'.repeat(500)}`, '"x"', '\xff'])
      t.is((await post(JSON_BODY, body)).status, 400, body);
  });
});

test('with a content type of JSON the query of a GET does not count', async (t) => {
  await withService(async ({ port, authorization }) => {
    const { status, text } = await ask(port, '/api2/json/fail?how=bug', {
      headers: { authorization, ...JSON_BODY },
    });
    t.is(status, 400);
    t.is(text, "parameter verification failed - 'how': property is missing and it is not optional");
  });
});

test('answers are JSON, bytes or streams, and say how long they are', async (t) => {
  await withService(async ({ port, authorization }) => {
    const bytes = await ask(port, '/api2/json/bytes', { headers: { authorization } });
    t.is(bytes.text, '\x01\x02');
    t.is(bytes.headers['content-type'], 'application/octet-stream');
    const stream = await ask(port, '/api2/json/stream', { headers: { authorization } });
    t.deepEqual([stream.text, stream.headers['content-length']], ['abcdef', '6']);
    const login = await ask(port, '/api2/json/access/ticket', {
      method: 'POST',
      headers: JSON_BODY,
      body: '{"username":"a","password":"b"}',
    });
    t.is(login.text, '{"data":{},"status":200,"success":true}');
    t.is(login.headers['content-type'], 'application/json');
    t.deepEqual(login.headers['set-cookie'], ['a=b; Path=/;']);
  });
});

test('errors have their status and text, and no paths of files', async (t) => {
  await withService(async ({ port, authorization, logged, clock }) => {
    const fail = (how: string) => ask(port, `/api2/json/fail?how=${how}`, { headers: { authorization } });
    const cases = [
      ['call', 404, 'no such thing'],
      ['access', 403, 'permission check failed'],
      ['repository', 400, 'host/x is missing'],
      ['system', 400, 'ENOENT: no such file or directory'],
      ['bug', 400, 'undefined is not a function'],
    ] as const;
    for (const [how, status, text] of cases) {
      const answer = await fail(how);
      t.deepEqual([answer.status, answer.text], [status, text]);
      t.is(answer.headers['content-type'], JSON_TYPE);
      t.false(answer.text.includes(SECRET_PATH));
    }
    t.is(logged.filter((line) => line.includes('call-failed')).length, 2);
    t.deepEqual(clock.pauses, [500]);
  });
});

test('a failed login waits three seconds and deletes the cookie', async (t) => {
  await withService(async ({ port, clock }) => {
    const { status, headers } = await ask(port, '/api2/json/version');
    t.is(status, 401);
    t.deepEqual(clock.pauses, [3000]);
    t.regex(headers['set-cookie']?.[0] ?? '', /^__Host-PBSAuthCookie=; Expires=Thu, 01 Jan 1970/);
  });
});

test('the log names requests, and never what is in queries and headers', async (t) => {
  await withService(async ({ port, authorization, secret, logged }) => {
    await ask(port, '/api2/json/version?password=hunter2', { headers: { authorization } });
    const [line = ''] = logged.filter((one) => one.includes('"request"'));
    t.like(JSON.parse(line), {
      method: 'GET',
      path: '/api2/json/version',
      status: 400,
      address: '127.0.0.1',
    });
    t.false(logged.join('\n').includes('hunter2'));
    t.false(logged.join('\n').includes(secret));
  });
});

test('bodies are bounded: parameters, uploads, and those of strangers', async (t) => {
  await withService(async ({ port, authorization }) => {
    const post = (path: string, body: string, headers: Record<string, string> = { authorization }) =>
      ask(port, path, { method: 'POST', headers, body });
    const parts = '/api2/json/thing/a/parts';
    t.is((await post(parts, `name=${'x'.repeat(524_287 - 5)}`)).status, 200);
    const long = await post(parts, `name=${'x'.repeat(524_288 - 5)}`);
    t.deepEqual([long.status, long.text], [400, 'Request body too large']);
    const chunked = { authorization, 'transfer-encoding': 'chunked' };
    t.is((await post(parts, 'x'.repeat(700_000), chunked)).text, 'Request body too large');
    t.is(
      (await post('/api2/json/upload?name=n', 'x'.repeat(1000))).text,
      '{"data":{"name":"n","length":1000}}',
    );
    t.is((await post('/api2/json/upload?name=n', 'x'.repeat(1001))).text, 'Request body too large');
    t.is((await post('/api2/json/access/ticket', 'x'.repeat(65_537), {})).text, 'Request body too large');
  });
});
