/** Notes of snapshots and groups, and what must not be deleted. rest-api.md §3.1. */
import { join } from 'node:path';
import { snapshotDirectory } from '../../repository/local/layout.js';
import { MANIFEST_NAME } from '../../snapshot/archive-names.js';
import type { SnapshotName } from '../../snapshot/names.js';
import { endpoint } from '../http/endpoint.js';
import { GROUP, SNAPSHOT, TEXT } from '../specs.js';
import { enterGroup, enterSnapshot, managementOf, NO_WAIT, type Place } from './place.js';
import { NO_FILE, type Words, withWords } from './words.js';

const SEES = { full: ['Datastore.Audit'], own: ['Datastore.Backup'] } as const;
const CHANGES = { full: ['Datastore.Modify'], own: ['Datastore.Backup'] } as const;

/** What is said where the manifest is missing. */
function withoutManifest({ datastore, namespace }: Place, snapshot: SnapshotName, before = ''): Words {
  const path = join(snapshotDirectory(datastore.directory, namespace, snapshot), MANIFEST_NAME);
  const text = `${before}unable to load blob '${JSON.stringify(path)}' - ${NO_FILE}`;
  return { SNAPSHOT_MISSING: text, SNAPSHOT_UNFINISHED: text };
}

export const notes = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/notes',
  parameters: SNAPSHOT,
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, SEES);
    const { snapshot } = place;
    const data = await withWords(withoutManifest(place, snapshot), () =>
      managementOf(place).notes(place.namespace, snapshot),
    );
    return { data };
  },
});

export const setNotes = endpoint({
  method: 'PUT',
  path: 'admin/datastore/{store}/notes',
  parameters: { ...SNAPSHOT, notes: TEXT },
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, CHANGES);
    const { snapshot } = place;
    await withWords(withoutManifest(place, snapshot, 'unable to update manifest blob - '), () =>
      managementOf(place).setNotes(place.namespace, snapshot, values.notes, NO_WAIT),
    );
    return { data: null };
  },
});

export const groupNotes = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/group-notes',
  parameters: GROUP,
  async run({ context, values }, caller) {
    const place = await enterGroup(context, caller, values, SEES);
    const { group } = place;
    return { data: await withWords({}, () => managementOf(place).groupNotes(place.namespace, group)) };
  },
});

export const setGroupNotes = endpoint({
  method: 'PUT',
  path: 'admin/datastore/{store}/group-notes',
  parameters: { ...GROUP, notes: TEXT },
  async run({ context, values }, caller) {
    const place = await enterGroup(context, caller, values, CHANGES);
    const { group } = place;
    await withWords({}, () =>
      managementOf(place).setGroupNotes(place.namespace, group, values.notes, NO_WAIT),
    );
    return { data: null };
  },
});

export const isProtected = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/protected',
  parameters: SNAPSHOT,
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, SEES);
    const { snapshot } = place;
    return { data: await withWords({}, () => managementOf(place).isProtected(place.namespace, snapshot)) };
  },
});

export const setProtected = endpoint({
  method: 'PUT',
  path: 'admin/datastore/{store}/protected',
  parameters: { ...SNAPSHOT, protected: { kind: 'boolean' } },
  async run({ context, values }, caller) {
    const place = await enterSnapshot(context, caller, values, CHANGES);
    const { snapshot } = place;
    await withWords({}, () =>
      managementOf(place).setProtected(place.namespace, snapshot, values.protected, NO_WAIT),
    );
    return { data: null };
  },
});
