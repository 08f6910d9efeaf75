/** Prunes one group as a part of a task. rest-api.md §3.2. */
import { prune } from '../../maintenance/prune.js';
import { RepositoryError } from '../../repository/errors.js';
import type { KeepOptions, PruneDecision } from '../../repository/management.js';
import { formatGroup, formatSnapshot, type GroupName, type Namespace } from '../../snapshot/names.js';
import type { ParameterSpec, ParameterSpecs } from '../http/parameters.js';
import type { Datastore } from '../server-context.js';
import type { RunningTask } from '../tasks/task-registry.js';
import { NO_WAIT } from './place.js';

const COUNT = { kind: 'integer', min: 1, optional: true } as const satisfies ParameterSpec;

/** The keep options. */
export const KEEP = {
  'keep-last': COUNT,
  'keep-hourly': COUNT,
  'keep-daily': COUNT,
  'keep-weekly': COUNT,
  'keep-monthly': COUNT,
  'keep-yearly': COUNT,
} as const satisfies ParameterSpecs;

const NAMES = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** The options that were given. */
export function keepOf(values: { readonly [K in keyof typeof KEEP]: number | undefined }): KeepOptions {
  const given = NAMES.map((name) => [name, values[`keep-${name}`]] as const);
  return Object.fromEntries(given.filter(([, count]) => count !== undefined));
}

/** As a person writes them. */
export function keepText(keep: KeepOptions): string {
  const given = NAMES.filter((name) => keep[name] !== undefined);
  return given.map((name) => `--keep-${name} ${keep[name]}`).join(' ');
}

/** What is to become of each snapshot, oldest first; nothing is deleted. GROUP_MISSING where there is none. */
export function decide(
  { repository }: Datastore,
  namespace: Namespace,
  group: GroupName,
  keep: KeepOptions,
): Promise<PruneDecision[]> {
  return prune(repository, namespace, group, keep, { ...NO_WAIT, dryRun: true });
}

/** Deletes what is not kept, and tells the task. What somebody else has locked or protected stays, with a warning. */
export async function carryOut(
  { repository }: Datastore,
  namespace: Namespace,
  decisions: readonly PruneDecision[],
  task: RunningTask,
): Promise<void> {
  for (const { snapshot, keep, protected: isProtected } of decisions) {
    task.signal.throwIfAborted();
    const text = formatSnapshot(snapshot);
    task.log(`${keep ? (isProtected ? 'protected' : 'keep') : 'remove'} ${text}`);
    if (keep) continue;
    try {
      await repository.forget(namespace, snapshot, NO_WAIT);
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      // Somebody else was faster.
      if (error.code !== 'SNAPSHOT_MISSING') task.warn(`failed to remove ${text} - ${error.message}`);
    }
  }
}

/** The first line about a group. */
export function groupLine(datastore: Datastore, namespace: Namespace, group: GroupName): string {
  const where = namespace === '' ? datastore.name : `${datastore.name}, namespace ${namespace}`;
  return `Starting prune on datastore ${where} group "${formatGroup(group)}"`;
}
