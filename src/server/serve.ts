/** Puts a server together, starts it and stops it. */
import { LocalRepository } from '../repository/local/local-repository.js';
import { Authenticator } from './access/authenticator.js';
import { type Clock, systemClock } from './access/clock.js';
import { LiveAccess } from './access/live-access.js';
import { loadServerKeys } from './access/server-keys.js';
import type { Identity } from './http/certificate.js';
import { DEFAULT_LIMITS, type Limits } from './http/limits.js';
import { ServeError } from './http/serve-error.js';
import {
  checkCertificate,
  instanceId,
  ownCertificate,
  type ServerCertificate,
} from './http/server-identity.js';
import { Service } from './http/service.js';
import { endpoints, openEndpoints } from './rest/endpoints.js';
import type { Datastore, Log, ServerContext } from './server-context.js';
import { ByteBudget } from './session/byte-budget.js';
import { ANSWERS, UPLOADS } from './session/session-limits.js';
import { acceptUpgrade } from './session/upgrade.js';
import { accessFile, keysFile, tasksDirectory } from './state-directory.js';
import { FileTaskRegistry } from './tasks/file-registry.js';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes one that is free. */
  readonly port: number;
  /** What is offered, and under which names. */
  readonly datastores: readonly { readonly name: string; readonly directory: string }[];
  /** For users, keys, the certificate and the logs of tasks; made if it is missing. */
  readonly stateDirectory: string;
  /** Instead of one that the server makes. */
  readonly certificate?: Identity | undefined;
  /** Names and addresses for a certificate that is made. */
  readonly names: readonly string[];
  /** Whoever asks on loopback gets to read `/metrics`. */
  readonly openMetrics: boolean;
  /** What runs, for `/metrics`. */
  readonly version: string;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** From the start of a request to the answer that authentication failed, in milliseconds; 3000. */
  readonly failureDelay?: number;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the certificate, as clients pin it. */
  readonly fingerprint: string;
  /** False as long as nobody can be let in. */
  hasUsers(): Promise<boolean>;
  /**
   * Lets nobody in any more and waits so many milliseconds for calls and sessions; what still runs then is cut. Resolves when nothing
   * runs.
   */
  stop(patience: number): Promise<void>;
}

/** A name for a datastore: protocol.md §1.1. */
const STORE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{2,31}$/;
/** For tasks to end after the last connection, in milliseconds. */
const TASK_PATIENCE = 10_000;

function refuse(problem: string): never {
  throw new ServeError('SERVE_DATASTORE', problem);
}

/**
 * Opens every datastore. A directory comes in once, whatever path leads to it: each repository has a descriptor of its own on the store's
 * lock, and closing any of them would drop the process's lock for all. Throws ServeError, RepositoryError.
 */
async function openDatastores(wanted: ServerOptions['datastores']): Promise<ReadonlyMap<string, Datastore>> {
  const stores = new Map<string, Datastore>();
  const names = new Map<string, string>();
  for (const { name, directory } of wanted) {
    const rule = 'a name has 3 to 32 letters, digits, dots, dashes and underscores';
    if (!STORE_NAME.test(name)) refuse(`'${name}' is no name for a datastore: ${rule}`);
    if (stores.has(name)) refuse(`there are two datastores '${name}'`);
    const repository = await LocalRepository.open(directory, { sync: 'filesystem' });
    for (const identity of await repository.ownDirectories()) {
      const other = names.get(identity);
      if (other !== undefined)
        refuse(`the datastores '${other}' and '${name}' are the same directory, ${directory}`);
      names.set(identity, name);
    }
    stores.set(name, { name, directory, repository });
  }
  return stores;
}

function certificateOf(o: ServerOptions, clock: Clock): Promise<ServerCertificate> | ServerCertificate {
  return o.certificate === undefined
    ? ownCertificate(o.stateDirectory, o.names, clock.now())
    : checkCertificate(o.certificate, 'the certificate');
}

/**
 * Starts a server. Throws ServeError, AccessError and RepositoryError for what it cannot work with, and system errors of its state
 * directory.
 */
export async function startServer(o: ServerOptions): Promise<RunningServer> {
  const { stateDirectory, log, clock = systemClock } = o;
  const limits: Limits = { ...DEFAULT_LIMITS, ...o.limits };
  const datastores = await openDatastores(o.datastores);
  const keys = await loadServerKeys(keysFile(stateDirectory));
  const certificate = await certificateOf(o, clock);
  const access = new LiveAccess(accessFile(stateDirectory));
  const tasks = await FileTaskRegistry.open({ directory: tasksDirectory(stateDirectory), clock, log });
  const { failureDelay } = o;
  const context: ServerContext = {
    datastores,
    authenticator: new Authenticator({
      access,
      keys,
      clock,
      ...(failureDelay === undefined ? {} : { failureDelay }),
    }),
    tasks,
    uploads: new ByteBudget(UPLOADS),
    answers: new ByteBudget(ANSWERS),
    clock,
    log,
    identity: await instanceId(stateDirectory),
  };
  const service = new Service({
    context,
    certificate,
    limits,
    api: { endpoints, openEndpoints },
    accept: acceptUpgrade,
    openMetrics: o.openMetrics,
    version: o.version,
  });
  const address = await service.listen(o.host, o.port);
  return {
    host: address.address,
    port: address.port,
    fingerprint: certificate.fingerprint,
    hasUsers: async () => (await access.current()).users.size > 0,
    stop: async (patience) => {
      await service.stop(patience);
      await Promise.race([tasks.close(), clock.pause(TASK_PATIENCE)]);
    },
  };
}
