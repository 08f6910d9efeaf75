/** Paths inside a datastore directory. snapshot-manifest.md §2. */
import { join } from 'node:path';
import {
  formatGroup,
  formatSnapshot,
  type GroupName,
  type Namespace,
  namespaceDirectory,
  type SnapshotName,
} from '../../snapshot/names.js';

export const CHUNKS = '.chunks';
export const STORE_LOCK = '.lock';
export const OWNER = 'owner';
export const NOTES = 'notes';
export const PROTECTED = '.protected';
/** restat's own files of a store: locks. */
export const OWN = '.restat';
/** What a snapshot is called while it is written: leftovers of runs that died begin like this. */
export const UNFINISHED = '.restat-';

/** How many directories `.chunks` has in a store for a server. */
export const CHUNK_DIRECTORIES = 65_536;

export function groupDirectory(root: string, namespace: Namespace, group: GroupName): string {
  return join(root, namespaceDirectory(namespace), formatGroup(group));
}

export function snapshotDirectory(root: string, namespace: Namespace, snapshot: SnapshotName): string {
  return join(root, namespaceDirectory(namespace), formatSnapshot(snapshot));
}

export function chunkDirectory(root: string, i: number): string {
  return join(root, CHUNKS, i.toString(16).padStart(4, '0'));
}
