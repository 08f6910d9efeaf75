/** Which repository a command works on, and how snapshots are named on the command line. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RepositoryError } from '../repository/errors.js';
import type { SyncMode } from '../repository/local/session.js';
import { openRepository, openServerRepository } from '../repository/open.js';
import type { Repository } from '../repository/repository.js';
import {
  formatSnapshot,
  type Namespace,
  parseGroup,
  parseNamespace,
  parseSnapshot,
  type SnapshotName,
} from '../snapshot/names.js';
import { type Invocation, optionNumber, optionString } from './command.js';
import type { Context } from './context.js';
import { namedRepository } from './server-options.js';
import { parseWords } from './usage.js';

const DEFAULT_LOCK_WAIT = 600;

/** Directory of the datastore that is used when none is named. */
export function defaultStore(context: Context): string {
  if (context.root) return '/var/lib/restat/store';
  return join(context.env['XDG_DATA_HOME'] || join(homedir(), '.local/share'), 'restat/store');
}

/** Opens the repository that options or the environment name, or the embedded default datastore. */
export async function commandRepository(
  invocation: Invocation,
  context: Context,
  { create, sync }: { create: boolean; sync: SyncMode } = { create: false, sync: 'none' },
): Promise<Repository> {
  const spec = await namedRepository(invocation, context);
  if (spec === undefined)
    return openRepository({ kind: 'local', directory: defaultStore(context) }, { create, sync });
  if (spec.kind === 'local') return openRepository(spec, { create: false, sync });
  const { connectServer } = await import('./server-connection.js');
  return openServerRepository(spec, await connectServer(spec, invocation, context));
}

/** The same for commands that change it: what they did is on disk when they end. */
export function changedRepository(invocation: Invocation, context: Context): Promise<Repository> {
  return commandRepository(invocation, context, { create: false, sync: 'filesystem' });
}

export function commandNamespace(invocation: Invocation, context: Context): Namespace {
  const text = optionString(invocation, 'ns') ?? context.env['PBS_NAMESPACE'] ?? '';
  return parseWords([], () => parseNamespace(text));
}

export function lockWait(
  invocation: Invocation,
  context: Context,
): { waitSeconds: number; signal: AbortSignal } {
  return { waitSeconds: optionNumber(invocation, 'lock-wait') ?? DEFAULT_LOCK_WAIT, signal: context.signal };
}

/** A snapshot, or the newest finished one of a group. */
export async function findSnapshot(
  repository: Repository,
  namespace: Namespace,
  text: string,
): Promise<SnapshotName> {
  if (text.split('/').length !== 2) return parseWords([], () => parseSnapshot(text));
  const group = parseWords([], () => parseGroup(text));
  const snapshots = await repository.snapshots(namespace, group);
  const newest = snapshots.filter(({ finished, problem }) => finished || problem !== undefined).at(-1);
  if (newest?.problem !== undefined) {
    const name = formatSnapshot(newest.snapshot);
    throw new RepositoryError(
      'ARCHIVE_DAMAGED',
      `the newest snapshot ${name} cannot be read; name an older one to restore that: ${newest.problem}`,
    );
  }
  if (newest === undefined)
    throw new RepositoryError('GROUP_MISSING', `group ${text} has no finished snapshot`);
  return newest.snapshot;
}
