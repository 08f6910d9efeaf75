import test from 'ava';
import { noAccess } from '../../../src/server/access/access.js';
import { VerifiedSecrets } from '../../../src/server/access/verified-secrets.js';
import { ManualClock } from './manual-clock.js';

const right = (): Promise<boolean> => Promise.resolve(true);
const wrong = (): Promise<boolean> => Promise.resolve(false);

function sample(limit = 10): { secrets: VerifiedSecrets; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, secrets: new VerifiedSecrets({ clock, lifetime: 300_000, limit }) };
}

test('a secret that was right is known for its time, for its auth id and as it was', async (t) => {
  const { secrets, clock } = sample();
  const access = noAccess();
  t.false(secrets.has(access, 'ann@pbs', 'secret'));
  t.true(await secrets.verify(access, 'ann@pbs', 'secret', right));
  clock.advance(299_999);
  t.true(secrets.has(access, 'ann@pbs', 'secret'));
  t.false(secrets.has(access, 'bob@pbs', 'secret'));
  t.false(secrets.has(access, 'ann@pbs', 'Secret'));
  t.false(secrets.has(access, 'ann@pbss', 'ecret'));
  clock.advance(1);
  t.false(secrets.has(access, 'ann@pbs', 'secret'));
});

test('what was wrong is not known', async (t) => {
  const { secrets } = sample();
  const access = noAccess();
  t.false(await secrets.verify(access, 'ann@pbs', 'secret', wrong));
  t.false(secrets.has(access, 'ann@pbs', 'secret'));
});

test('another state of the access file makes all be forgotten, also what is still being verified', async (t) => {
  const { secrets } = sample();
  const [before, after] = [noAccess(), noAccess()];
  await secrets.verify(before, 'ann@pbs', 'secret', right);
  t.false(secrets.has(after, 'ann@pbs', 'secret'));
  t.false(secrets.has(before, 'ann@pbs', 'secret'));
  const slow = secrets.verify(before, 'ann@pbs', 'secret', right);
  t.false(secrets.has(after, 'ann@pbs', 'secret'));
  t.true(await slow);
  t.false(secrets.has(after, 'ann@pbs', 'secret'));
});

test('the same secret is verified once for all who ask at the same time', async (t) => {
  const { secrets } = sample();
  const access = noAccess();
  let calls = 0;
  const count = async (): Promise<boolean> => {
    calls += 1;
    return false;
  };
  const ask = (secret: string): Promise<boolean> => secrets.verify(access, 'ann@pbs', secret, count);
  t.deepEqual(await Promise.all([ask('a'), ask('a'), ask('b')]), [false, false, false]);
  t.is(calls, 2);
  await ask('a');
  t.is(calls, 3);
});

test('a verification that fails tells all who wait, and is tried again', async (t) => {
  const { secrets } = sample();
  const access = noAccess();
  const fail = (): Promise<boolean> => Promise.reject(new Error('busy'));
  const both = [0, 1].map(() => secrets.verify(access, 'ann@pbs', 'secret', fail));
  for (const one of both) await t.throwsAsync(one, { message: 'busy' });
  t.true(await secrets.verify(access, 'ann@pbs', 'secret', right));
});

test('no more than so many are known, the oldest goes first', async (t) => {
  const { secrets } = sample(2);
  const access = noAccess();
  for (const secret of ['a', 'b', 'a', 'c']) await secrets.verify(access, 'ann@pbs', secret, right);
  const known = ['a', 'b', 'c'].map((secret) => secrets.has(access, 'ann@pbs', secret));
  t.deepEqual(known, [true, false, true]);
});
