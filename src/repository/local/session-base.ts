/** What a backup may build upon: the newest finished snapshot of its group, and the chunks of that. */
import { join } from 'node:path';
import type { NativeChunkStore } from '../../native-chunk.js';
import { decodeIndex } from '../../snapshot/archive-index.js';
import { MAX_INDEX_SIZE } from '../../snapshot/dynamic-index.js';
import type { Manifest } from '../../snapshot/manifest.js';
import type { GroupName, Namespace, SnapshotName } from '../../snapshot/names.js';
import { failedVerification } from '../../snapshot/verify-state.js';
import type { Seal } from '../seal.js';
import { readBounded } from './bounded-read.js';
import { listSnapshots, readManifest } from './catalogue.js';
import { snapshotDirectory } from './layout.js';
import type { Store } from './store.js';

export interface FinishedSnapshot {
  readonly snapshot: SnapshotName;
  readonly directory: string;
  /** Undefined where it is damaged: the snapshot's time counts, its chunks do not. */
  readonly manifest: Manifest | undefined;
  /** Why there is no manifest. */
  readonly problem?: unknown;
}

/** The newest snapshot of a group that was finished. */
export async function newestFinished(
  { root }: Store,
  namespace: Namespace,
  group: GroupName,
): Promise<FinishedSnapshot | undefined> {
  for (const snapshot of (await listSnapshots(root, namespace, group)).reverse()) {
    const directory = snapshotDirectory(root, namespace, snapshot);
    try {
      const manifest = await readManifest(directory);
      if (manifest !== undefined) return { snapshot, directory, manifest };
    } catch (problem) {
      return { snapshot, directory, manifest: undefined, problem };
    }
  }
  return undefined;
}

/**
 * Chunks of the snapshot that are of the backup's class are known, unless its verification failed; a damaged index makes none known. Nothing
 * depends on who wrote the manifest: a chunk is met by its digest, which is made from what is backed up.
 */
export async function registerKnown(
  { directory, manifest }: FinishedSnapshot,
  seal: Seal,
  chunks: NativeChunkStore,
): Promise<void> {
  if (manifest === undefined || failedVerification(manifest)) return;
  for (const { filename, cryptMode, csum, size } of manifest.files) {
    if (!/\.[df]idx$/.test(filename) || !seal.shares(cryptMode)) continue;
    try {
      const bytes = await readBounded(join(directory, filename), MAX_INDEX_SIZE);
      const index = decodeIndex(bytes, filename);
      index.verify(csum, size);
      chunks.register(index.entries);
    } catch {
      // Its chunks are then verified before they are reused.
    }
  }
}
