/** From a request to the reply of the call that it means. rest-api.md §1. */
import type { IncomingMessage } from 'node:http';
import { userOf } from '../access/auth-id.js';
import { addressKey } from '../access/failed-logins.js';
import type { ServerContext } from '../server-context.js';
import { type BodyOptions, withBody } from './body.js';
import type { BodyRoom } from './body-room.js';
import { CallError } from './call-error.js';
import { CallSlots } from './call-slots.js';
import type { Caller, Endpoint, OpenEndpoint, Reply } from './endpoint.js';
import type { Asking } from './exchange.js';
import { type Limits, PARAMETER_BODY, STRANGER_BODY } from './limits.js';
import { parseParameters, type Values } from './parameters.js';
import { addressOf, identityOf } from './request-identity.js';
import { type Api, type Found, Routes, sessionKind } from './routes.js';
import { querySource, sourceOf } from './source.js';
import type { Target } from './target.js';

export interface RestCallsOptions {
  readonly context: ServerContext;
  readonly api: Api;
  readonly limits: Limits;
  /** For the bodies of calls with a login, and for those without one. */
  readonly room: BodyRoom;
  readonly openRoom: BodyRoom;
}

const NO_BODY = Buffer.alloc(0);

export class RestCalls {
  readonly #context: ServerContext;
  readonly #limits: Limits;
  readonly #room: BodyRoom;
  readonly #openRoom: BodyRoom;
  readonly #routes: Routes;
  readonly #slots: CallSlots;
  /** Strangers must not take the slots of who is known, nor the room for bodies. */
  readonly #openSlots: CallSlots;

  constructor({ context, api, limits, room, openRoom }: RestCallsOptions) {
    this.#context = context;
    this.#limits = limits;
    this.#room = room;
    this.#openRoom = openRoom;
    this.#routes = new Routes(api);
    this.#slots = new CallSlots(limits);
    this.#openSlots = new CallSlots({ calls: limits.openCalls, callsPerCaller: limits.openCallsPerAddress });
  }

  /** Throws CallError, AccessError, and whatever the call throws. */
  async serve(request: IncomingMessage, target: Target, { signal, identified }: Asking): Promise<Reply> {
    const method = request.method ?? '';
    const open = this.#routes.open(method, target);
    if (open !== undefined) return this.#serveOpen(open, request, target, signal);
    const caller = await this.caller(request);
    identified(caller.authId);
    if (method === 'GET' && sessionKind(target) !== undefined)
      throw new CallError(400, 'missing Upgrade header');
    const found = this.#routes.known(method, target);
    return this.#slots.run(caller.authId, () => this.#serveKnown(found, request, target, { caller, signal }));
  }

  /** Who asks. Throws AccessError. */
  async caller(request: IncomingMessage): Promise<Caller> {
    const identity = identityOf(request);
    const { authId, access } = await this.#context.authenticator.authenticate(identity);
    return { authId, access, address: identity.address };
  }

  #serveOpen(
    found: Found<OpenEndpoint>,
    request: IncomingMessage,
    target: Target,
    signal: AbortSignal,
  ): Promise<Reply> {
    const from = { address: addressOf(request), cookie: request.headers.cookie };
    const caller = addressKey(from.address);
    const body: BodyOptions = {
      ...{ limit: STRANGER_BODY, silence: this.#limits.bodySilence, deadline: this.#limits.strangerTimeout },
      ...{ room: this.#openRoom, caller },
    };
    return this.#openSlots.run(caller, () =>
      withBody(request, body, (bytes) => {
        const values = valuesOf(found, request, target, bytes);
        return found.endpoint.run({ context: this.#context, values, body: NO_BODY, signal }, from);
      }),
    );
  }

  async #serveKnown(
    found: Found<Endpoint>,
    request: IncomingMessage,
    target: Target,
    { caller, signal }: { readonly caller: Caller; readonly signal: AbortSignal },
  ): Promise<Reply> {
    const { endpoint } = found;
    const { bodyLimit: limit } = endpoint;
    const common = { silence: this.#limits.bodySilence, room: this.#room, caller: userOf(caller.authId) };
    const call = { context: this.#context, signal };
    if (limit === undefined) {
      return withBody(request, { ...common, limit: PARAMETER_BODY - 1 }, (bytes) => {
        const values = valuesOf(found, request, target, bytes);
        return endpoint.run({ ...call, values, body: NO_BODY }, caller);
      });
    }
    const values = valuesOf(found, request, target, NO_BODY);
    await endpoint.admit?.({ ...call, values }, caller);
    return withBody(request, { ...common, limit }, (body) => endpoint.run({ ...call, values, body }, caller));
  }
}

/** The parameters of a call. Throws CallError 400. */
function valuesOf<E extends Endpoint | OpenEndpoint>(
  { endpoint, path }: Found<E>,
  { headers }: IncomingMessage,
  { query }: Target,
  body: Buffer,
): Values<E['parameters']> {
  const source =
    endpoint.bodyLimit === undefined
      ? sourceOf({ contentType: headers['content-type'], query, body, path })
      : querySource(query, path);
  return parseParameters(endpoint.parameters, source);
}
