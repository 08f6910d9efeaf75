import test from 'ava';
import fc from 'fast-check';
import {
  ownsGroupOf,
  parseAuthId,
  parseTokenId,
  parseUserId,
  splitTokenId,
  userIdProblem,
  userOf,
} from '../../../src/server/access/auth-id.js';
import { AccessError } from '../../../src/server/access/errors.js';

const LONG = 'a'.repeat(60);

test('users have a name without blanks, colons and slashes, and a realm', (t) => {
  for (const name of ['root@pam', 'ann@pbs', 'a@b@pbs', 'a!b@pbs', 'é@x_', `${LONG}@pbs`, '𝒜@pbs'])
    t.is(parseUserId(name), name);
  const bad = [
    '',
    'a',
    'ann',
    '@pbs',
    'ann@',
    'ann@p',
    'ann@-pbs',
    'a b@pbs',
    'a:b@pbs',
    'a/b@pbs',
    'a\0@pbs',
  ];
  for (const name of [
    ...bad,
    'ann@pbs!tok',
    '\ud800@pbs',
    `ann@${'r'.repeat(33)}`,
    `${LONG}x@pbs`,
    'ann@pbs\n',
  ])
    t.throws(() => parseUserId(name), { instanceOf: AccessError, code: 'ACCESS_NAME' });
});

test('what is wrong with a user is said in the words of the server', (t) => {
  t.is(userIdProblem('a'), 'value must be at least 3 characters long');
  t.is(userIdProblem('x'.repeat(1_000_000)), 'value may only be 64 characters long');
  t.is(userIdProblem('ann:pbs'), 'value does not match the regex pattern');
});

test('a token is a user, the first ! after the last @, and a safe name', (t) => {
  t.deepEqual(splitTokenId('ann@pbs!laptop'), { userId: 'ann@pbs', name: 'laptop' });
  t.deepEqual(splitTokenId('a!b@c@pbs!x'), { userId: 'a!b@c@pbs', name: 'x' });
  t.is(parseAuthId('ann@pbs!x'), 'ann@pbs!x');
  for (const id of ['ann@pbs', 'ann@pbs!', 'ann@pbs!a!b', 'ann@pbs!-x', '!x', 'a!b@pbs', `ann@pbs!${LONG}`])
    t.is(splitTokenId(id), undefined);
  t.deepEqual(parseTokenId('ann@pbs!lap'), { userId: 'ann@pbs', name: 'lap' });
  t.throws(() => parseTokenId('ann@pbs!la'), { code: 'ACCESS_NAME' });
});

test('a user owns the groups of its tokens, a token not those of its user', (t) => {
  t.true(ownsGroupOf('ann@pbs', 'ann@pbs'));
  t.true(ownsGroupOf('ann@pbs', 'ann@pbs!laptop'));
  t.true(ownsGroupOf('ann@pbs!laptop', 'ann@pbs!laptop'));
  t.false(ownsGroupOf('ann@pbs!laptop', 'ann@pbs'));
  t.false(ownsGroupOf('ann@pbs!limited', 'ann@pbs!laptop'));
  t.false(ownsGroupOf('bob@pbs', 'ann@pbs!laptop'));
  t.is(userOf('ann@pbs!laptop'), 'ann@pbs');
  t.is(userOf('ann@pbs'), 'ann@pbs');
});

test('any text is a name or refused with a short message', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      try {
        parseAuthId(text);
      } catch (error) {
        return error instanceof AccessError && error.message.length < 700;
      }
      return text.length <= 128 && !/[\s\p{Cc}:/]/u.test(text);
    }),
  );
  t.pass();
});
