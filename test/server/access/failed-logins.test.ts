import test from 'ava';
import fc from 'fast-check';
import { AccessError } from '../../../src/server/access/errors.js';
import { addressKey, FailedLogins } from '../../../src/server/access/failed-logins.js';
import { ManualClock } from './manual-clock.js';

function sample(addresses = 100): { failed: FailedLogins; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, failed: new FailedLogins({ clock, attempts: 3, window: 600_000, addresses }) };
}

function isShut(failed: FailedLogins, address: string): boolean {
  try {
    failed.check(address);
    return false;
  } catch (error) {
    return error instanceof AccessError && error.code === 'ACCESS_LIMITED';
  }
}

function attempts(failed: FailedLogins, address: string, count: number): void {
  for (let i = 0; i < count; i += 1) failed.attempt(address);
}

test('an address with too many attempts is shut until its time is over, others are not', (t) => {
  const { failed, clock } = sample();
  attempts(failed, '10.0.0.1', 2);
  t.false(isShut(failed, '10.0.0.1'));
  clock.advance(300_000);
  attempts(failed, '10.0.0.1', 1);
  t.true(isShut(failed, '10.0.0.1'));
  t.false(isShut(failed, '10.0.0.2'));
  clock.advance(299_999);
  t.true(isShut(failed, '10.0.0.1'));
  clock.advance(1);
  t.false(isShut(failed, '10.0.0.1'));
});

test('an attempt that was right after all does not count, the wrong ones before it still do', (t) => {
  const { failed } = sample();
  attempts(failed, '10.0.0.1', 2);
  for (let i = 0; i < 10; i += 1) failed.attempt('10.0.0.1')();
  t.false(isShut(failed, '10.0.0.1'));
  attempts(failed, '10.0.0.1', 1);
  t.true(isShut(failed, '10.0.0.1'));
});

test('the table has a limit: the address that was quiet longest is forgotten', (t) => {
  const { failed } = sample(3);
  attempts(failed, '10.0.0.1', 2);
  attempts(failed, '10.0.0.2', 3);
  attempts(failed, '10.0.0.1', 1);
  attempts(failed, '10.0.0.3', 3);
  attempts(failed, '10.0.0.4', 3);
  const shut = [1, 2, 3, 4].map((i) => isShut(failed, `10.0.0.${i}`));
  t.deepEqual(shut, [true, false, true, true]);
});

test('IPv6 addresses count by /64, mapped ones as what they are, nonsense in one', (t) => {
  const keys: readonly (readonly [string, string])[] = [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:0DB8::1:9:9:9:9', '2001:db8:0:1::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::10.0.0.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:10.0.0.1', '1:2:3:4::/64'],
    ['', 'unknown'],
    ['not an address', 'unknown'],
    ['::ffff:999.0.0.1', 'unknown'],
  ];
  for (const [address, key] of keys) t.is(addressKey(address), key);
});

test('any IPv6 address has the /64 that its bytes say', (t) => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (all) => {
      const long = all.map((group) => group.toString(16)).join(':');
      const short = new URL(`http://[${long}]`).hostname.slice(1, -1);
      const expected = `${all
        .slice(0, 4)
        .map((group) => group.toString(16))
        .join(':')}::/64`;
      t.is(addressKey(long), expected);
      if (!short.startsWith('::ffff:')) t.is(addressKey(short), expected);
    }),
  );
});
