/** The datastores themselves. rest-api.md §2, §3.2. */
import { listGroups, listSnapshots, readOwner } from '../../repository/local/catalogue.js';
import { type GroupName, ROOT_NAMESPACE } from '../../snapshot/names.js';
import { datastorePath } from '../access/acl.js';
import { hasAny, hasAnyBelow } from '../access/privileges.js';
import type { Privilege } from '../access/roles.js';
import { findDatastore } from '../find-datastore.js';
import { endpoint } from '../http/endpoint.js';
import { FLAG, STORE } from '../specs.js';
import { enter, mayHave, type Needed, type Place, placeIn } from './place.js';
import { requireAnyBelow } from './visible.js';

const NEEDED: Needed = { full: ['Datastore.Audit'], own: ['Datastore.Backup'] };
const SEES: readonly Privilege[] = [...NEEDED.full, ...NEEDED.own];
const BACKEND = { 'backend-type': 'filesystem' };
/** For those who may see only a part of the datastore. */
const NO_FIGURES = { total: 0, used: 0, avail: 0, ...BACKEND };

/** Datastores in which the caller may see something. */
export const datastoreList = endpoint({
  method: 'GET',
  path: 'admin/datastore',
  parameters: {},
  run({ context }, { access, authId }) {
    const data = [...context.datastores.keys()]
      .filter((store) => hasAnyBelow(access.table, authId, datastorePath(store, ROOT_NAMESPACE), SEES))
      .sort()
      .map((store) => ({ store, 'mount-status': 'nonremovable', ...BACKEND }));
    return Promise.resolve({ data });
  },
});

interface Counts {
  readonly groups: number;
  readonly snapshots: number;
}

/** Groups of a place that the caller may see. */
async function groupsIn(place: Place): Promise<GroupName[]> {
  const { directory } = place.datastore;
  const groups = await listGroups(directory, place.namespace);
  if (place.full) return groups;
  const owners = await Promise.all(groups.map((group) => readOwner(directory, place.namespace, group)));
  return groups.filter((_, i) => mayHave(place, owners[i]));
}

/** How many groups and snapshots of each type the caller may see in all namespaces; null for types without any. */
async function countsOf(
  where: Pick<Place, 'datastore' | 'caller'>,
  signal: AbortSignal,
): Promise<Record<string, Counts | null>> {
  const counts = new Map<string, Counts>();
  for (const { namespace } of await where.datastore.repository.management().namespaces(ROOT_NAMESPACE)) {
    const place = placeIn(where, namespace, NEEDED);
    if (place === undefined) continue;
    for (const group of await groupsIn(place)) {
      signal.throwIfAborted();
      const { groups, snapshots } = counts.get(group.type) ?? { groups: 0, snapshots: 0 };
      const more = (await listSnapshots(where.datastore.directory, namespace, group)).length;
      counts.set(group.type, { groups: groups + 1, snapshots: snapshots + more });
    }
  }
  return Object.fromEntries(['ct', 'host', 'vm', 'other'].map((type) => [type, counts.get(type) ?? null]));
}

export const status = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/status',
  parameters: { ...STORE, verbose: FLAG },
  async run({ context, values, signal }, caller) {
    const path = datastorePath(values.store, ROOT_NAMESPACE);
    requireAnyBelow(caller, path, SEES);
    const datastore = findDatastore(context.datastores, values.store);
    const counts = values.verbose === true ? { counts: await countsOf({ datastore, caller }, signal) } : {};
    if (!hasAny(caller.access.table, caller.authId, path, SEES))
      return { data: { ...NO_FIGURES, ...counts } };
    const { total, used, available } = await datastore.repository.management().status();
    return { data: { total, used, avail: available, ...BACKEND, ...counts } };
  },
});

const NOTHING_COLLECTED = {
  upid: null,
  'index-file-count': 0,
  'index-data-bytes': 0,
  'disk-bytes': 0,
  'disk-chunks': 0,
  'removed-bytes': 0,
  'removed-chunks': 0,
  'pending-bytes': 0,
  'pending-chunks': 0,
  'removed-bad': 0,
  'still-bad': 0,
};

/** No garbage has been collected yet: that comes with garbage collection itself. */
export const garbageStatus = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/gc',
  parameters: STORE,
  run({ context, values }, caller) {
    const { datastore } = enter(context, caller, values, { full: ['Datastore.Audit'], own: [] });
    return Promise.resolve({ data: { store: datastore.name, ...NOTHING_COLLECTED } });
  },
});
