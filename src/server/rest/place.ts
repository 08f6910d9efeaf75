/** Where in a datastore a call takes place, and whether its caller may be there. rest-api.md §1.3, §3.1. */
import { readOwner } from '../../repository/local/catalogue.js';
import { groupDirectory } from '../../repository/local/layout.js';
import type { LocalManagement } from '../../repository/local/management.js';
import { noOwner } from '../../repository/local/session-group.js';
import type { LockWait } from '../../repository/repository.js';
import type { GroupName, Namespace, SnapshotName } from '../../snapshot/names.js';
import { datastorePath } from '../access/acl.js';
import { ownsGroupOf } from '../access/auth-id.js';
import { hasAny, requireAny } from '../access/privileges.js';
import type { Privilege } from '../access/roles.js';
import { findDatastore } from '../find-datastore.js';
import { CallError } from '../http/call-error.js';
import type { Caller } from '../http/endpoint.js';
import type { Datastore, ServerContext } from '../server-context.js';
import { type GroupValues, groupOf, namespaceOf, type SnapshotValues, snapshotOf } from '../specs.js';

/** Who asks must own the group unless he has one of the `full` privileges. */
export interface Needed {
  readonly full: readonly Privilege[];
  readonly own: readonly Privilege[];
}

export interface Place {
  readonly datastore: Datastore;
  readonly namespace: Namespace;
  /** The caller need not own what it asks for. */
  readonly full: boolean;
  readonly caller: Caller;
}

/** Names of a datastore and namespace, as a call gives them. */
export interface Where {
  readonly store: string;
  readonly ns?: string | undefined;
}

/** Nobody waits for a lock: who asks is told at once. */
export const NO_WAIT: LockWait = { waitSeconds: 0 };

/**
 * Lets the caller into a namespace. Privileges come first, so that nobody learns which datastores there are. Throws AccessError 403,
 * CallError 400 for an unknown datastore.
 */
export function enter(
  { datastores }: ServerContext,
  caller: Caller,
  where: Where,
  { full, own }: Needed,
): Place {
  const { access, authId } = caller;
  const namespace = namespaceOf(where.ns);
  const path = datastorePath(where.store, namespace);
  requireAny(access.table, authId, path, [...full, ...own]);
  const datastore = findDatastore(datastores, where.store);
  return { datastore, namespace, full: hasAny(access.table, authId, path, full), caller };
}

/** Another namespace of the datastore, where the caller may have other privileges; undefined where it has none. */
export function placeIn(
  { datastore, caller }: Pick<Place, 'datastore' | 'caller'>,
  namespace: Namespace,
  { full, own }: Needed,
): Place | undefined {
  const { table } = caller.access;
  const path = datastorePath(datastore.name, namespace);
  if (!hasAny(table, caller.authId, path, [...full, ...own])) return undefined;
  return { datastore, caller, namespace, full: hasAny(table, caller.authId, path, full) };
}

/** The owner of a group. Throws RepositoryError GROUP_OWNER where there is none. */
export async function ownerOf({ datastore, namespace }: Place, group: GroupName): Promise<string> {
  const { directory } = datastore;
  const owner = await readOwner(directory, namespace, group);
  if (owner !== undefined) return owner;
  throw noOwner(groupDirectory(directory, namespace, group));
}

/** True if the caller may have what this owner has. */
export function mayHave({ full, caller }: Place, owner: string | undefined): boolean {
  return full || (owner !== undefined && ownsGroupOf(caller.authId, owner));
}

/** Throws CallError 400 where the caller must own the group and does not, and as `ownerOf`. protocol.md §4.2. */
export async function requireOwner(place: Place, group: GroupName): Promise<void> {
  if (place.full) return;
  const owner = await ownerOf(place, group);
  if (mayHave(place, owner)) return;
  throw new CallError(400, `backup owner check failed (${place.caller.authId} != ${owner})`);
}

/** Lets the caller to a group, as `enter` into its namespace. Throws as `enter` and `requireOwner`. */
export async function enterGroup(
  context: ServerContext,
  caller: Caller,
  where: Where & GroupValues,
  needed: Needed,
): Promise<Place & { readonly group: GroupName }> {
  const place = enter(context, caller, where, needed);
  const group = groupOf(where);
  await requireOwner(place, group);
  return { ...place, group };
}

/** The same for a snapshot. */
export async function enterSnapshot(
  context: ServerContext,
  caller: Caller,
  where: Where & SnapshotValues,
  needed: Needed,
): Promise<Place & { readonly snapshot: SnapshotName }> {
  const place = enter(context, caller, where, needed);
  const snapshot = snapshotOf(where);
  await requireOwner(place, snapshot);
  return { ...place, snapshot };
}

export function managementOf({ datastore }: Place): LocalManagement {
  return datastore.repository.management();
}
