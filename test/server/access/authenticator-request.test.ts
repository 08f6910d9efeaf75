import { readFile } from 'node:fs/promises';
import test from 'ava';
import { AccessError } from '../../../src/server/access/errors.js';
import {
  type AccessWorld,
  ADDRESS,
  cookieHeader,
  PASSWORD,
  tokenHeader,
  withAccess,
} from './access-world.js';

type Headers = { method?: string; cookie?: string; authorization?: string; csrf?: string };

function ask({ authenticator }: AccessWorld, headers: Headers): Promise<string> {
  return authenticator
    .authenticate({ address: ADDRESS, method: 'GET', ...headers })
    .then((caller) => caller.authId);
}

/** Status, text and delay of a refusal. */
async function refusal(world: AccessWorld, headers: Headers): Promise<readonly unknown[]> {
  const before = world.clock.pauses.length;
  try {
    return [await ask(world, headers)];
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return [error.status, error.message, ...world.clock.pauses.slice(before)];
  }
}

const REFUSED = [401, 'authentication failed', 3000];

test('a token lets in with either separator and any method, and no CSRF token', (t) =>
  withAccess(async (world) => {
    const authorization = tokenHeader('ann@pbs!laptop', world.secret);
    t.is(await ask(world, { authorization }), 'ann@pbs!laptop');
    t.is(await ask(world, { authorization, method: 'DELETE' }), 'ann@pbs!laptop');
    t.is(await ask(world, { authorization: authorization.replace(' ', '=') }), 'ann@pbs!laptop');
    t.is(world.compared.length, 1);
  }));

test('whatever is wrong, the answer is that of the recorded server', (t) =>
  withAccess(async (world) => {
    const recorded = await readFile('test/fixtures/protocol/errors.jsonl', 'utf8');
    t.true(recorded.includes('"text": "authentication failed"'));
    const { ticket, CSRFPreventionToken: csrf } = await world.authenticator.login({
      address: ADDRESS,
      username: 'ann@pbs',
      password: PASSWORD,
    });
    const authorization = tokenHeader('ann@pbs!laptop', world.secret);
    const wrong = '00000000-0000-0000-0000-000000000000';
    const refused: readonly Headers[] = [
      {},
      { authorization: tokenHeader('ann@pbs!laptop', wrong) },
      { authorization: tokenHeader('nobody@pbs!x', '1') },
      { authorization: tokenHeader('ann@pbs!other', world.secret) },
      { authorization: tokenHeader('ann@pbs!laptop', 'x'.repeat(2000)) },
      { authorization: `Basic ${wrong}` },
      { cookie: 'PBSAuthCookie=PBS:root@pam:00000000::AAAA' },
      { cookie: 'PBSAuthCookie=', authorization },
      { cookie: cookieHeader(`${ticket}x`), authorization },
      { cookie: cookieHeader(ticket), method: 'POST' },
      { cookie: cookieHeader(ticket), method: 'HEAD' },
      { cookie: cookieHeader(ticket), method: 'POST', csrf: `${csrf}x` },
      { cookie: cookieHeader(ticket), method: 'PUT', csrf: '' },
    ];
    for (const headers of refused) t.deepEqual(await refusal(world, headers), REFUSED);
    t.is(await ask(world, { cookie: `a=b; ${cookieHeader(ticket)}`, method: 'PUT', csrf }), 'ann@pbs');
    t.is(await ask(world, { cookie: cookieHeader(encodeURIComponent(ticket)) }), 'ann@pbs');
  }));

test('the delay counts from the start of the request', (t) => {
  const clocks: AccessWorld['clock'][] = [];
  const verify = async (): Promise<boolean> => {
    clocks[0]?.advance(1200);
    return false;
  };
  return withAccess(
    async (world) => {
      clocks.push(world.clock);
      const authorization = tokenHeader('ann@pbs!laptop', 'wrong');
      t.deepEqual(await refusal(world, { authorization }), [401, 'authentication failed', 1800]);
    },
    { verify },
  );
});

test('a token ends when it or its user is disabled, expired or removed, though its secret is remembered', (t) =>
  withAccess(async (world) => {
    const { file, clock } = world;
    const authorization = tokenHeader('ann@pbs!laptop', world.secret);
    const [active, later] = [{ enable: true, expire: 0 }, clock.now() + 60];
    const steps: readonly (readonly [() => Promise<void>, boolean])[] = [
      [() => file.updateToken('ann@pbs!laptop', { enable: false }), false],
      [() => file.updateToken('ann@pbs!laptop', active), true],
      [() => file.updateToken('ann@pbs!laptop', { expire: clock.now() }), false],
      [() => file.updateToken('ann@pbs!laptop', { expire: later }), true],
      [async () => clock.advance(60_000), false],
      [() => file.updateToken('ann@pbs!laptop', active), true],
      [() => file.updateUser('ann@pbs', { enable: false }), false],
      [() => file.updateUser('ann@pbs', { enable: true, expire: clock.now() }), false],
      [() => file.updateUser('ann@pbs', active), true],
      [() => file.removeToken('ann@pbs!laptop'), false],
    ];
    for (const [step, works] of steps) {
      await step();
      t.deepEqual(await refusal(world, { authorization }), works ? ['ann@pbs!laptop'] : REFUSED);
    }
  }));

test('a secret that is far too long is not even computed', (t) =>
  withAccess(async (world) => {
    const authorization = tokenHeader('ann@pbs!laptop', 'x'.repeat(1025));
    t.deepEqual(await refusal(world, { authorization }), REFUSED);
    t.is(world.compared.length, 0);
  }));

test('a token made anew has a new secret only', (t) =>
  withAccess(async (world) => {
    const { file, secret } = world;
    t.is(await ask(world, { authorization: tokenHeader('ann@pbs!laptop', secret) }), 'ann@pbs!laptop');
    await file.removeToken('ann@pbs!laptop');
    const another = await file.addToken('ann@pbs!laptop', {});
    t.deepEqual(await refusal(world, { authorization: tokenHeader('ann@pbs!laptop', secret) }), REFUSED);
    t.is(await ask(world, { authorization: tokenHeader('ann@pbs!laptop', another) }), 'ann@pbs!laptop');
  }));
