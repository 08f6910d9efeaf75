/** A datastore like the one that the recorded calls met, as far as their replies tell of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { snapshotOf } from '../../../src/server/specs.js';
import { MANIFEST_NAME, parseServerName } from '../../../src/snapshot/archive-names.js';
import { encodeManifest } from '../../../src/snapshot/manifest.js';
import { formatSnapshot, namespaceDirectory, parseNamespace } from '../../../src/snapshot/names.js';

export const snapshotSchema = z.object({
  'backup-type': z.string(),
  'backup-id': z.string(),
  'backup-time': z.int(),
  files: z.array(z.object({ filename: z.string(), size: z.int() })),
  owner: z.string(),
});
export type RecordedSnapshot = z.infer<typeof snapshotSchema>;

const CSUM = '0'.repeat(64);

/** A snapshot with these files, which are empty but for the manifest. */
export function addSnapshot(directory: string, recorded: RecordedSnapshot, namespace = ''): void {
  const snapshot = snapshotOf(recorded);
  const place = join(directory, namespaceDirectory(parseNamespace(namespace)), formatSnapshot(snapshot));
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, '..', 'owner'), `${recorded.owner}\n`);
  const listed = recorded.files.filter(({ filename }) => filename !== MANIFEST_NAME);
  const files = listed.map(({ filename, size }) => ({
    filename: parseServerName(filename),
    size,
    cryptMode: 'none' as const,
    csum: CSUM,
  }));
  for (const { filename } of files) writeFileSync(join(place, filename), '');
  const manifest = { snapshot, files, signature: null, unprotected: {} };
  writeFileSync(join(place, MANIFEST_NAME), encodeManifest(manifest));
}

/** A snapshot of `host/ID` with files of no size. */
export function plainSnapshot(
  id: string,
  time: number,
  files: readonly string[],
  owner: string,
): RecordedSnapshot {
  return {
    'backup-type': 'host',
    'backup-id': id,
    'backup-time': time,
    files: files.map((filename) => ({ filename, size: 0 })),
    owner,
  };
}
