/** Notes, protection and client log of a snapshot. snapshot-manifest.md §3.4, §5. */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { native } from '../../native.js';
import { CLIENT_LOG_NAME, MANIFEST_NAME } from '../../snapshot/archive-names.js';
import { encodeManifest, type Manifest } from '../../snapshot/manifest.js';
import type { Namespace, SnapshotName } from '../../snapshot/names.js';
import { RepositoryError, systemCode } from '../errors.js';
import type { LockWait } from '../repository.js';
import { readManifest, snapshotText } from './catalogue.js';
import { syncDirectory } from './durability.js';
import { PROTECTED, snapshotDirectory } from './layout.js';
import { withManifest, withSnapshot } from './name-lock.js';
import { exists } from './removal.js';
import type { Store } from './store.js';

/** How a change is made. */
export interface ChangeOptions extends LockWait {
  /** It is on disk when the call ends. */
  readonly sync: boolean;
}

/** The snapshot's directory. SNAPSHOT_MISSING. */
async function directoryOf(store: Store, namespace: Namespace, snapshot: SnapshotName): Promise<string> {
  const directory = snapshotDirectory(store.root, namespace, snapshot);
  if (await exists(directory)) return directory;
  throw new RepositoryError('SNAPSHOT_MISSING', `there is no snapshot ${snapshotText(namespace, snapshot)}`);
}

/** The manifest. SNAPSHOT_MISSING, SNAPSHOT_UNFINISHED, BlobError, ManifestError. */
async function manifestOf(store: Store, namespace: Namespace, snapshot: SnapshotName): Promise<Manifest> {
  const manifest = await readManifest(await directoryOf(store, namespace, snapshot));
  if (manifest !== undefined) return manifest;
  const text = snapshotText(namespace, snapshot);
  throw new RepositoryError('SNAPSHOT_UNFINISHED', `snapshot ${text} has no manifest: it is not finished`);
}

/** Notes of a snapshot, empty where there are none. */
export async function notes(store: Store, namespace: Namespace, snapshot: SnapshotName): Promise<string> {
  const { unprotected } = await manifestOf(store, namespace, snapshot);
  const found = unprotected['notes'];
  return typeof found === 'string' ? found : '';
}

/** Writes a file of a snapshot whole or not at all, owned as the store is. EEXIST unless it may be replaced. */
async function publish(
  { uid, gid }: Store,
  directory: string,
  name: string,
  bytes: Buffer,
  { sync, replace }: { readonly sync: boolean; readonly replace: boolean },
): Promise<void> {
  await native.publishFile(directory, name, bytes, { mode: 0o640, uid, gid, replace, sync });
  if (sync) await syncDirectory(directory);
}

/** Notes stand outside what the signature covers, which stays as it is. Empty ones are removed. §3.4. */
export async function setNotes(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  text: string,
  options: ChangeOptions,
): Promise<void> {
  const directory = await directoryOf(store, namespace, snapshot);
  await withManifest(store, namespace, snapshot, options, async () => {
    const manifest = await manifestOf(store, namespace, snapshot);
    const { notes: _, ...others } = manifest.unprotected;
    const unprotected = text === '' ? others : { ...others, notes: text };
    const bytes = encodeManifest({ ...manifest, unprotected });
    await publish(store, directory, MANIFEST_NAME, bytes, { sync: options.sync, replace: true });
  });
}

/** True if the snapshot must not be deleted. §5. */
export async function isProtected(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
): Promise<boolean> {
  return exists(join(await directoryOf(store, namespace, snapshot), PROTECTED));
}

/** Sets or removes the mark. §5. */
export async function setProtected(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  on: boolean,
  options: ChangeOptions,
): Promise<void> {
  await directoryOf(store, namespace, snapshot);
  await withSnapshot(store, namespace, snapshot, options, async () => {
    const directory = await directoryOf(store, namespace, snapshot);
    if ((await exists(join(directory, PROTECTED))) === on) return;
    const { sync } = options;
    if (on) return publish(store, directory, PROTECTED, Buffer.alloc(0), { sync, replace: false });
    await unlink(join(directory, PROTECTED));
    if (sync) await syncDirectory(directory);
  });
}

/** Adds an encoded blob as the client log. LOG_EXISTS. */
export async function uploadLog(
  store: Store,
  namespace: Namespace,
  snapshot: SnapshotName,
  blob: Buffer,
  options: ChangeOptions,
): Promise<void> {
  await directoryOf(store, namespace, snapshot);
  await withManifest(store, namespace, snapshot, options, async () => {
    const directory = await directoryOf(store, namespace, snapshot);
    try {
      await publish(store, directory, CLIENT_LOG_NAME, blob, { sync: options.sync, replace: false });
    } catch (cause) {
      if (systemCode(cause) !== 'EEXIST') throw cause;
      const text = snapshotText(namespace, snapshot);
      throw new RepositoryError('LOG_EXISTS', `snapshot ${text} already contains a log`, { cause });
    }
  });
}
