/** Calls that a later version will answer. They are refused to whom a real server would refuse them. rest-api.md §3.1. */
import { CallError } from '../http/call-error.js';
import { endpoint } from '../http/endpoint.js';
import {
  DEPTH,
  FILE_NAME,
  FLAG,
  GROUP,
  groupOf,
  NAMED_NS,
  NS,
  OPTIONAL_TIME,
  parentOf,
  SELECTION,
  SNAPSHOT,
  STORE,
  TEXT,
} from '../specs.js';
import { enter, enterSnapshot, requireOwner } from './place.js';

const READS = { full: ['Datastore.Read'], own: ['Datastore.Backup'] } as const;
const MODIFY = { full: ['Datastore.Modify'], own: [] } as const;
const ARCHIVE = { ...FILE_NAME, optional: true } as const;

function notYet(what: string): CallError {
  return new CallError(501, `${what} is not implemented yet by restat serve`);
}

export const collectGarbage = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/gc',
  parameters: STORE,
  async run({ context, values }, caller) {
    enter(context, caller, values, MODIFY);
    throw notYet('garbage collection');
  },
});

export const verify = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/verify',
  parameters: {
    ...SELECTION,
    'backup-time': OPTIONAL_TIME,
    'ignore-verified': FLAG,
    'outdated-after': { kind: 'integer', min: 0, optional: true },
    'max-depth': DEPTH,
    'read-threads': { kind: 'integer', min: 1, optional: true },
    'verify-threads': { kind: 'integer', min: 1, optional: true },
  },
  async run({ context, values }, caller) {
    enter(context, caller, values, { full: ['Datastore.Verify'], own: ['Datastore.Backup'] });
    throw notYet('verification');
  },
});

export const moveGroup = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/move-group',
  parameters: { ...GROUP, 'target-ns': NS, 'merge-group': FLAG },
  async run({ context, values }, caller) {
    const place = enter(context, caller, values, { full: ['Datastore.Modify'], own: ['Datastore.Prune'] });
    const target = { store: values.store, ns: values['target-ns'] };
    enter(context, caller, target, { full: ['Datastore.Modify'], own: ['Datastore.Backup'] });
    await requireOwner(place, groupOf(values));
    throw notYet('moving groups');
  },
});

export const moveNamespace = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/move-namespace',
  parameters: {
    ...STORE,
    ns: NAMED_NS,
    'target-ns': NAMED_NS,
    'max-depth': DEPTH,
    'delete-source': FLAG,
    'merge-groups': FLAG,
  },
  async run({ context, values }, caller) {
    const { store, ns, 'target-ns': target } = values;
    for (const each of [ns, target]) enter(context, caller, { store, ns: parentOf(each) }, MODIFY);
    throw notYet('moving namespaces');
  },
});

export const catalog = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/catalog',
  parameters: { ...SNAPSHOT, filepath: TEXT, 'archive-name': ARCHIVE },
  async run({ context, values }, caller) {
    await enterSnapshot(context, caller, values, READS);
    throw notYet('reading catalogs');
  },
});

export const downloadDecoded = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/download-decoded',
  parameters: { ...SNAPSHOT, 'file-name': FILE_NAME },
  async run({ context, values }, caller) {
    await enterSnapshot(context, caller, values, READS);
    throw notYet('downloading decoded archives');
  },
});

export const downloadPxarFile = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/pxar-file-download',
  parameters: { ...SNAPSHOT, filepath: TEXT, tar: FLAG, 'archive-name': ARCHIVE },
  async run({ context, values }, caller) {
    await enterSnapshot(context, caller, values, READS);
    throw notYet('downloading files of archives');
  },
});
