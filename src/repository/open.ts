/** From the value of `--repository` to an open repository. A new kind is one line here. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SyncMode } from './local/session.js';
import type { Transport } from './pbs/connect-tls.js';
import type { Session } from './pbs/credentials.js';
import { type PbsSpec, parsePbsSpec } from './pbs/repository-string.js';
import type { Repository } from './repository.js';

export interface LocalSpec {
  readonly kind: 'local';
  readonly directory: string;
}

export type RepositorySpec = LocalSpec | PbsSpec;

export interface OpenOptions {
  /** Make the store if it does not exist yet: only the embedded default datastore. */
  readonly create: boolean;
  readonly sync: SyncMode;
}

/** How a server is reached. */
export interface ServerConnection {
  readonly transport: Transport;
  readonly session: Session;
  /** Longest time without an answer, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Pauses before attempts to connect again while a snapshot is read, in milliseconds. */
  readonly reconnectDelaysMs: readonly number[];
  /** Ends requests that wait. */
  readonly signal: AbortSignal;
}

/** Parses a repository value (design: repositories). Throws RepositoryError `REPOSITORY_SPEC`. */
export function parseRepository(text: string, home: string = homedir()): RepositorySpec {
  if (text.startsWith('local:'))
    return { kind: 'local', directory: resolve(expandHome(text.slice(6), home)) };
  if (/^(?:\/|\.\/|\.\.\/|~\/)/.test(text) || text === '.') {
    return { kind: 'local', directory: resolve(expandHome(text, home)) };
  }
  return parsePbsSpec(text);
}

function expandHome(text: string, home: string): string {
  return text.startsWith('~/') ? join(home, text.slice(2)) : text;
}

/** Opens a datastore directory; each kind is loaded when it is needed. */
export async function openRepository(spec: LocalSpec, { create, sync }: OpenOptions): Promise<Repository> {
  const { isStore, LocalRepository } = await import('./local/local-repository.js');
  if (create && !(await isStore(spec.directory))) {
    const { createStore } = await import('./local/store.js');
    await createStore(spec.directory, { forServer: false }).catch(async (error: unknown) => {
      // Another first run may have made it meanwhile.
      if (!(await isStore(spec.directory))) throw error;
    });
  }
  return LocalRepository.open(spec.directory, { sync });
}

/** Opens a datastore on a server, which is asked when something is wanted of it. */
export async function openServerRepository(spec: PbsSpec, connection: ServerConnection): Promise<Repository> {
  const { PbsRepository } = await import('./pbs/pbs-repository.js');
  return PbsRepository.open({ spec, ...connection });
}
