import { join } from 'node:path';
import test from 'ava';
import {
  createSession,
  firstLogin,
  type Session,
  type SessionOptions,
} from '../../../src/repository/pbs/credentials.js';
import { TicketCache } from '../../../src/repository/pbs/tickets.js';
import { answer, type Handler, type TestServer, withServer } from '../../support/https-server.js';
import { withTemporaryDirectory } from '../../support/world.js';

const USER = 'ann@pbs';
const HOST = '127.0.0.1';

/** Gives tickets T1, T2, … for the password `right` and for tickets that it gave. */
function tickets(): Handler {
  let given = 0;
  return ({ body }, response) => {
    const { password } = JSON.parse(body);
    if (password !== 'right' && !password.startsWith('T')) {
      answer(response, 401, 'permission check failed.');
      return;
    }
    given += 1;
    const data = { username: USER, ticket: `T${given}`, CSRFPreventionToken: `C${given}` };
    answer(response, 200, JSON.stringify({ data }));
  };
}

interface World extends TestServer {
  readonly cache: TicketCache;
  readonly warnings: string[];
  options(more?: Partial<SessionOptions>): SessionOptions;
}

function withWorld(use: (world: World) => Promise<void>, handler = tickets()): Promise<void> {
  return withTemporaryDirectory((directory) =>
    withServer(handler, async (server) => {
      const cache = new TicketCache(join(directory, 'tickets'), () => 1_700_000_000);
      const warnings: string[] = [];
      const options = (more: Partial<SessionOptions> = {}): SessionOptions => ({
        server: server.rest,
        authId: USER,
        secret: () => Promise.resolve(undefined),
        ask: undefined,
        tickets: cache,
        warn: (message) => void warnings.push(message),
        ...more,
      });
      await use({ ...server, cache, warnings, options });
    }),
  );
}

const secret = (text: string) => () => Promise.resolve(text);

test('an API token goes as a header, its secret percent-encoded, and nothing is asked of the server', (t) =>
  withWorld(async ({ options, seen }) => {
    const session = createSession(options({ authId: 'ann@pbs!laptop', secret: secret('s3cr%t x') }));
    for (const method of ['GET', 'POST'])
      t.deepEqual(await session.headers(method), {
        authorization: 'PBSAPIToken ann@pbs!laptop:s3cr%25t%20x',
      });
    t.is(seen.length, 0);
  }));

test('a user name that is not ASCII goes as UTF-8', (t) =>
  withWorld(async ({ options }) => {
    const session = createSession(options({ authId: 'jürg@pbs!t', secret: secret('s') }));
    t.deepEqual(await session.headers('GET'), { authorization: 'PBSAPIToken jÃ¼rg@pbs!t:s' });
  }));

test('an API token without its secret is an error at once', (t) =>
  withWorld(async ({ options }) => {
    const session = createSession(options({ authId: 'ann@pbs!laptop', ask: secret('right') }));
    await t.throwsAsync(session.headers('GET'), { code: 'SERVER_LOGIN', message: /needs its secret/ });
  }));

test('a ticket goes as a cookie, with the CSRF token where something changes, after one login', (t) =>
  withWorld(async ({ options, seen, cache }) => {
    const session = createSession(options({ secret: secret('right') }));
    const [first, second] = await Promise.all([session.headers('GET'), session.headers('DELETE')]);
    t.deepEqual(first, { cookie: 'PBSAuthCookie=T1' });
    t.deepEqual(second, { cookie: 'PBSAuthCookie=T1', CSRFPreventionToken: 'C1' });
    t.is(seen.length, 1);
    t.deepEqual(await cache.find(HOST, USER), { ticket: 'T1', csrf: 'C1' });
    session.close();
  }));

test('only what would break a cookie is encoded', (t) => {
  const ticket = 'PBS:ann@pbs:6B02DDB2::0kB/9+x;%,ü"';
  const data = { username: USER, ticket, CSRFPreventionToken: 'C' };
  return withWorld(
    async ({ options }) => {
      const session = createSession(options({ secret: secret('right') }));
      const cookie = 'PBSAuthCookie=PBS:ann@pbs:6B02DDB2::0kB/9+x%3B%25%2C%C3%BC%22';
      t.deepEqual(await session.headers('GET'), { cookie });
      session.close();
    },
    (_, response) => answer(response, 200, JSON.stringify({ data })),
  );
});

