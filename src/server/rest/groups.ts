/** Groups. rest-api.md §3.1, §3.2. */
import { describeGroup, listGroups, readOwner } from '../../repository/local/catalogue.js';
import { groupDirectory } from '../../repository/local/layout.js';
import type { DeletionSummary } from '../../repository/management.js';
import type { FileInfo, GroupInfo } from '../../repository/repository.js';
import { MANIFEST_NAME } from '../../snapshot/archive-names.js';
import { CallError } from '../http/call-error.js';
import { endpoint } from '../http/endpoint.js';
import { FLAG, GROUP, groupFields, NS, STORE } from '../specs.js';
import { enter, enterGroup, managementOf, mayHave, NO_WAIT } from './place.js';
import { noDirectory, withWords } from './words.js';

/** Names of files, the manifest first. */
function namesOf(files: readonly FileInfo[]): string[] {
  const names = files.map(({ filename }) => filename);
  const others = names.filter((name) => name !== MANIFEST_NAME);
  return others.length < names.length ? [MANIFEST_NAME, ...others] : others;
}

function groupItem({ group, owner, comment, count, last }: GroupInfo): Record<string, unknown> {
  return {
    ...groupFields(group),
    'last-backup': last?.snapshot.time ?? 0,
    'backup-count': count,
    files: namesOf(last?.files ?? []),
    ...(owner === undefined ? {} : { owner }),
    ...(comment === undefined ? {} : { comment }),
  };
}

/** By the names of the API. */
export function deletionStats({
  groups,
  snapshots,
  protectedSnapshots,
}: DeletionSummary): Record<string, number> {
  return {
    'removed-groups': groups,
    'removed-snapshots': snapshots,
    'protected-snapshots': protectedSnapshots,
  };
}

/** Groups that the caller may see, also those without a snapshot. */
export const groupList = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/groups',
  parameters: { ...STORE, ns: NS },
  async run({ context, values, signal }, caller) {
    const needed = { full: ['Datastore.Audit'], own: ['Datastore.Backup'] } as const;
    const place = enter(context, caller, values, needed);
    const { directory } = place.datastore;
    const data: unknown[] = [];
    for (const group of await listGroups(directory, place.namespace)) {
      signal.throwIfAborted();
      if (!mayHave(place, await readOwner(directory, place.namespace, group))) continue;
      data.push(groupItem(await describeGroup(directory, place.namespace, group)));
    }
    return { data };
  },
});

/** Deletes what is not protected of a group. */
export const deleteGroup = endpoint({
  method: 'DELETE',
  path: 'admin/datastore/{store}/groups',
  parameters: { ...GROUP, 'error-on-protected': FLAG },
  async run({ context, values }, caller) {
    const place = await enterGroup(context, caller, values, {
      full: ['Datastore.Modify'],
      own: ['Datastore.Prune'],
    });
    const { datastore, namespace, group } = place;
    const words = { GROUP_MISSING: noDirectory(groupDirectory(datastore.directory, namespace, group)) };
    const summary = await withWords(words, () =>
      managementOf(place).forgetUnprotected(namespace, group, NO_WAIT),
    );
    if (summary.protectedSnapshots > 0 && values['error-on-protected'] !== false)
      throw new CallError(400, 'group only partially deleted due to protected snapshots');
    return { data: deletionStats(summary) };
  },
});
