/** Groups and snapshots as the server lists them. rest-api.md §3.2. */
import * as z from 'zod';
import {
  backupTime,
  type GroupName,
  type Namespace,
  parseBackupId,
  parseBackupType,
  type SnapshotName,
} from '../../snapshot/names.js';
import type { FileInfo, GroupInfo, SnapshotInfo } from '../repository.js';
import type { RestClient } from './rest-client.js';

const MANIFEST = 'index.json.blob';
const time = z.int().nonnegative();
/** A file of a snapshot. */
export const fileSchema = z.object({
  filename: z.string(),
  'crypt-mode': z.enum(['none', 'encrypt', 'sign-only']).optional(),
  size: z.int().nonnegative().optional(),
});

const snapshotSchema = z.object({
  'backup-type': z.string().transform(parseBackupType),
  'backup-id': z.string().transform(parseBackupId),
  'backup-time': z.int().positive().transform(backupTime),
  files: z.array(fileSchema),
  size: z.int().nonnegative().optional(),
  comment: z.string().optional(),
  fingerprint: z.string().optional(),
  verification: z.object({ upid: z.string(), state: z.string() }).optional(),
  owner: z.string().optional(),
  protected: z.boolean().default(false),
});

const groupSchema = z.object({
  'backup-type': z.string().transform(parseBackupType),
  'backup-id': z.string().transform(parseBackupId),
  'last-backup': time,
  'backup-count': z.int().nonnegative(),
  files: z.array(z.string()),
  owner: z.string().optional(),
  comment: z.string().optional(),
});

/** What a server says of a file. */
export function fileInfo({ filename, size, 'crypt-mode': cryptMode }: z.infer<typeof fileSchema>): FileInfo {
  return {
    filename,
    ...(size === undefined ? {} : { size }),
    ...(cryptMode === undefined ? {} : { cryptMode }),
  };
}

function snapshotInfo(item: z.infer<typeof snapshotSchema>): SnapshotInfo {
  return {
    snapshot: { type: item['backup-type'], id: item['backup-id'], time: item['backup-time'] },
    files: item.files.map(fileInfo),
    size: item.size ?? 0,
    finished: item.files.some(({ filename }) => filename === MANIFEST),
    problem: undefined,
    owner: item.owner,
    protected: item.protected,
    comment: item.comment,
    fingerprint: item.fingerprint,
    verification: item.verification,
  };
}

function groupInfo(item: z.infer<typeof groupSchema>): GroupInfo {
  const group = { type: item['backup-type'], id: item['backup-id'] };
  const last: SnapshotInfo | undefined =
    item['last-backup'] === 0
      ? undefined
      : {
          snapshot: { ...group, time: backupTime(item['last-backup']) },
          files: item.files.map((filename) => ({ filename })),
          size: 0,
          finished: true,
          problem: undefined,
          owner: item.owner,
          protected: false,
          comment: undefined,
          fingerprint: undefined,
          verification: undefined,
        };
  return { group, owner: item.owner, comment: item.comment, count: item['backup-count'], last };
}

/** Parameters that name a namespace: none for the root. */
export function inNamespace(namespace: Namespace): Record<string, string> {
  return namespace === '' ? {} : { ns: namespace };
}

/** Parameters that name a group. */
export function groupQuery(namespace: Namespace, { type, id }: GroupName): Record<string, string> {
  return { 'backup-type': type, 'backup-id': id, ...inNamespace(namespace) };
}

/** Parameters that name a snapshot. */
export function snapshotQuery(namespace: Namespace, snapshot: SnapshotName): Record<string, string | number> {
  return { ...groupQuery(namespace, snapshot), 'backup-time': snapshot.time };
}

function order(a: GroupName & { time?: number }, b: GroupName & { time?: number }): number {
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return (a.time ?? 0) - (b.time ?? 0);
}

/** Groups of a namespace, sorted by type and id. Throws ServerError. */
export async function listGroups(
  rest: RestClient,
  store: string,
  namespace: Namespace,
): Promise<GroupInfo[]> {
  const path = `admin/datastore/${store}/groups`;
  const items = await rest.get(path, inNamespace(namespace), z.array(groupSchema));
  return items.map(groupInfo).sort((a, b) => order(a.group, b.group));
}

/** Snapshots of a namespace, or of one group of it, sorted by type, id and time. Throws ServerError. */
export async function listSnapshots(
  rest: RestClient,
  store: string,
  namespace: Namespace,
  group?: GroupName,
): Promise<SnapshotInfo[]> {
  const query = group === undefined ? inNamespace(namespace) : groupQuery(namespace, group);
  const items = await rest.get(`admin/datastore/${store}/snapshots`, query, z.array(snapshotSchema));
  return items.map(snapshotInfo).sort((a, b) => order(a.snapshot, b.snapshot));
}