test('a password that was given comes before the ticket of an earlier login, that before a question', (t) =>
  withWorld(async ({ options, seen, cache }) => {
    const passwords = () => seen.map(({ body }) => JSON.parse(body).password);
    await cache.keep(HOST, USER, { ticket: 'T-old', csrf: 'C' });
    await firstLogin(options({ secret: secret('right'), ask: secret('asked') }));
    t.deepEqual(passwords(), ['right']);
    await firstLogin(options({ ask: secret('asked') }));
    t.deepEqual(passwords(), ['right', 'T1']);
    await cache.forget(HOST, USER);
    await firstLogin(options({ ask: secret('right') }));
    t.deepEqual(passwords(), ['right', 'T1', 'right']);
  }));

test('without password, ticket and terminal there is no way in', (t) =>
  withWorld(async ({ options, seen }) => {
    const error = { code: 'SERVER_LOGIN', message: 'no password input mechanism available for ann@pbs' };
    await t.throwsAsync(firstLogin(options()), error);
    t.is(seen.length, 0);
  }));

test('a ticket that the server forgot leads to the question, or to the error where nobody is there', (t) =>
  withWorld(async ({ options, cache }) => {
    await cache.keep(HOST, USER, { ticket: 'forged', csrf: 'C' });
    await t.throwsAsync(firstLogin(options()), { code: 'SERVER_LOGIN', message: /permission check failed/ });
    t.like(await firstLogin(options({ ask: secret('right') })), { ticket: 'T1' });
    t.like(await cache.find(HOST, USER), { ticket: 'T1' });
  }));

test('a login that failed is tried again at the next request', (t) => {
  let password = 'wrong';
  return withWorld(async ({ options }) => {
    const session = createSession(options({ secret: () => Promise.resolve(password) }));
    await t.throwsAsync(session.headers('GET'), { code: 'SERVER_LOGIN' });
    password = 'right';
    t.deepEqual(await session.headers('GET'), { cookie: 'PBSAuthCookie=T1' });
    session.close();
  });
});

/** Asks for headers until the cookie is this one. */
async function until(session: Session, cookie: string): Promise<void> {
  while ((await session.headers('GET'))['cookie'] !== cookie)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a ticket is renewed with itself, and the new one is used and kept', (t) =>
  withWorld(async ({ options, seen, cache }) => {
    const session = createSession(options({ secret: secret('right'), renewalMs: 20 }));
    await until(session, 'PBSAuthCookie=T3');
    session.close();
    t.deepEqual(
      seen.slice(0, 3).map(({ body }) => JSON.parse(body).password),
      ['right', 'T1', 'T2'],
    );
    t.regex((await cache.find(HOST, USER))?.ticket ?? '', /^T[2-9]/);
  }));

test('a renewal that fails is a warning, and is tried again', (t) => {
  const give = tickets();
  let requests = 0;
  const handler: Handler = (request, response) => {
    requests += 1;
    if (requests === 2) answer(response, 401, 'not now');
    else give(request, response);
  };
  return withWorld(async ({ options, warnings }) => {
    const session = createSession(options({ secret: secret('right'), renewalMs: 20 }));
    await until(session, 'PBSAuthCookie=T2');
    session.close();
    t.deepEqual(warnings, [
      'the login of ann@pbs could not be renewed: the server did not let ann@pbs in: not now',
    ]);
  }, handler);
});

test('a renewal that an interruption ends is no warning', (t) => {
  const give = tickets();
  const controller = new AbortController();
  let requests = 0;
  let ended = (): void => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const handler: Handler = (request, response) => {
    requests += 1;
    if (requests === 1) return give(request, response);
    // The client hangs up when it has noticed.
    response.once('close', ended);
    return controller.abort(new Error('enough'));
  };
  return withWorld(async ({ options, rest, warnings }) => {
    const server = { ...rest, signal: controller.signal };
    const session = createSession(options({ secret: secret('right'), renewalMs: 20, server }));
    await session.headers('GET');
    await end;
    session.close();
    t.deepEqual(warnings, []);
  }, handler);
});
