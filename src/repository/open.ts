/** From the value of `--repository` to an open repository. A new kind is one line here. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { RepositoryError } from './errors.js';
import type { SyncMode } from './local/session.js';
import type { Repository } from './repository.js';

export type RepositorySpec = { readonly kind: 'local'; readonly directory: string };

export interface OpenOptions {
  /** Make the store if it does not exist yet: only the embedded default datastore. */
  readonly create: boolean;
  readonly sync: SyncMode;
}

/** Parses a repository value (design: repositories). Throws RepositoryError `REPOSITORY_SPEC`. */
export function parseRepository(text: string, home: string = homedir()): RepositorySpec {
  if (text.startsWith('local:'))
    return { kind: 'local', directory: resolve(expandHome(text.slice(6), home)) };
  if (/^(?:\/|\.\/|\.\.\/|~\/)/.test(text) || text === '.') {
    return { kind: 'local', directory: resolve(expandHome(text, home)) };
  }
  throw new RepositoryError(
    'REPOSITORY_SPEC',
    `'${text}' names a server, which this version cannot reach yet; a directory begins with /, ./, ../, ~/ or local:`,
  );
}

function expandHome(text: string, home: string): string {
  return text.startsWith('~/') ? join(home, text.slice(2)) : text;
}

/** Opens a repository; each kind is loaded when it is needed. */
export async function openRepository(
  spec: RepositorySpec,
  { create, sync }: OpenOptions,
): Promise<Repository> {
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
