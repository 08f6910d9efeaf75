/** The calls of a server without HTTP: what a request gets as its answer, by its target and body. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LocalRepository } from '../../../src/repository/local/local-repository.js';
import { type Access, accessOf, type User } from '../../../src/server/access/access.js';
import type { AclEntry } from '../../../src/server/access/acl.js';
import type { Role } from '../../../src/server/access/roles.js';
import type { Reply } from '../../../src/server/http/endpoint.js';
import { failureOf } from '../../../src/server/http/failure.js';
import { parseParameters } from '../../../src/server/http/parameters.js';
import { Routes } from '../../../src/server/http/routes.js';
import { querySource, sourceOf } from '../../../src/server/http/source.js';
import { parseTarget } from '../../../src/server/http/target.js';
import { endpoints, openEndpoints } from '../../../src/server/rest/endpoints.js';
import type { Datastore, ServerContext } from '../../../src/server/server-context.js';
import { ByteBudget } from '../../../src/server/session/byte-budget.js';
import { FileTaskRegistry } from '../../../src/server/tasks/file-registry.js';
import { withGoldenStore } from '../../support/golden-store.js';
import { withTemporaryDirectory } from '../../support/world.js';
import { type AccessWorld, ADDRESS, withAccess } from '../access/access-world.js';

export const STORE = 'vectors';
export const IDENTITY = '00112233445566778899aabbccddeeff';

/** What a client reads. */
export interface Answered {
  readonly status: number;
  /** Parsed where the call was well; the text of an error. */
  readonly body: unknown;
  readonly cookie: string | undefined;
  /** Nobody foresaw the error. */
  readonly unexpected?: true;
}

export interface Request {
  readonly method: string;
  /** Below `/api2/json/`, with its query. */
  readonly target: string;
  /** JSON where it is an object, else bytes. */
  readonly body?: object | Buffer;
  /** Of a browser. */
  readonly cookie?: string;
}

const ROUTES = new Routes({ endpoints, openEndpoints });
const NO_BODY = Buffer.alloc(0);

/** Users with what they may do on a path; tokens are those of ann. */
export function accessWith(roles: readonly (readonly [authId: string, role: Role, path?: string])[]): Access {
  const account = { enable: true, expire: 0, comment: '' };
  const hash = { salt: '', hash: '', n: 2, r: 1, p: 1 };
  const tokens = ['laptop', 'limited'].map((name) => ({ name, ...account, secret: hash }));
  const users: User[] = [
    { userid: 'ann@pbs', ...account, tokens },
    { userid: 'bob@pbs', ...account, comment: 'no tokens', tokens: [] },
    { userid: 'old@pbs', ...account, enable: false, tokens: [] },
  ];
  const acl = roles.map(
    ([authId, role, path = `/datastore/${STORE}`]): AclEntry => ({ path, authId, role, propagate: true }),
  );
  return accessOf(users, acl);
}

async function contentOf(reply: Reply): Promise<unknown> {
  if ('bytes' in reply) return reply.bytes;
  if ('stream' in reply) return Buffer.concat(await reply.stream.toArray());
  return JSON.parse(JSON.stringify({ data: reply.data, ...reply.more }));
}

export class RestWorld {
  readonly context: ServerContext;
  readonly tasks: FileTaskRegistry;
  readonly authentication: AccessWorld;
  readonly #signal = new AbortController().signal;

  constructor(context: ServerContext, tasks: FileTaskRegistry, authentication: AccessWorld) {
    this.context = context;
    this.tasks = tasks;
    this.authentication = authentication;
  }

  /** The directory of the datastore. */
  get directory(): string {
    return this.context.datastores.get(STORE)!.directory;
  }

  /** One call by somebody. */
  async call(access: Access, authId: string, request: Request): Promise<Answered> {
    try {
      const reply = await this.#run(access, authId, request);
      const cookie = 'data' in reply ? reply.cookie : undefined;
      return { status: 200, body: await contentOf(reply), cookie };
    } catch (error) {
      const { status, text, unexpected } = failureOf(error);
      return { status, body: text, cookie: undefined, ...(unexpected ? { unexpected } : {}) };
    }
  }

  #run(access: Access, authId: string, { method, target, body, cookie }: Request): Promise<Reply> {
    const parsed = parseTarget(`/api2/json/${target}`);
    const bytes =
      body === undefined ? NO_BODY : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const contentType = body === undefined ? undefined : 'application/json';
    const { context } = this;
    const open = ROUTES.open(method, parsed);
    const { endpoint, path } = open ?? ROUTES.known(method, parsed);
    const { query } = parsed;
    const source =
      endpoint.bodyLimit === undefined
        ? sourceOf({ contentType, query, body: bytes, path })
        : querySource(query, path);
    const call = {
      context,
      values: parseParameters(endpoint.parameters, source),
      body: bytes,
      signal: this.#signal,
    };
    if (open !== undefined) return open.endpoint.run(call, { address: ADDRESS, cookie });
    return ROUTES.known(method, parsed).endpoint.run(call, { authId, access, address: ADDRESS });
  }
}

/** A server over these datastores. */
export async function withContext(
  datastores: ReadonlyMap<string, Datastore>,
  use: (world: RestWorld) => Promise<void>,
): Promise<void> {
  await withTemporaryDirectory((state) =>
    withAccess(async (authentication) => {
      const { clock, authenticator } = authentication;
      const log = (): undefined => undefined;
      const tasks = await FileTaskRegistry.open({ directory: join(state, 'tasks'), clock, log });
      const memory = new ByteBudget({ limit: 1, share: 1 });
      const sessions = { uploads: memory, answers: memory };
      const context = { datastores, authenticator, tasks, ...sessions, clock, log, identity: IDENTITY };
      await use(new RestWorld(context, tasks, authentication));
      await tasks.close();
    }),
  );
}

async function withStore(directory: string, use: (world: RestWorld) => Promise<void>): Promise<void> {
  const repository = await LocalRepository.open(directory, { sync: 'none' });
  await withContext(new Map([[STORE, { name: STORE, directory, repository }]]), use);
}

/** A server over a copy of the golden datastore. */
export function withGolden(use: (world: RestWorld) => Promise<void>): Promise<void> {
  return withGoldenStore((store) => withStore(store, use));
}

/** A server over an empty datastore. */
export function withEmptyStore(use: (world: RestWorld) => Promise<void>): Promise<void> {
  return withTemporaryDirectory((directory) => {
    mkdirSync(join(directory, '.chunks'));
    return withStore(directory, use);
  });
}
