/** What a request for a session asks for, and whether its sender may have it. protocol.md §4.1, §4.2. */
import { groupDirectory } from '../../repository/local/layout.js';
import { noOwner } from '../../repository/local/session-group.js';
import { formatGroup, type Namespace, type SnapshotName } from '../../snapshot/names.js';
import { datastorePath } from '../access/acl.js';
import { ownsGroupOf } from '../access/auth-id.js';
import { hasAny, requireForUpgrade } from '../access/privileges.js';
import { findDatastore } from '../find-datastore.js';
import { CallError } from '../http/call-error.js';
import type { Caller } from '../http/endpoint.js';
import { parseParameters } from '../http/parameters.js';
import type { Datastore, ServerContext } from '../server-context.js';
import { FLAG, namespaceOf, SNAPSHOT, type SnapshotValues, snapshotOf } from '../specs.js';

export type Pairs = readonly (readonly [name: string, value: string])[];

/** Where a session works. */
export interface SessionPlace {
  readonly datastore: Datastore;
  readonly namespace: Namespace;
  readonly snapshot: SnapshotName;
}

export interface ReaderRequest extends SessionPlace {
  /** The sender may read groups of its own, and no others. */
  readonly ownOnly: boolean;
}

export interface BackupRequest extends SessionPlace {
  readonly benchmark: boolean;
}

export const BACKUP_PROTOCOL = 'proxmox-backup-protocol-v1';
export const READER_PROTOCOL = 'proxmox-backup-reader-protocol-v1';

const READER = { ...SNAPSHOT, debug: FLAG } as const;
const BACKUP = { ...READER, benchmark: FLAG, 'no-cache': FLAG } as const;

function namesOf(values: SnapshotValues & { readonly store: string; readonly ns: string | undefined }): {
  readonly namespace: Namespace;
  readonly snapshot: SnapshotName;
  readonly path: string;
} {
  const namespace = namespaceOf(values.ns);
  return { namespace, snapshot: snapshotOf(values), path: datastorePath(values.store, namespace) };
}

function requireProtocol(header: string | undefined, protocol: string): void {
  if (header === undefined) throw new CallError(400, 'missing Upgrade header');
  if (header !== protocol) throw new CallError(400, 'invalid protocol name');
}

async function requireNamespace({ datastore, namespace }: SessionPlace): Promise<void> {
  if (!(await datastore.repository.hasNamespace(namespace))) throw new CallError(404, 'namespace not found');
}

/** The group of speed tests, and the flag for them, come together. §5.9. */
function checkBenchmark(snapshot: SnapshotName, benchmark: boolean): void {
  const isReserved = formatGroup(snapshot) === 'host/benchmark';
  if (isReserved && !benchmark) throw new CallError(400, 'unable to run benchmark without --benchmark flags');
  if (benchmark && !isReserved)
    throw new CallError(400, "benchmark flags is only allowed on 'host/benchmark'");
}

/** Checks 2 to 8 of a backup. Throws CallError, AccessError. `header` is that of the upgrade. */
export async function backupRequest(
  pairs: Pairs,
  header: string | undefined,
  { authId, access }: Caller,
  context: ServerContext,
): Promise<BackupRequest> {
  const values = parseParameters(BACKUP, { kind: 'form', pairs });
  const { namespace, snapshot, path } = namesOf(values);
  requireForUpgrade(access.table, authId, path, 'Datastore.Backup');
  const datastore = findDatastore(context.datastores, values.store);
  requireProtocol(header, BACKUP_PROTOCOL);
  const benchmark = values.benchmark ?? false;
  const request = { datastore, namespace, snapshot, benchmark };
  await requireNamespace(request);
  checkBenchmark(snapshot, benchmark);
  return request;
}

/** Who may only read what is their own must own the group. Resolves to the owner; undefined where there is none. */
async function refuseStranger(
  { datastore, namespace, snapshot }: SessionPlace,
  authId: string,
): Promise<string | undefined> {
  const owner = await datastore.repository.owner(namespace, snapshot);
  if (owner !== undefined && !ownsGroupOf(authId, owner))
    throw new CallError(400, 'backup owner check failed!');
  return owner;
}

/**
 * The owner once more, when the snapshot is held: the group may have been made, or have changed hands, since the request was checked. A
 * group without owner is nobody's. Throws CallError, RepositoryError.
 */
export async function requireOwner(asked: ReaderRequest, authId: string): Promise<void> {
  if (!asked.ownOnly || (await refuseStranger(asked, authId)) !== undefined) return;
  const { datastore, namespace, snapshot } = asked;
  throw noOwner(groupDirectory(datastore.directory, namespace, snapshot));
}

/** The checks of a reader but whether the snapshot is there, and `requireOwner` when it is. Throws CallError. */
export async function readerRequest(
  pairs: Pairs,
  header: string | undefined,
  { authId, access }: Caller,
  context: ServerContext,
): Promise<ReaderRequest> {
  const values = parseParameters(READER, { kind: 'form', pairs });
  const { namespace, snapshot, path } = namesOf(values);
  const mayReadAll = hasAny(access.table, authId, path, ['Datastore.Read']);
  if (!mayReadAll && !hasAny(access.table, authId, path, ['Datastore.Backup']))
    throw new CallError(400, `no permissions on ${path}`);
  const place = { datastore: findDatastore(context.datastores, values.store), namespace, snapshot };
  requireProtocol(header, READER_PROTOCOL);
  if (!mayReadAll) await refuseStranger(place, authId);
  return { ...place, ownOnly: !mayReadAll };
}
