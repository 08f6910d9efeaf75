/** Puts other bytes in the place of a stream of the newest snapshot, as if a run had stored them: chunks, index and manifest agree. */

import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../src/native.js';
import { openRepository } from '../../src/repository/open.js';
import { Seal } from '../../src/repository/seal.js';
import { serverName } from '../../src/snapshot/archive-names.js';
import { backupTime, parseBackupId, parseBackupType, parseNamespace } from '../../src/snapshot/names.js';
import { StoredSnapshot } from './stored-snapshot.js';

const TIME = 1_700_000_000;
/** A group that is gone afterwards. */
const SPARE = 'host/spare';

/** Replaces a stream (`NAME.didx`) of the newest snapshot of host/t. */
export async function replaceStream(store: string, name: string, bytes: Buffer): Promise<void> {
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const group = { type: parseBackupType('host'), id: parseBackupId('spare') };
  const options = { owner: 'root@pam', seal: Seal.none, now: TIME, waitSeconds: 0 };
  const session = await repository.begin(parseNamespace(''), group, backupTime(TIME), options);
  const ingest = new native.Ingest({
    store: await session.sink(serverName(name)),
    averageSize: 65_536,
    payload: false,
  });
  await ingest.write(bytes);
  const stream = await ingest.finish();
  await session.putIndex(serverName(name), stream);
  await session.finish({});
  const index = readFileSync(new StoredSnapshot(store, SPARE).path(name));
  rmSync(join(store, SPARE), { recursive: true });
  const csum = createHash('sha256').update(stream.entries).digest('hex');
  const snapshot = new StoredSnapshot(store);
  snapshot.edit(name, () => index);
  snapshot.changeManifest((manifest) => ({
    ...manifest,
    files: manifest.files.map((file) =>
      file.filename === name ? { ...file, size: stream.size, csum } : file,
    ),
  }));
}
