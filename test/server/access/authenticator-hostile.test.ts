import test from 'ava';
import fc from 'fast-check';
import { AccessError } from '../../../src/server/access/errors.js';
import { withAccess } from './access-world.js';

/** Plain texts, texts that look like the real thing, long ones, and bytes that no text should have. */
const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'ann@pbs',
    'ann@pbs!laptop',
    'PBSAuthCookie=',
    'PBSAPIToken ',
    '__proto__@pbs',
    'constructor',
    '\0',
    '\ud800',
    '%',
    '%00',
    '::',
    'PBS:ann@pbs:FFFFFFFF::',
    'A'.repeat(86),
    'x'.repeat(100_000),
    '@'.repeat(5000),
    '!'.repeat(5000),
    ';'.repeat(5000),
  ),
);
const texts = fc.array(anything, { maxLength: 5 }).map((parts) => parts.join(''));
const maybe = fc.option(texts, { nil: undefined });

async function outcome(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    return error instanceof AccessError && error.status < 500 && error.message.length < 500;
  }
}

const unlimited = { attempts: Number.POSITIVE_INFINITY };

test('no request without a secret gets in, and none ends in anything but an AccessError', async (t) => {
  await withAccess(async ({ authenticator }) => {
    const requests = fc.record({
      address: texts,
      method: texts,
      cookie: fc.option(
        texts.map((text) => `PBSAuthCookie=${text}`),
        { nil: undefined },
      ),
      authorization: fc.option(
        texts.map((text) => `PBSAPIToken ${text}`),
        { nil: undefined },
      ),
      csrf: maybe,
    });
    await fc.assert(
      fc.asyncProperty(requests, (request) => outcome(authenticator.authenticate(request))),
      { numRuns: 500 },
    );
  }, unlimited);
  t.pass();
});

test('no login without the password gets in, and none ends in anything but an AccessError', async (t) => {
  await withAccess(async ({ authenticator }) => {
    const username = fc.oneof(texts, fc.constant('ann@pbs'));
    const requests = fc.record({ address: texts, username, password: maybe });
    await fc.assert(
      fc.asyncProperty(requests, (request) => outcome(authenticator.login(request))),
      { numRuns: 500 },
    );
  }, unlimited);
  t.pass();
});
