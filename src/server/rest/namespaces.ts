/** Namespaces. rest-api.md §3.2. */
import { join } from 'node:path';
import type { EmptiedNamespace } from '../../repository/local/management-namespaces.js';
import { namespaceDirectory, parseNamespace } from '../../snapshot/names.js';
import { datastorePath } from '../access/acl.js';
import { hasAnyBelow } from '../access/privileges.js';
import type { Privilege } from '../access/roles.js';
import { findDatastore } from '../find-datastore.js';
import { CallError } from '../http/call-error.js';
import { endpoint } from '../http/endpoint.js';
import { DEPTH, FLAG, LEVEL, NAMED_NS, NS, namespaceOf, parentOf, STORE } from '../specs.js';
import { deletionStats } from './groups.js';
import { enter, managementOf, NO_WAIT } from './place.js';
import { requireAnyBelow } from './visible.js';
import { noDirectory, withWords } from './words.js';

const SEES: readonly Privilege[] = ['Datastore.Audit', 'Datastore.Modify', 'Datastore.Backup'];
const MODIFY = { full: ['Datastore.Modify'], own: [] } as const;
const MAX_LEVELS = 7;

/** Namespaces in which the caller may see something, from the parent on. */
export const namespaceList = endpoint({
  method: 'GET',
  path: 'admin/datastore/{store}/namespace',
  parameters: { ...STORE, parent: NS, 'max-depth': DEPTH },
  async run({ context, values }, caller) {
    const { store, 'max-depth': depth } = values;
    const parent = namespaceOf(values.parent);
    requireAnyBelow(caller, datastorePath(store, parent), SEES);
    const { directory, repository } = findDatastore(context.datastores, store);
    const words = { NAMESPACE_MISSING: noDirectory(join(directory, namespaceDirectory(parent))) };
    const found = await withWords(words, () => repository.management().namespaces(parent, depth));
    const { access, authId } = caller;
    const data = found
      .filter(({ namespace }) => hasAnyBelow(access.table, authId, datastorePath(store, namespace), SEES))
      .map(({ namespace, comment }) => ({ ns: namespace, ...(comment === undefined ? {} : { comment }) }));
    return { data };
  },
});

/** One level below a namespace that exists; that it is there already is no error. */
export const createNamespace = endpoint({
  method: 'POST',
  path: 'admin/datastore/{store}/namespace',
  parameters: { ...STORE, name: LEVEL, parent: NS },
  async run({ context, values }, caller) {
    const { store, name, parent = '' } = values;
    const place = enter(context, caller, { store, ns: parent }, MODIFY);
    if (parent.split('/').length >= MAX_LEVELS)
      throw new CallError(400, `cannot create new namespace, there are at most ${MAX_LEVELS} levels`);
    const namespace = parseNamespace(parent === '' ? name : `${parent}/${name}`);
    const words = {
      NAMESPACE_MISSING: `cannot create new namespace, parent ${parent} doesn't already exists`,
    };
    await withWords(words, () => managementOf(place).createNamespace(namespace));
    return { data: namespace };
  },
});

/** Throws CallError 400 for a namespace that should have gone. */
function requireGone({ gone, protectedSnapshots }: EmptiedNamespace, options: DeleteOptions): void {
  if (gone) return;
  if (!options.groups)
    throw new CallError(400, 'only partially deleted due to existing groups but `delete-groups` not true');
  if (protectedSnapshots === 0) throw new CallError(400, 'only partially deleted');
  if (options.errorOnProtected) throw new CallError(400, 'only partially deleted due to protected snapshots');
}

interface DeleteOptions {
  readonly groups: boolean;
  readonly errorOnProtected: boolean;
}

/** A namespace with everything below it, as far as it is empty or may be emptied. */
export const deleteNamespace = endpoint({
  method: 'DELETE',
  path: 'admin/datastore/{store}/namespace',
  parameters: {
    ...STORE,
    ns: NAMED_NS,
    'delete-groups': FLAG,
    'error-on-protected': FLAG,
  },
  async run({ context, values }, caller) {
    const namespace = namespaceOf(values.ns);
    const place = enter(context, caller, { store: values.store, ns: parentOf(namespace) }, MODIFY);
    if (namespace === '') throw new CallError(400, 'Cannot create/delete root namespace!');
    const options = {
      groups: values['delete-groups'] === true,
      errorOnProtected: values['error-on-protected'] !== false,
    };
    const directory = join(place.datastore.directory, namespaceDirectory(namespace));
    const emptied = await withWords({ NAMESPACE_MISSING: noDirectory(directory) }, () =>
      managementOf(place).emptyNamespace(namespace, { ...NO_WAIT, groups: options.groups }),
    );
    requireGone(emptied, options);
    return { data: deletionStats(emptied) };
  },
});
