import test from 'ava';
import fc from 'fast-check';
import { ticketOf, tokenOf } from '../../../src/server/access/request-credentials.js';

/** Text as it comes in a header: a character for each byte of UTF-8. */
const header = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

test('a ticket is found in its cookie, the one of servers of version 4 first', (t) => {
  t.is(ticketOf('PBSAuthCookie=PBS:ann@pbs:6B02DDB3::a+/b'), 'PBS:ann@pbs:6B02DDB3::a+/b');
  t.is(ticketOf('a=1; PBSAuthCookie=one; __Host-PBSAuthCookie=two;b=2'), 'two');
  t.is(ticketOf('PBSAuthCookie=PBS%3Aann%40pbs%3a6B'), 'PBS:ann@pbs:6B');
  t.is(ticketOf('PBSAuthCookie=50%zz%'), '50%zz%');
  t.is(ticketOf(header('PBSAuthCookie=é')), 'é');
  t.is(ticketOf(`PBSAuthCookie=${encodeURIComponent('é')}`), 'é');
});

test('without a cookie there is no ticket, with one that makes no sense an empty one', (t) => {
  for (const none of [undefined, '', 'a=1', 'XPBSAuthCookie=a', 'PBSAuthCookie', 'pbsauthcookie=a'])
    t.is(ticketOf(none), undefined);
  for (const bad of ['PBSAuthCookie=', 'PBSAuthCookie=\xff', 'PBSAuthCookie=%ff', 'x'.repeat(20_000)])
    t.is(ticketOf(bad), '');
});

test('a token comes after a blank or an equals sign, its secret with or without encoding', (t) => {
  const expected = { tokenId: 'ann@pbs!laptop', secret: 's3cr%t x' };
  t.deepEqual(tokenOf('PBSAPIToken ann@pbs!laptop:s3cr%t%20x'), expected);
  t.deepEqual(tokenOf('PBSAPIToken=ann@pbs!laptop:s3cr%25t%20x'), expected);
  t.deepEqual(tokenOf(header('PBSAPIToken é@pbs!laptop:a:b')), { tokenId: 'é@pbs!laptop', secret: 'a:b' });
});

test('anything else is no token', (t) => {
  const bad = [
    undefined,
    '',
    'PBSAPIToken',
    'pbsapitoken ann@pbs!laptop:s',
    'PBSAPIToken\tann@pbs!laptop:s',
    'Basic ann@pbs!laptop:s',
    'PBSAPIToken ann@pbs:s',
    'PBSAPIToken ann@pbs!laptop',
    'PBSAPIToken  ann@pbs!laptop:s',
    'PBSAPIToken ann@pbs!laptop:%ff',
    `PBSAPIToken ann@pbs!laptop:${'s'.repeat(20_000)}`,
  ];
  for (const text of bad) t.is(tokenOf(text), undefined);
});

test('what is encoded as a client does it comes back', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = encodeURIComponent(text);
      t.is(tokenOf(`PBSAPIToken ann@pbs!laptop:${encoded}`)?.secret, text);
      t.is(ticketOf(`PBSAuthCookie=${encoded}`), text);
    }),
  );
});
