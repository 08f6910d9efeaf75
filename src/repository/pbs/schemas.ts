/** Replies of the management calls. Unknown fields are ignored. rest-api.md §3.2, §4.2. */
import * as z from 'zod';
import { backupTime, parseBackupId, parseBackupType, parseNamespace } from '../../snapshot/names.js';
import type {
  DeletionSummary,
  NamespaceInfo,
  PruneDecision,
  ServerVersion,
  StorageStatus,
  TaskInfo,
} from '../management.js';

const count = z.int().nonnegative();

/** Calls that answer nothing, or something that nobody needs. */
export const anything = z.unknown();

export const statusSchema = z
  .object({ total: count, used: count, avail: count, 'backend-type': z.string().optional() })
  .transform(
    ({ avail, 'backend-type': backend, ...rest }): StorageStatus => ({
      ...rest,
      available: avail,
      ...(backend === undefined ? {} : { backend }),
    }),
  );

export const versionSchema: z.ZodType<ServerVersion> = z.object({
  version: z.string(),
  release: z.string(),
  repoid: z.string().default(''),
});

export const identitySchema = z
  .object({ 'pbs-instance-id': z.string() })
  .transform((reply) => reply['pbs-instance-id']);

/** Null from servers before 3.3. */
export const deletionSchema = z
  .object({ 'removed-groups': count, 'removed-snapshots': count, 'protected-snapshots': count })
  .nullable()
  .transform((reply): DeletionSummary | undefined =>
    reply === null
      ? undefined
      : {
          groups: reply['removed-groups'],
          snapshots: reply['removed-snapshots'],
          protectedSnapshots: reply['protected-snapshots'],
        },
  );

export const pruneSchema = z.array(
  z
    .object({
      'backup-type': z.string().transform(parseBackupType),
      'backup-id': z.string().transform(parseBackupId),
      'backup-time': z.int().positive().transform(backupTime),
      keep: z.boolean(),
      protected: z.boolean().default(false),
    })
    .transform(
      (item): PruneDecision => ({
        snapshot: { type: item['backup-type'], id: item['backup-id'], time: item['backup-time'] },
        keep: item.keep,
        protected: item.protected,
      }),
    ),
);

export const namespacesSchema = z.array(
  z.object({ ns: z.string().transform(parseNamespace), comment: z.string().optional() }).transform(
    ({ ns: namespace, comment }): NamespaceInfo => ({
      namespace,
      ...(comment === undefined ? {} : { comment }),
    }),
  ),
);

export const upidSchema = z.string().startsWith('UPID:');

export const tasksSchema = z.array(
  z
    .object({
      upid: upidSchema,
      node: z.string(),
      pid: count,
      pstart: count,
      starttime: count,
      worker_type: z.string(),
      worker_id: z.string().nullish(),
      user: z.string(),
      endtime: count.optional(),
      status: z.string().optional(),
    })
    .transform(
      (item): TaskInfo => ({
        upid: item.upid,
        node: item.node,
        pid: item.pid,
        processStart: item.pstart,
        startTime: item.starttime,
        type: item.worker_type,
        worker: item.worker_id ?? undefined,
        user: item.user,
        endTime: item.endtime,
        status: item.status,
      }),
    ),
);

/** The whole reply: some fields stand beside `data`. */
export const taskLogSchema = z.object({
  data: z.array(z.object({ n: count, t: z.string() })),
  total: count,
  active: z.boolean().default(false),
});

export const taskStatusSchema = z.object({
  status: z.enum(['running', 'stopped']),
  exitstatus: z.string().optional(),
});
