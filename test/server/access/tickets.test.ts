import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import type { ServerKeys } from '../../../src/server/access/server-keys.js';
import { looksLikeTicket, Tickets } from '../../../src/server/access/tickets.js';

const NOW = 0x6b02ddb2;

function newKeys(fill: number): ServerKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { signing: privateKey, verifying: publicKey, csrf: createSecretKey(Buffer.alloc(32, fill)) };
}

const tickets = new Tickets(newKeys(1));
const bound = (): string => 'salt and hash';
const ticket = tickets.issue('ann@pbs', bound(), NOW);
const csrf = tickets.issueCsrf('ann@pbs', NOW);

/** Ticket and CSRF token that a real server gave. */
async function recorded(): Promise<{ ticket: string; csrf: string }> {
  const text = await readFile('test/fixtures/protocol/login.jsonl', 'utf8');
  const find = (pattern: RegExp): string => pattern.exec(text)![1]!;
  return {
    ticket: find(/\\"ticket\\":\\"([^"\\]+)\\"/),
    csrf: find(/\\"CSRFPreventionToken\\":\\"([^"\\]+)\\"/),
  };
}

test('tickets and CSRF tokens have the form of those of a real server', async (t) => {
  const real = await recorded();
  const form = (text: string): string => text.replace(/[A-Za-z0-9+/]{43,}$/, (mac) => `<${mac.length}>`);
  t.is(form(real.ticket), 'PBS:ann@pbs:6B02DDB2::<86>');
  t.is(form(ticket), form(real.ticket));
  t.is(form(csrf), form(real.csrf));
  t.true(looksLikeTicket(real.ticket));
  t.is(tickets.open(real.ticket, bound, NOW), undefined);
  t.false(tickets.checkCsrf(real.csrf, 'ann@pbs', NOW));
});

test('a ticket is good for 2 hours, and for 5 minutes before it was made', (t) => {
  const opens = (age: number): boolean => tickets.open(ticket, bound, NOW + age) === 'ann@pbs';
  const fits = (age: number): boolean => tickets.checkCsrf(csrf, 'ann@pbs', NOW + age);
  for (const good of [opens, fits]) {
    t.deepEqual([-301, -300, 0, 7200, 7201].map(good), [false, true, true, true, false]);
  }
});

test('a ticket of another server, another user or another password is none', (t) => {
  const other = new Tickets(newKeys(2));
  t.is(other.open(ticket, bound, NOW), undefined);
  t.false(other.checkCsrf(csrf, 'ann@pbs', NOW));
  t.is(tickets.open(ticket.replace('ann', 'bob'), bound, NOW), undefined);
  t.is(
    tickets.open(ticket, () => 'another', NOW),
    undefined,
  );
  t.is(
    tickets.open(ticket, () => undefined, NOW),
    undefined,
  );
  t.false(tickets.checkCsrf(csrf, 'bob@pbs', NOW));
});

test('a ticket or CSRF token with any character changed is none', (t) => {
  const change = fc.tuple(fc.nat({ max: ticket.length - 1 }), fc.string({ unit: 'grapheme', maxLength: 1 }));
  fc.assert(
    fc.property(change, ([at, character]) => {
      const changed = ticket.slice(0, at) + character + ticket.slice(at + 1);
      const place = at % csrf.length;
      const other = csrf.slice(0, place) + character + csrf.slice(place + 1);
      return (
        (changed === ticket || tickets.open(changed, bound, NOW) === undefined) &&
        (other === csrf || !tickets.checkCsrf(other, 'ann@pbs', NOW))
      );
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('the unused bits at the end of a ticket must be zero', (t) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const last = alphabet.indexOf(ticket.at(-1)!);
  const twin = ticket.slice(0, -1) + alphabet[last + 1]!;
  t.true(looksLikeTicket(twin));
  t.is(tickets.open(twin, bound, NOW), undefined);
});

test('any text is opened without an exception, and what is too long is not looked at', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.string(), (text, user) => {
      const made = `PBS:${text}:${'0'.repeat(8)}::${'A'.repeat(86)}`;
      return (
        [text, made].every((one) => tickets.open(one, bound, NOW) === undefined) &&
        !tickets.checkCsrf(text, user, NOW)
      );
    }),
  );
  t.false(looksLikeTicket(`PBS:${'x'.repeat(1_000_000)}:00000000::${'A'.repeat(86)}`));
  t.is(tickets.open('PBS:'.repeat(1_000_000), bound, NOW), undefined);
});
