import { readFile } from 'node:fs/promises';
import test from 'ava';
import { AccessError } from '../../../src/server/access/errors.js';
import { type AccessWorld, ADDRESS, cookieHeader, PASSWORD, withAccess } from './access-world.js';

/** Status and text of a refusal, and how long it was held back. */
async function refusal(
  { authenticator, clock }: AccessWorld,
  username: string,
  password: string | undefined,
): Promise<readonly [number, string, number | undefined]> {
  const before = clock.pauses.length;
  try {
    await authenticator.login({ address: ADDRESS, username, password });
  } catch (error) {
    if (error instanceof AccessError) return [error.status, error.message, clock.pauses[before]];
  }
  throw new Error('not refused');
}

test('a password gets a ticket that lets in, and writes with its CSRF token', (t) =>
  withAccess(async ({ authenticator }) => {
    const reply = await authenticator.login({ address: ADDRESS, username: 'ann@pbs', password: PASSWORD });
    t.deepEqual(Object.keys(reply).sort(), ['CSRFPreventionToken', 'ticket', 'username']);
    t.is(reply.username, 'ann@pbs');
    const cookie = cookieHeader(reply.ticket);
    const reading = await authenticator.authenticate({ address: ADDRESS, method: 'GET', cookie });
    t.is(reading.authId, 'ann@pbs');
    t.true(reading.access.users.has('ann@pbs'));
    const csrf = reply.CSRFPreventionToken;
    for (const method of ['POST', 'PUT', 'DELETE'])
      t.is((await authenticator.authenticate({ address: ADDRESS, method, cookie, csrf })).authId, 'ann@pbs');
  }));

test('a ticket gets another ticket for its user, without a scrypt computation', (t) =>
  withAccess(async ({ authenticator, clock, compared, file }) => {
    await file.addUser('eve@pbs', {}, 'another password');
    const first = await authenticator.login({ address: ADDRESS, username: 'ann@pbs', password: PASSWORD });
    clock.advance(3_600_000);
    const { ticket } = await authenticator.login({
      address: ADDRESS,
      username: 'ann@pbs',
      password: first.ticket,
    });
    t.not(ticket, first.ticket);
    t.is(compared.length, 1);
    for (const username of ['eve@pbs', 'nobody@pbs'])
      await t.throwsAsync(authenticator.login({ address: ADDRESS, username, password: ticket }), {
        code: 'ACCESS_LOGIN',
      });
    clock.advance(7_201_000);
    await t.throwsAsync(authenticator.login({ address: ADDRESS, username: 'ann@pbs', password: ticket }), {
      code: 'ACCESS_LOGIN',
    });
    t.is(compared.length, 1);
  }));

test('a refused login has status, text and delay of the recorded server', (t) =>
  withAccess(async (world) => {
    const recorded = await readFile('test/fixtures/protocol/login.jsonl', 'utf8');
    t.true(recorded.includes('HTTP/1.1 401 Unauthorized') && recorded.includes('"permission check failed."'));
    const wrong = [401, 'permission check failed.', 3000];
    t.deepEqual(await refusal(world, 'ann@pbs', 'wrong'), wrong);
    t.deepEqual(await refusal(world, 'ann@pbs', ''), wrong);
    t.deepEqual(await refusal(world, 'nobody@pbs', PASSWORD), wrong);
    t.deepEqual(await refusal(world, 'bob@pam', PASSWORD), wrong);
    t.deepEqual(await refusal(world, 'ann@pbs', undefined), [400, 'no password provided', undefined]);
    const parameter = (name: string, why: string): readonly [number, string, undefined] => [
      400,
      `parameter verification failed - '${name}': ${why}`,
      undefined,
    ];
    const pattern = 'value does not match the regex pattern';
    t.deepEqual(await refusal(world, 'ann@pbs!laptop', world.secret), parameter('username', pattern));
    t.deepEqual(await refusal(world, 'ann\0@pbs', 'x'), parameter('username', pattern));
    t.deepEqual(
      await refusal(world, 'ann@pbs', 'x'.repeat(1025)),
      parameter('password', 'value may only be 1024 characters long'),
    );
  }));

test('who is disabled or expired does not get in, with password nor ticket', (t) =>
  withAccess(async ({ authenticator, file, clock }) => {
    const attempt = (password: string): Promise<unknown> =>
      authenticator.login({ address: ADDRESS, username: 'ann@pbs', password });
    const { ticket } = await authenticator.login({
      address: ADDRESS,
      username: 'ann@pbs',
      password: PASSWORD,
    });
    const changes = [{ enable: false }, { enable: true, expire: clock.now() }, { expire: clock.now() - 1 }];
    for (const change of changes) {
      await file.updateUser('ann@pbs', change);
      for (const password of [PASSWORD, ticket])
        await t.throwsAsync(attempt(password), { code: 'ACCESS_LOGIN' });
      await t.throwsAsync(
        authenticator.authenticate({ address: ADDRESS, method: 'GET', cookie: cookieHeader(ticket) }),
        { code: 'ACCESS_AUTHENTICATION' },
      );
    }
    await file.updateUser('ann@pbs', { expire: clock.now() + 1 });
    await t.notThrowsAsync(attempt(PASSWORD));
    await t.notThrowsAsync(attempt(ticket));
  }));

test('another password ends the old one and its tickets at once', (t) =>
  withAccess(async ({ authenticator, file }) => {
    const attempt = (password: string): Promise<{ ticket: string }> =>
      authenticator.login({ address: ADDRESS, username: 'ann@pbs', password });
    const { ticket } = await attempt(PASSWORD);
    await file.setPassword('ann@pbs', 'battery staple');
    await t.throwsAsync(attempt(PASSWORD), { code: 'ACCESS_LOGIN' });
    await t.throwsAsync(attempt(ticket), { code: 'ACCESS_LOGIN' });
    t.truthy((await attempt('battery staple')).ticket);
  }));

test('who does not exist costs the same computation as who does', (t) =>
  withAccess(async ({ authenticator, compared }) => {
    for (const username of ['ann@pbs', 'nobody@pbs', 'bob@pam'])
      await t.throwsAsync(authenticator.login({ address: ADDRESS, username, password: 'wrong' }), {
        code: 'ACCESS_LOGIN',
      });
    t.deepEqual(
      compared.map(({ n, r, p }) => [n, r, p]),
      [
        [2, 1, 1],
        [2, 1, 1],
        [2, 1, 1],
      ],
    );
    t.is(new Set(compared.map(({ hash }) => hash)).size, 2);
  }));

test('a password that begins as a ticket does is a password', (t) =>
  withAccess(async ({ authenticator, file }) => {
    await file.setPassword('ann@pbs', 'PBS:ann@pbs:secret');
    const reply = await authenticator.login({
      address: ADDRESS,
      username: 'ann@pbs',
      password: 'PBS:ann@pbs:secret',
    });
    t.is(reply.username, 'ann@pbs');
  }));
