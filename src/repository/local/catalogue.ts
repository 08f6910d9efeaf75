/** What is in a datastore directory: groups and snapshots. Unknown names are ignored. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_NAME } from '../../snapshot/archive-names.js';
import { decodeManifest, type Manifest } from '../../snapshot/manifest.js';
import {
  type BackupType,
  formatGroup,
  formatSnapshot,
  type GroupName,
  type Namespace,
  namespaceDirectory,
  parseBackupId,
  parseTime,
  type SnapshotName,
} from '../../snapshot/names.js';
import { runNotes } from '../../snapshot/run-notes.js';
import { verifyState } from '../../snapshot/verify-state.js';
import { systemCode } from '../errors.js';
import type { FileInfo, GroupInfo, SnapshotInfo } from '../repository.js';
import { MANIFEST_LIMIT } from '../stored-files.js';
import { readBounded } from './bounded-read.js';
import { groupDirectory, NOTES, OWNER, PROTECTED, snapshotDirectory } from './layout.js';

/** In the order in which groups are listed. */
export const TYPES: readonly BackupType[] = ['ct', 'host', 'vm'];
const SNAPSHOT_FILE = /^.*\.(?:[fd]idx|blob)$/;
const TEXT_LIMIT = 1024 * 1024;

/** Names in a directory; none where there is no directory. */
export async function directoryNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** The value that `parse` makes of a name, or undefined when the name is not one. */
export function tryParse<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Groups of a namespace, sorted by type and id. */
export async function listGroups(root: string, namespace: Namespace): Promise<GroupName[]> {
  const groups: GroupName[] = [];
  for (const type of TYPES) {
    for (const name of (await directoryNames(join(root, namespaceDirectory(namespace), type))).sort()) {
      const id = tryParse(parseBackupId, name);
      if (id !== undefined) groups.push({ type, id });
    }
  }
  return groups;
}

/** Snapshots of a group, oldest first, finished or not. */
export async function listSnapshots(
  root: string,
  namespace: Namespace,
  group: GroupName,
): Promise<SnapshotName[]> {
  const times = (await directoryNames(groupDirectory(root, namespace, group)))
    .map((name) => tryParse(parseTime, name))
    .filter((time) => time !== undefined);
  return times.sort((a, b) => a - b).map((time) => ({ ...group, time }));
}

/** The manifest of a snapshot; undefined for an unfinished one. Throws BlobError and ManifestError for a damaged one. */
export async function readManifest(directory: string): Promise<Manifest | undefined> {
  try {
    return decodeManifest(
      await readBounded(join(directory, MANIFEST_NAME), MANIFEST_LIMIT),
      join(directory, MANIFEST_NAME),
    );
  } catch (error) {
    if (systemCode(error) === 'ARCHIVE_MISSING') return undefined;
    throw error;
  }
}

/** A small text file; undefined where there is none or it is too long. */
export async function readText(path: string): Promise<string | undefined> {
  const bytes = await readBounded(path, TEXT_LIMIT).catch(() => undefined);
  return bytes?.toString('utf8');
}

/** The auth id in a group's `owner` file. */
export async function readOwner(
  root: string,
  namespace: Namespace,
  group: GroupName,
): Promise<string | undefined> {
  return (await readText(join(groupDirectory(root, namespace, group), OWNER)))?.split('\n')[0];
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

function firstLine(text: unknown): string | undefined {
  return typeof text === 'string' && text !== '' ? text.split('\n')[0] : undefined;
}

/** Files of a snapshot: those of the manifest, then the manifest and what it does not list. */
async function filesOf(
  directory: string,
  present: readonly string[],
  manifest: Manifest | undefined,
): Promise<FileInfo[]> {
  if (manifest === undefined) return present.map((filename) => ({ filename }));
  const { padding } = runNotes(manifest);
  const files: FileInfo[] = manifest.files.map(({ filename, size, cryptMode }) => {
    const noted = padding[filename.replace(/\.ppxar\.didx$/, '.pxar')];
    return {
      filename,
      size,
      cryptMode,
      ...(noted === undefined ? {} : { padding: noted.dead + noted.duplicate }),
    };
  });
  const listed = new Set<string>(manifest.files.map(({ filename }) => filename));
  const size = await sizeOf(join(directory, MANIFEST_NAME));
  const cryptMode = manifest.signature === null ? 'none' : 'sign-only';
  files.push({ filename: MANIFEST_NAME, cryptMode, ...(size === undefined ? {} : { size }) });
  for (const filename of present) {
    if (!listed.has(filename) && filename !== MANIFEST_NAME) files.push({ filename });
  }
  return files;
}

/** Everything a listing shows of a snapshot. A damaged manifest shows as an unfinished snapshot. */
export async function describeSnapshot(
  root: string,
  namespace: Namespace,
  snapshot: SnapshotName,
  owner: string | undefined,
): Promise<SnapshotInfo> {
  const directory = snapshotDirectory(root, namespace, snapshot);
  const all = await directoryNames(directory);
  let manifest: Manifest | undefined;
  let problem: string | undefined;
  try {
    manifest = await readManifest(directory);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const files = await filesOf(directory, all.filter((name) => SNAPSHOT_FILE.test(name)).sort(), manifest);
  const fingerprint = manifest?.unprotected['key-fingerprint'];
  return {
    snapshot,
    files,
    size: files.reduce((sum, file) => sum + (file.size ?? 0), 0),
    finished: manifest !== undefined,
    problem,
    owner,
    protected: all.includes(PROTECTED),
    comment: firstLine(manifest?.unprotected['notes']),
    fingerprint: typeof fingerprint === 'string' ? fingerprint : undefined,
    verification: manifest === undefined ? undefined : verifyState(manifest),
  };
}

export async function describeGroup(
  root: string,
  namespace: Namespace,
  group: GroupName,
): Promise<GroupInfo> {
  const owner = await readOwner(root, namespace, group);
  let count = 0;
  let last: SnapshotInfo | undefined;
  for (const snapshot of (await listSnapshots(root, namespace, group)).reverse()) {
    const directory = snapshotDirectory(root, namespace, snapshot);
    if ((await sizeOf(join(directory, MANIFEST_NAME))) === undefined) continue;
    count += 1;
    last ??= await describeSnapshot(root, namespace, snapshot, owner);
  }
  const notes = await readText(join(groupDirectory(root, namespace, group), NOTES));
  // A server hands the line on with its newline.
  const comment = /^[^\n]*\n?/.exec(notes ?? '')?.[0] || undefined;
  return { group, owner, comment, count, last };
}

function inNamespace(namespace: Namespace, name: string): string {
  return namespace === '' ? name : `[${namespace}]:${name}`;
}

/** A group's name for messages. */
export function groupText(namespace: Namespace, group: GroupName): string {
  return inNamespace(namespace, formatGroup(group));
}

/** A snapshot's name for messages. */
export function snapshotText(namespace: Namespace, snapshot: SnapshotName): string {
  return inNamespace(namespace, formatSnapshot(snapshot));
}
