import { setTimeout as sleep } from 'node:timers/promises';
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
import { untilSettled } from './settle.js';

const FIVE_MINUTES = 300_000;

function login(
  { authenticator }: AccessWorld,
  password: string,
  address = ADDRESS,
): Promise<{ ticket: string }> {
  return authenticator.login({ address, username: 'ann@pbs', password });
}

function request({ authenticator }: AccessWorld, authorization: string, address = ADDRESS): Promise<unknown> {
  return authenticator.authenticate({ address, method: 'GET', authorization });
}

/** Comparisons that end when they are told to. */
class SlowVerify {
  underway: (() => void)[] = [];
  readonly verify = (): Promise<boolean> =>
    new Promise((resolve) => {
      this.underway.push(() => resolve(false));
    });

  finish(): void {
    for (const end of this.underway.splice(0)) end();
  }
}

/** Waits until so many comparisons run. */
async function untilRunning(slow: SlowVerify, count: number): Promise<void> {
  while (slow.underway.length < count) await sleep(1);
  await untilSettled();
}

test('a secret that was right is computed again after five minutes, or when the file changed', (t) =>
  withAccess(async (world) => {
    const authorization = tokenHeader('ann@pbs!laptop', world.secret);
    const computed = async (): Promise<number> => {
      await request(world, authorization);
      await login(world, PASSWORD);
      return world.compared.length;
    };
    t.is(await computed(), 2);
    t.is(await computed(), 2);
    world.clock.advance(FIVE_MINUTES - 1);
    t.is(await computed(), 2);
    world.clock.advance(1);
    t.is(await computed(), 4);
    await world.file.updateUser('bob@pam', { comment: 'changed' });
    t.is(await computed(), 6);
  }));

test('two comparisons run at once, some wait, and who comes then is told to come later', async (t) => {
  const slow = new SlowVerify();
  await withAccess(
    async (world) => {
      const tries = Array.from({ length: 5 }, (_, i) => login(world, `wrong ${i}`));
      const codes = Promise.all(tries.map((one) => one.catch((error: AccessError) => error.code)));
      const busy = await Promise.race(tries.map((one) => one.catch((error: AccessError) => error.status)));
      t.is(busy, 503);
      await untilRunning(slow, 2);
      t.is(slow.underway.length, 2);
      slow.finish();
      await untilRunning(slow, 2);
      t.is(slow.underway.length, 2);
      slow.finish();
      const ends = (await codes).sort();
      t.deepEqual(ends, ['ACCESS_BUSY', 'ACCESS_LOGIN', 'ACCESS_LOGIN', 'ACCESS_LOGIN', 'ACCESS_LOGIN']);
    },
    { verify: slow.verify, waiting: 2 },
  );
});

test('an address with too many wrong secrets is shut, whoever it asks for, until its time is over', (t) =>
  withAccess(
    async (world) => {
      for (const password of ['a', 'b'])
        await t.throwsAsync(login(world, password), { code: 'ACCESS_LOGIN' });
      const guess = tokenHeader('nobody@pbs!x', '1');
      await t.throwsAsync(request(world, guess), { code: 'ACCESS_AUTHENTICATION' });
      const computed = world.compared.length;
      const error = await t.throwsAsync(login(world, PASSWORD), { instanceOf: AccessError });
      t.deepEqual([error?.code, error?.status], ['ACCESS_LIMITED', 429]);
      await t.throwsAsync(request(world, guess), { code: 'ACCESS_LIMITED' });
      await t.throwsAsync(request(world, tokenHeader('ann@pbs!laptop', world.secret)), {
        code: 'ACCESS_LIMITED',
      });
      t.is(world.compared.length, computed);
      t.truthy((await login(world, PASSWORD, '10.0.0.2')).ticket);
      world.clock.advance(600_000);
      t.truthy((await login(world, PASSWORD)).ticket);
    },
    { attempts: 3 },
  ));

test('many guesses at the same time are no more than many in turn', (t) =>
  withAccess(
    async (world) => {
      const guesses = Array.from({ length: 10 }, (_, i) => login(world, `wrong ${i}`));
      const codes = await Promise.all(guesses.map((one) => one.catch((error: AccessError) => error.code)));
      t.is(codes.filter((code) => code === 'ACCESS_LOGIN').length, 3);
      t.is(codes.filter((code) => code === 'ACCESS_LIMITED').length, 7);
      t.is(world.compared.length, 3);
    },
    { attempts: 3 },
  ));

test('in a shut address those go on who have a ticket or whose token is known, and nobody learns a password', (t) =>
  withAccess(
    async (world) => {
      const authorization = tokenHeader('ann@pbs!laptop', world.secret);
      const { ticket } = await login(world, PASSWORD);
      await request(world, authorization);
      for (const password of ['a', 'b', 'c'])
        await t.throwsAsync(login(world, password), { code: 'ACCESS_LOGIN' });
      await t.throwsAsync(login(world, PASSWORD), { code: 'ACCESS_LIMITED' });
      await t.notThrowsAsync(request(world, authorization));
      await t.notThrowsAsync(login(world, ticket));
      const cookie = cookieHeader(ticket);
      await t.notThrowsAsync(world.authenticator.authenticate({ address: ADDRESS, method: 'GET', cookie }));
    },
    { attempts: 3 },
  ));

test('right secrets, and those for which there was no time, do not count as wrong', async (t) => {
  await withAccess(
    async (world) => {
      for (let i = 0; i < 5; i += 1) {
        await login(world, PASSWORD);
        world.clock.advance(FIVE_MINUTES);
      }
      t.is(world.compared.length, 5);
    },
    { attempts: 1 },
  );
  const slow = new SlowVerify();
  await withAccess(
    async (world) => {
      const first = login(world, 'wrong');
      await untilRunning(slow, 1);
      for (let i = 0; i < 5; i += 1)
        await t.throwsAsync(login(world, `other ${i}`, '10.0.0.2'), { code: 'ACCESS_BUSY' });
      slow.finish();
      await t.throwsAsync(first, { code: 'ACCESS_LOGIN' });
    },
    { verify: slow.verify, attempts: 2, running: 1, waiting: 0 },
  );
});
