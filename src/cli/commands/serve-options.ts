/** Options that `restat serve` and the commands of its users share. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { AccessFile } from '../../server/access/access-file.js';
import { AccessError } from '../../server/access/errors.js';
import { accessFile } from '../../server/state-directory.js';
import { type Invocation, lockOptions, type OptionSpec, optionNumber, optionString } from '../command.js';
import type { Context } from '../context.js';
import { UsageError } from '../errors.js';

/** Where a server of root keeps its state. */
const OF_ROOT = '/var/lib/restat-serve';
const DEFAULT_LOCK_WAIT = 600;

export const stateOptions = {
  'state-dir': {
    type: 'string',
    placeholder: 'DIR',
    description:
      'where users, keys and the certificate are kept (default: /var/lib/restat-serve for root, else $XDG_STATE_HOME/restat/serve)',
  },
} as const satisfies Record<string, OptionSpec>;

/** What commands take that change users, tokens and permissions. */
export const accessOptions = { ...stateOptions, ...lockOptions } as const satisfies Record<
  string,
  OptionSpec
>;

/** The directory of `--state-dir`, or the usual one. */
export function stateDirectory(invocation: Invocation, { env, root }: Context): string {
  const chosen = optionString(invocation, 'state-dir');
  if (chosen !== undefined) return resolve(chosen);
  if (root) return OF_ROOT;
  const named = env['XDG_STATE_HOME'] ?? '';
  return join(isAbsolute(named) ? named : join(homedir(), '.local/state'), 'restat/serve');
}

/** The file of users of the server. */
export function serverAccess(invocation: Invocation, context: Context): AccessFile {
  return new AccessFile(accessFile(stateDirectory(invocation, context)), {
    waitSeconds: optionNumber(invocation, 'lock-wait') ?? DEFAULT_LOCK_WAIT,
  });
}

/** Runs a change. Names, roles, paths and passwords that are none become UsageError for the command; the rest passes. */
export async function changeAccess<T>(command: readonly string[], change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (cause) {
    if (cause instanceof AccessError && cause.code === 'ACCESS_NAME')
      throw new UsageError(cause.message, command, { cause });
    throw cause;
  }
}
