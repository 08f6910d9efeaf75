/** What all calls and sessions of a running server share. */
import type { LocalRepository } from '../repository/local/local-repository.js';
import type { Authenticator } from './access/authenticator.js';
import type { Clock } from './access/clock.js';
import type { ByteBudget } from './session/byte-budget.js';
import type { TaskRegistry } from './tasks/task-registry.js';

/** A directory that the server offers under a name. */
export interface Datastore {
  readonly name: string;
  readonly directory: string;
  readonly repository: LocalRepository;
}

/** One line of the server's log: what happened, with fields. */
export type Log = (
  event: string,
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
) => void;

export interface ServerContext {
  readonly datastores: ReadonlyMap<string, Datastore>;
  readonly authenticator: Authenticator;
  readonly tasks: TaskRegistry;
  /** Memory for what is uploaded in all sessions. */
  readonly uploads: ByteBudget;
  /** Memory for what is sent in all sessions. */
  readonly answers: ByteBudget;
  readonly clock: Clock;
  readonly log: Log;
  /** `pbs-instance-id`: 32 hex digits. */
  readonly identity: string;
}
