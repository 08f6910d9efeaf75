/** A directory with a datastore that is used as it is, or through `restat serve`. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Running, type RunOptions, type RunResult, restat, restatOk, startRestat } from './cli.js';
import { withServed } from './served.js';
import { withTemporaryDirectory } from './world.js';

export type PlaceKind = 'local' | 'served';
export const PLACES: readonly PlaceKind[] = ['local', 'served'];

export interface Place {
  readonly directory: string;
  /** The datastore's directory. */
  readonly store: string;
  /** `restat ARGS…` with the repository. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts it. */
  start(args: readonly string[], options?: RunOptions): Running;
  /** The same for what has to succeed. */
  ok(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** Calls `use` with a new datastore. */
export function withPlace<T>(kind: PlaceKind, use: (place: Place) => Promise<T>): Promise<T> {
  return withTemporaryDirectory(async (directory) => {
    const store = join(directory, 'store');
    await restatOk(['datastore', 'create', store]);
    const enter = (repository: string, env: Readonly<Record<string, string>>): Promise<T> => {
      const words = (args: readonly string[]): string[] => [...args, '--repository', repository];
      const withEnv = (options: RunOptions = {}): RunOptions => ({
        ...options,
        env: { ...env, ...options.env },
      });
      return use({
        directory,
        store,
        start: (args, options) => startRestat(words(args), withEnv(options)),
        run: (args, options) => restat(words(args), withEnv(options)),
        ok: (args, options) => restatOk(words(args), withEnv(options)),
      });
    };
    if (kind === 'local') return enter(store, {});
    const state = join(directory, 'state');
    await mkdir(state, { mode: 0o700 });
    return withServed(store, state, ({ repository, env }) => enter(repository, env));
  });
}
