/** Prunes all groups of a namespace and below, as a task. rest-api.md §3.1. */
import { RepositoryError } from '../../repository/errors.js';
import { listGroups, readOwner } from '../../repository/local/catalogue.js';
import type { KeepOptions } from '../../repository/management.js';
import { formatSnapshot, type GroupName } from '../../snapshot/names.js';
import { endpoint } from '../http/endpoint.js';
import { DEPTH, FLAG, NS, STORE } from '../specs.js';
import type { RunningTask } from '../tasks/task-registry.js';
import { leaveJob } from './jobs.js';
import { enter, managementOf, mayHave, type Needed, type Place, placeIn } from './place.js';
import { carryOut, decide, groupLine, KEEP, keepOf, keepText } from './prune-group.js';

const NEEDED: Needed = { full: ['Datastore.Modify'], own: ['Datastore.Prune'] };

interface Job {
  readonly keep: KeepOptions;
  readonly dryRun: boolean;
  readonly depth: number | undefined;
}

async function pruneOne(
  { datastore, namespace }: Place,
  group: GroupName,
  { keep, dryRun }: Job,
  task: RunningTask,
): Promise<void> {
  task.log(groupLine(datastore, namespace, group));
  try {
    const decisions = await decide(datastore, namespace, group, keep);
    if (!dryRun) return await carryOut(datastore, namespace, decisions, task);
    for (const each of decisions)
      task.log(`${each.keep ? 'keep' : 'would remove'} ${formatSnapshot(each.snapshot)}`);
  } catch (error) {
    // One group that cannot be pruned does not keep the others from it; one without snapshots needs no pruning.
    if (!(error instanceof RepositoryError)) throw error;
    if (error.code !== 'GROUP_MISSING') task.warn(error.message);
  }
}

async function pruneNamespace(place: Place, job: Job, task: RunningTask): Promise<void> {
  const { directory } = place.datastore;
  for (const group of await listGroups(directory, place.namespace)) {
    task.signal.throwIfAborted();
    if (mayHave(place, await readOwner(directory, place.namespace, group)))
      await pruneOne(place, group, job, task);
  }
}

async function pruneAll(place: Place, job: Job, task: RunningTask): Promise<void> {
  if (keepText(job.keep) === '') return task.log('No prune selection - keeping all files.');
  task.log(`retention options: ${keepText(job.keep)}`);
  for (const { namespace } of await managementOf(place).namespaces(place.namespace, job.depth)) {
    const there = placeIn(place, namespace, NEEDED);
    if (there !== undefined) await pruneNamespace(there, job, task);
  }
}

export const pruneDatastore = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/prune-datastore',
  parameters: { ...STORE, ...KEEP, ns: NS, 'max-depth': DEPTH, 'dry-run': FLAG },
  run({ context, values }, caller) {
    const place = enter(context, caller, values, NEEDED);
    const { datastore, namespace } = place;
    const workerId = namespace === '' ? datastore.name : `${datastore.name}:${namespace}`;
    const job = { keep: keepOf(values), dryRun: values['dry-run'] === true, depth: values['max-depth'] };
    const begin = { type: 'prune', workerId, authId: caller.authId };
    return Promise.resolve({ data: leaveJob(context, begin, (task) => pruneAll(place, job, task)) });
  },
});
