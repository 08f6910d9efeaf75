/** Tickets, in the reply's text and in a cookie. protocol.md §3.2. */
import test from 'ava';
import { z } from 'zod';
import { noAccess } from '../../../src/server/access/access.js';
import { readSession } from '../../support/replay/recording.js';
import { ADDRESS, PASSWORD } from '../access/access-world.js';
import { type Answered, accessWith, type RestWorld, withContext } from './rest-world.js';

const EXPIRED =
  '__Host-PBSAuthCookie=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; SameSite=Lax; HttpOnly; Path=/;';
const open = z.object({
  data: z.strictObject({
    username: z.literal('ann@pbs'),
    ticket: z.string().regex(/^PBS:ann@pbs:[0-9A-F]{8}::[A-Za-z0-9+/]+$/),
    CSRFPreventionToken: z.string(),
  }),
  status: z.literal(200),
  success: z.literal(true),
});
const hidden = z.object({
  data: z.strictObject({
    username: z.literal('ann@pbs'),
    'ticket-info': z.string().regex(/^PBS:ann@pbs:[0-9A-F]{8}::$/),
    CSRFPreventionToken: z.string(),
  }),
});

function withLogin(use: (world: RestWorld) => Promise<void>): Promise<void> {
  return withContext(new Map(), use);
}

function login(world: RestWorld, body: object, cookie?: string): Promise<Answered> {
  const request = { method: 'POST', target: 'access/ticket', body };
  return world.call(noAccess(), '', { ...request, ...(cookie === undefined ? {} : { cookie }) });
}

test('A password gives a ticket, and a ticket a new one.', (t) =>
  withLogin(async (world) => {
    const first = await login(world, { username: 'ann@pbs', password: PASSWORD });
    t.is(first.cookie, undefined);
    const { ticket } = open.parse(first.body).data;
    world.authentication.clock.seconds += 60;
    const second = open.parse((await login(world, { username: 'ann@pbs', password: ticket })).body);
    t.not(second.data.ticket, ticket);
  }));

test('A login is answered with the fields of the recorded one.', (t) =>
  withLogin(async (world) => {
    const [exchange] = readSession('login.jsonl', 'login-password').connections[0]!.http1;
    const shape = (text: string): unknown =>
      JSON.parse(text, (_, value) => (typeof value === 'string' ? '' : value));
    const { body } = await login(world, { username: 'ann@pbs', password: PASSWORD });
    t.deepEqual(shape(JSON.stringify(body)), shape(exchange!.reply.whole!.toString()));
  }));

test('A ticket in a cookie is not in the text, lets in, and is renewed by the cookie.', (t) =>
  withLogin(async (world) => {
    const body = { username: 'ann@pbs', 'http-only': true };
    const { body: said, cookie = '' } = await login(world, { ...body, password: PASSWORD });
    const { data } = hidden.parse(said);
    t.regex(cookie, /^__Host-PBSAuthCookie=PBS%3A[^;]+; Secure; SameSite=Lax; HttpOnly; Path=\/;$/);
    const [pair = ''] = cookie.split(';');
    t.false(JSON.stringify(said).includes(decodeURIComponent(pair.slice(pair.indexOf('=') + 1))));
    const csrf = data.CSRFPreventionToken;
    const identity = { address: ADDRESS, method: 'POST', cookie: pair, csrf };
    t.is((await world.context.authenticator.authenticate(identity)).authId, 'ann@pbs');
    t.is((await login(world, body, pair)).status, 200);
    t.deepEqual((await login(world, body)).body, 'no password provided');
    t.deepEqual((await login(world, { username: 'ann@pbs' }, pair)).body, 'no password provided');
  }));

test('A wrong password is refused as a real server does.', (t) =>
  withLogin(async (world) => {
    const { status, body } = await login(world, { username: 'ann@pbs', password: 'wrong' });
    t.deepEqual([status, body], [401, 'permission check failed.']);
  }));

test('A logout deletes the cookie.', (t) =>
  withLogin(async (world) => {
    const answer = await world.call(noAccess(), '', { method: 'DELETE', target: 'access/ticket' });
    t.deepEqual(answer, { status: 200, body: { data: null }, cookie: EXPIRED });
  }));

test('Everybody sees himself among the users, an auditor everybody; nobody sees anything secret.', (t) =>
  withLogin(async (world) => {
    const access = accessWith([['bob@pbs', 'Audit', '/']]);
    const users = async (authId: string, query = ''): Promise<unknown> =>
      (await world.call(access, authId, { method: 'GET', target: `access/users${query}` })).body;
    const ann = { userid: 'ann@pbs', enable: true, expire: 0 };
    t.deepEqual(await users('ann@pbs'), { data: [ann] });
    t.deepEqual(await users('ann@pbs!laptop'), { data: [ann] });
    const token = (tokenid: string): object => ({ tokenid, enable: true, expire: 0 });
    t.deepEqual(await users('bob@pbs', '?include_tokens=true'), {
      data: [
        { ...ann, tokens: [token('ann@pbs!laptop'), token('ann@pbs!limited')] },
        { userid: 'bob@pbs', enable: true, expire: 0, comment: 'no tokens', tokens: [] },
        { userid: 'old@pbs', enable: false, expire: 0, tokens: [] },
      ],
    });
  }));
