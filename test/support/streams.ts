/** The stream behind an index of a datastore, read through the repository. */

import { native } from '../../src/native.js';
import { openRepository } from '../../src/repository/open.js';
import type { SnapshotReader } from '../../src/repository/repository.js';
import { Seal } from '../../src/repository/seal.js';
import { serverName } from '../../src/snapshot/archive-names.js';
import {
  backupTime,
  parseBackupId,
  parseBackupType,
  parseNamespace,
  parseSnapshot,
  type SnapshotName,
} from '../../src/snapshot/names.js';

const PIECE = 4 * 1024 * 1024;

/** A snapshot by its name, or the newest one of a group. */
async function find(store: string, text: string, namespace: string): Promise<SnapshotName> {
  if (text.split('/').length > 2) return parseSnapshot(text);
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const all = await repository.snapshots(parseNamespace(namespace));
  const newest = all.filter(({ snapshot }) => `${snapshot.type}/${snapshot.id}` === text).at(-1);
  if (newest === undefined) throw new Error(`no snapshot in ${text}`);
  return newest.snapshot;
}

/** Calls `use` with the reader of a snapshot. */
export async function withSnapshot<T>(
  store: string,
  snapshot: string,
  use: (reader: SnapshotReader) => Promise<T>,
  namespace = '',
): Promise<T> {
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const name = await find(store, snapshot, namespace);
  const reader = await repository.open(parseNamespace(namespace), name, { waitSeconds: 0 });
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

/** All bytes of an archive stream. */
export function assembled(store: string, snapshot: string, name: string, namespace = ''): Promise<Buffer> {
  return withSnapshot(
    store,
    snapshot,
    async (reader) => {
      const chunks = reader.open(await reader.index(serverName(name)), PIECE);
      const parts: Buffer[] = [];
      for (let at = 0; at < chunks.size(); at += PIECE) {
        parts.push(await chunks.read(at, Math.min(PIECE, chunks.size() - at)));
      }
      return Buffer.concat(parts);
    },
    namespace,
  );
}

/** Puts a single archive of these bytes into group host/t as root.pxar, whatever is in it. */
export async function storeArchive(store: string, bytes: Buffer): Promise<void> {
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const group = { type: parseBackupType('host'), id: parseBackupId('t') };
  const options = { owner: 'root@pam', seal: Seal.none, now: 1_700_000_000, waitSeconds: 0 };
  const session = await repository.begin(parseNamespace(''), group, backupTime(1_700_000_000), options);
  const ingest = new native.Ingest({
    store: await session.sink(serverName('root.pxar')),
    averageSize: PIECE,
    payload: false,
  });
  await ingest.write(bytes);
  await session.putIndex(serverName('root.pxar'), await ingest.finish());
  await session.finish({});
}
