import test from 'ava';
import { login } from '../../../src/repository/pbs/login.js';
import { answer, type Handler, withServer } from '../../support/https-server.js';
import { readSession } from '../../support/replay/recording.js';

const USER = 'ann@pbs';

/** The login of a recorded session: what the reference client sent, and what the real server said. */
function recordedLogin(session: string) {
  const exchange = readSession('login.jsonl', session).connections[0]!.http1[0]!;
  const request: { username: string; password: string } = JSON.parse(exchange.body.whole!.toString());
  return { request, status: exchange.status, reply: exchange.reply.whole!.toString() };
}

const granted = (extra: object): Handler => {
  const data = { username: USER, CSRFPreventionToken: 'C', ...extra };
  return (_, response) => answer(response, 200, JSON.stringify({ data, status: 200, success: true }));
};

for (const session of ['login-password', 'cached-ticket-list']) {
  test(`a login as in the recording ${session} sends what the reference client sent and gets its ticket`, async (t) => {
    const { request, reply } = recordedLogin(session);
    const handler: Handler = (_, response) => answer(response, 200, reply);
    await withServer(handler, async ({ rest, seen }) => {
      const { data } = JSON.parse(reply);
      t.deepEqual(await login(rest, request.username, request.password), {
        ticket: data.ticket,
        csrf: data.CSRFPreventionToken,
        cookie: 'PBSAuthCookie',
      });
      t.like(seen[0], { method: 'POST', url: '/api2/json/access/ticket' });
      t.deepEqual(JSON.parse(seen[0]!.body), request);
      t.is(seen[0]?.headers['content-type'], 'application/json');
      t.is(seen[0]?.headers.cookie, undefined);
    });
  });
}

test('a wrong password is refused with the server’s words and without the password', async (t) => {
  const { request, status, reply } = recordedLogin('login-wrong-password');
  const handler: Handler = (_, response) => answer(response, status, reply);
  await withServer(handler, async ({ rest }) => {
    const error = await t.throwsAsync(login(rest, USER, request.password), {
      code: 'SERVER_LOGIN',
      message: 'the server did not let ann@pbs in: permission check failed.',
    });
    t.like(error, { status: 401 });
    t.false(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`.includes(request.password));
  });
});

test('a ticket in the cookie of newer servers is taken from there', async (t) => {
  const handler: Handler = (request, response) => {
    response.setHeader('set-cookie', [
      'other=1',
      '__Host-PBSAuthCookie=PBS%3Aann@pbs:1::x%2By; Secure; HttpOnly; Path=/;',
    ]);
    granted({ 'ticket-info': 'PBS:ann@pbs:1' })(request, response);
  };
  await withServer(handler, async ({ rest }) => {
    t.deepEqual(await login(rest, USER, 'p'), {
      ticket: 'PBS:ann@pbs:1::x+y',
      csrf: 'C',
      cookie: '__Host-PBSAuthCookie',
    });
  });
});

test('a cookie that deletes the ticket is none', async (t) => {
  const handler: Handler = (request, response) => {
    response.setHeader('set-cookie', '__Host-PBSAuthCookie=; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
    granted({ ticket: 'PBS:ann@pbs:1::x' })(request, response);
  };
  await withServer(handler, async ({ rest }) => {
    t.like(await login(rest, USER, 'p'), { ticket: 'PBS:ann@pbs:1::x', cookie: 'PBSAuthCookie' });
  });
});

test('a login that waits for a second factor is refused with advice', async (t) => {
  await withServer(granted({ ticket: 'PBS:!tfa!%7B%7D:1::x' }), async ({ rest }) => {
    await t.throwsAsync(login(rest, USER, 'p'), { code: 'SERVER_LOGIN', message: /use an API token/ });
  });
});

const NONSENSE: readonly (readonly [what: string, text: string])[] = [
  ['no ticket', '{"data":{"username":"ann@pbs","CSRFPreventionToken":"C"}}'],
  ['a ticket with a line end', '{"data":{"username":"u","ticket":"a\\r\\nX: y","CSRFPreventionToken":"C"}}'],
  ['a token with a line end', '{"data":{"username":"u","ticket":"a","CSRFPreventionToken":"C\\n"}}'],
  ['broken JSON', '{"data":{"ticket":"PBS:ticket-text'],
  ['more than a login can be', ' '.repeat(100_000)],
];

for (const [what, text] of NONSENSE) {
  test(`${what} in the answer to a login is an error that does not repeat it`, async (t) => {
    await withServer(
      (_, response) => answer(response, 200, text),
      async ({ rest }) => {
        const error = await t.throwsAsync(login(rest, USER, 'p'), { code: 'SERVER_REPLY' });
        t.false(`${error.stack}${String(error.cause)}`.includes('PBS:ticket'));
      },
    );
  });
}
