/** Management of a server's datastore, each thing one call. rest-api.md §2–4. */
import * as z from 'zod';
import type { GroupName, Namespace, SnapshotName } from '../../snapshot/names.js';
import type {
  DeletionSummary,
  KeepOptions,
  Management,
  NamespaceInfo,
  PruneDecision,
  ServerVersion,
  StorageStatus,
  TaskId,
  Tasks,
  VerifyOptions,
  VerifyTarget,
} from '../management.js';
import type { FileInfo } from '../repository.js';
import { fileInfo, fileSchema, groupQuery, inNamespace, snapshotQuery } from './listing.js';
import { type ManagedStore, PbsTasks } from './management-tasks.js';
import type { RestClient } from './rest-client.js';
import {
  anything,
  deletionSchema,
  identitySchema,
  namespacesSchema,
  pruneSchema,
  statusSchema,
  upidSchema,
  versionSchema,
} from './schemas.js';

/** A call's parameters without those that were not given. */
function given<T>(parameters: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(parameters).filter((entry): entry is [string, T] => entry[1] !== undefined),
  );
}

export class PbsManagement implements Management {
  readonly tasks: Tasks;
  readonly #rest: RestClient;
  readonly #path: string;

  /** Calls throw ServerError. */
  constructor(rest: RestClient, { authId, store }: ManagedStore) {
    this.tasks = new PbsTasks(rest, { authId, store });
    this.#rest = rest;
    this.#path = `admin/datastore/${store}`;
  }

  status(): Promise<StorageStatus> {
    return this.#rest.get(`${this.#path}/status`, {}, statusSchema);
  }

  serverVersion(): Promise<ServerVersion> {
    return this.#rest.get('version', {}, versionSchema);
  }

  serverIdentity(): Promise<string> {
    return this.#rest.get('nodes/localhost/identity', {}, identitySchema);
  }

  async files(namespace: Namespace, snapshot: SnapshotName): Promise<FileInfo[]> {
    const query = snapshotQuery(namespace, snapshot);
    return (await this.#rest.get(`${this.#path}/files`, query, z.array(fileSchema))).map(fileInfo);
  }

  notes(namespace: Namespace, snapshot: SnapshotName): Promise<string> {
    return this.#rest.get(`${this.#path}/notes`, snapshotQuery(namespace, snapshot), z.string());
  }

  async setNotes(namespace: Namespace, snapshot: SnapshotName, notes: string): Promise<void> {
    const query = { ...snapshotQuery(namespace, snapshot), notes };
    await this.#rest.put(`${this.#path}/notes`, query, anything);
  }

  isProtected(namespace: Namespace, snapshot: SnapshotName): Promise<boolean> {
    return this.#rest.get(`${this.#path}/protected`, snapshotQuery(namespace, snapshot), z.boolean());
  }

  async setProtected(namespace: Namespace, snapshot: SnapshotName, on: boolean): Promise<void> {
    const query = { ...snapshotQuery(namespace, snapshot), protected: on };
    await this.#rest.put(`${this.#path}/protected`, query, anything);
  }

  uploadLog(namespace: Namespace, snapshot: SnapshotName, blob: Buffer): Promise<void> {
    return this.#rest.upload(`${this.#path}/upload-backup-log`, snapshotQuery(namespace, snapshot), blob);
  }

  groupNotes(namespace: Namespace, group: GroupName): Promise<string> {
    return this.#rest.get(`${this.#path}/group-notes`, groupQuery(namespace, group), z.string());
  }

  async setGroupNotes(namespace: Namespace, group: GroupName, notes: string): Promise<void> {
    await this.#rest.put(`${this.#path}/group-notes`, { ...groupQuery(namespace, group), notes }, anything);
  }

  async changeOwner(namespace: Namespace, group: GroupName, owner: string): Promise<void> {
    const body = { ...groupQuery(namespace, group), 'new-owner': owner };
    await this.#rest.post(`${this.#path}/change-owner`, body, anything);
  }

  forgetGroup(namespace: Namespace, group: GroupName): Promise<DeletionSummary | undefined> {
    return this.#rest.delete(`${this.#path}/groups`, groupQuery(namespace, group), deletionSchema);
  }

  moveGroup(
    namespace: Namespace,
    group: GroupName,
    target: Namespace,
    { merge }: { readonly merge: boolean },
  ): Promise<TaskId> {
    const body = { ...groupQuery(namespace, group), 'target-ns': target, 'merge-group': merge };
    return this.#rest.post(`${this.#path}/move-group`, body, upidSchema);
  }

  pruneGroup(
    namespace: Namespace,
    group: GroupName,
    keep: KeepOptions,
    { dryRun }: { readonly dryRun: boolean },
  ): Promise<PruneDecision[]> {
    const counts = Object.entries(keep).map(([period, count]) => [`keep-${period}`, count] as const);
    const body = given<string | number | boolean>({
      ...groupQuery(namespace, group),
      ...Object.fromEntries(counts),
      'dry-run': dryRun ? true : undefined,
    });
    return this.#rest.post(`${this.#path}/prune`, body, pruneSchema);
  }

  namespaces(parent: Namespace, maxDepth?: number): Promise<NamespaceInfo[]> {
    const query = { parent: parent === '' ? undefined : parent, 'max-depth': maxDepth };
    return this.#rest.get(`${this.#path}/namespace`, given<string | number>(query), namespacesSchema);
  }

  async createNamespace(namespace: Namespace): Promise<void> {
    const at = namespace.lastIndexOf('/');
    const body = { name: namespace.slice(at + 1), parent: namespace.slice(0, Math.max(0, at)) };
    await this.#rest.post(`${this.#path}/namespace`, body, anything);
  }

  deleteNamespace(
    namespace: Namespace,
    { groups }: { readonly groups: boolean },
  ): Promise<DeletionSummary | undefined> {
    const query = given({ ns: namespace, 'delete-groups': groups ? true : undefined });
    return this.#rest.delete(`${this.#path}/namespace`, query, deletionSchema);
  }

  moveNamespace(
    namespace: Namespace,
    target: Namespace,
    options: { readonly maxDepth?: number; readonly deleteSource: boolean; readonly mergeGroups: boolean },
  ): Promise<TaskId> {
    const body = given<string | number | boolean>({
      ns: namespace,
      'target-ns': target,
      'max-depth': options.maxDepth,
      'delete-source': options.deleteSource,
      'merge-groups': options.mergeGroups,
    });
    return this.#rest.post(`${this.#path}/move-namespace`, body, upidSchema);
  }

  collectGarbage(): Promise<TaskId> {
    return this.#rest.post(`${this.#path}/gc`, {}, upidSchema);
  }

  verify(
    namespace: Namespace,
    target: VerifyTarget,
    { ignoreVerified, outdatedAfter }: VerifyOptions,
  ): Promise<TaskId> {
    const body = given<string | number | boolean>({
      ...(target === undefined ? inNamespace(namespace) : groupQuery(namespace, target)),
      'backup-time': target?.time,
      'ignore-verified': ignoreVerified,
      'outdated-after': outdatedAfter,
    });
    return this.#rest.post(`${this.#path}/verify`, body, upidSchema);
  }
}
