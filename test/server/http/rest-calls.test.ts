/** What of a request is looked at before its body is read, and whose share its body takes. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import test from 'ava';
import { AccessError } from '../../../src/server/access/errors.js';
import { BodyRoom } from '../../../src/server/http/body-room.js';
import { endpoint, type OpenEndpoint, type Reply } from '../../../src/server/http/endpoint.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/server/http/limits.js';
import { RestCalls } from '../../../src/server/http/rest-calls.js';
import { parseTarget } from '../../../src/server/http/target.js';
import { type ServiceWorld, withService } from './service-world.js';

const upload = endpoint({
  method: 'POST',
  path: 'upload',
  parameters: { name: { kind: 'text' } },
  bodyLimit: 1000,
  admit: async ({ values }, { authId }) => {
    if (values.name !== authId) throw new AccessError('ACCESS_PERMISSION', 'permission check failed');
  },
  run: async ({ body }) => ({ data: body.length }),
});
const open: OpenEndpoint = {
  ...{ method: 'POST', path: 'open', parameters: { x: { kind: 'text' } } },
  run: async ({ values }) => ({ data: values }),
};

interface World {
  readonly room: BodyRoom;
  readonly openRoom: BodyRoom;
  /** A request whose body is still to come, and the reply to it. */
  send(
    path: string,
    from: { address: string; authorization?: string },
  ): {
    readonly request: IncomingMessage;
    readonly reply: Promise<Reply>;
  };
}

function send(calls: RestCalls): World['send'] {
  return (path, { address, authorization }) => {
    const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: address });
    const url = `/api2/json/${path}`;
    const request = Object.assign(new IncomingMessage(socket), { method: 'POST', url });
    if (authorization !== undefined) request.headers = { authorization };
    const asking = { signal: new AbortController().signal, identified: () => undefined };
    const reply = calls.serve(request, parseTarget(url), asking);
    reply.catch(() => undefined);
    return { request, reply };
  };
}

function withCalls(
  use: (world: World & Pick<ServiceWorld, 'authorization'>) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  return withService(async ({ context, authorization }) => {
    const all = { ...DEFAULT_LIMITS, ...limits };
    const [room, openRoom] = [new BodyRoom(all.bodyBytes), new BodyRoom(all.openBodyBytes)];
    const api = { endpoints: [upload], openEndpoints: [open] };
    const calls = new RestCalls({ context, api, limits: all, room, openRoom });
    await use({ room, openRoom, send: send(calls), authorization });
  });
}

/** Resolves when the room holds so many bytes. */
async function untilUsed(room: BodyRoom, bytes: number): Promise<void> {
  while (room.used !== bytes) await new Promise((resolve) => setImmediate(resolve));
}

test('who may not make a call is told so before the body of bytes is read', (t) =>
  withCalls(async ({ room, send: ask, authorization }) => {
    const [address, mine] = ['10.0.0.1', encodeURIComponent('ann@pbs!laptop')];
    const refused = ask('upload?name=other', { address, authorization });
    refused.request.push('x'.repeat(500));
    await t.throwsAsync(refused.reply, { code: 'ACCESS_PERMISSION' });
    const wrong = ask(`upload?name=${mine}&more=1`, { address, authorization });
    await t.throwsAsync(wrong.reply, { message: /schema does not allow additional properties/ });
    t.is(room.used, 0);
    const { request, reply } = ask(`upload?name=${mine}`, { address, authorization });
    request.push('x'.repeat(500));
    await untilUsed(room, 500);
    request.push(null);
    t.deepEqual(await reply, { data: 500 });
    t.is(room.used, 0);
  }));

test('calls without a login are counted by the /64 of an IPv6 address', (t) =>
  withCalls(
    async ({ send: ask }) => {
      const first = ask('open', { address: '2001:db8:0:1::1' });
      await t.throwsAsync(ask('open', { address: '2001:db8:0:1:ffff::2' }).reply, {
        message: 'too many calls at once, try again later',
      });
      const others = [
        ask('open', { address: '2001:db8:0:2::1' }),
        ask('open', { address: '::ffff:10.0.0.1' }),
      ];
      for (const { request } of [first, ...others]) request.push('x=1');
      for (const { request } of [first, ...others]) request.push(null);
      for (const { reply } of [first, ...others]) t.deepEqual(await reply, { data: { x: '1' } });
    },
    { openCallsPerAddress: 1 },
  ));

test('bodies of strangers have a room of their own, and a /64 a quarter of it', (t) =>
  withCalls(
    async ({ room, openRoom, send: ask, authorization }) => {
      const slow = (address: string, bytes: number) => {
        const asked = ask('open', { address });
        asked.request.push('x'.repeat(bytes));
        return asked;
      };
      const held = [slow('2001:db8:0:1::1', 200), slow('10.0.0.2', 800)];
      await untilUsed(openRoom, 1000);
      const busy = { message: 'too much data at once, try again later' };
      await t.throwsAsync(slow('10.0.0.3', 1).reply, busy);
      held[1]?.request.push(null);
      await t.throwsAsync(held[1]?.reply ?? Promise.resolve());
      await untilUsed(openRoom, 200);
      await t.throwsAsync(slow('2001:db8:0:1::2', 51).reply, busy);
      const name = encodeURIComponent('ann@pbs!laptop');
      const known = ask(`upload?name=${name}`, { address: '10.0.0.1', authorization });
      known.request.push('x'.repeat(1000));
      known.request.push(null);
      t.deepEqual(await known.reply, { data: 1000 });
      held[0]?.request.push(null);
      await untilUsed(openRoom, 0);
      t.is(room.used, 0);
    },
    { bodyBytes: 1000, openBodyBytes: 1000 },
  ));
