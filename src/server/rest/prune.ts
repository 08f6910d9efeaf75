/** Deletes the snapshots of a group that no keep option keeps. rest-api.md §3.1, §3.2. */
import { groupDirectory } from '../../repository/local/layout.js';
import type { KeepOptions, PruneDecision } from '../../repository/management.js';
import { formatGroup, type GroupName, type Namespace } from '../../snapshot/names.js';
import { endpoint } from '../http/endpoint.js';
import { FLAG, GROUP, snapshotFields } from '../specs.js';
import type { RunningTask, TaskBegin } from '../tasks/task-registry.js';
import { leaveJob, runJob } from './jobs.js';
import { enterGroup, type Place } from './place.js';
import { carryOut, decide, groupLine, KEEP, keepOf, keepText } from './prune-group.js';
import { noDirectory, withWords } from './words.js';

function pruneItem(namespace: Namespace, { snapshot, ...fate }: PruneDecision): Record<string, unknown> {
  return { ...snapshotFields(snapshot), ...fate, ...(namespace === '' ? {} : { ns: namespace }) };
}

function taskOf({ datastore, namespace, caller }: Place, group: GroupName): TaskBegin {
  const workerId = `${datastore.name}:${namespace}:${formatGroup(group)}`;
  return { type: 'prune', workerId, authId: caller.authId };
}

/** What the task does. */
function pruning(
  { datastore, namespace }: Place,
  group: GroupName,
  keep: KeepOptions,
  decisions: readonly PruneDecision[],
): (task: RunningTask) => Promise<void> {
  return async (task) => {
    task.log(
      keepText(keep) === ''
        ? 'No prune selection - keeping all files.'
        : `retention options: ${keepText(keep)}`,
    );
    task.log(groupLine(datastore, namespace, group));
    await carryOut(datastore, namespace, decisions, task);
  };
}

export const pruneGroup = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/prune',
  parameters: { ...GROUP, ...KEEP, 'dry-run': FLAG, 'use-task': FLAG },
  async run({ context, values }, caller) {
    const needed = { full: ['Datastore.Modify'], own: ['Datastore.Prune'] } as const;
    const place = await enterGroup(context, caller, values, needed);
    const { datastore, namespace, group } = place;
    const keep = keepOf(values);
    const words = { GROUP_MISSING: noDirectory(groupDirectory(datastore.directory, namespace, group)) };
    const decisions = await withWords(words, () => decide(datastore, namespace, group, keep));
    const list = { data: decisions.map((decision) => pruneItem(namespace, decision)) };
    if (values['dry-run'] === true) return list;
    const [begin, work] = [taskOf(place, group), pruning(place, group, keep, decisions)];
    if (values['use-task'] === true) return { data: leaveJob(context, begin, work) };
    await runJob(context.tasks.begin(begin), work);
    return list;
  },
});
