/** The manifest as it is kept: the client's, with what was uploaded noted in it. protocol.md §5.8. */

import { systemCode } from '../../repository/errors.js';
import type { ReceivedSession } from '../../repository/local/session-received.js';
import { MANIFEST_NAME } from '../../snapshot/archive-names.js';
import { ManifestError } from '../../snapshot/errors.js';
import { decodeManifest, encodeManifest, type Manifest } from '../../snapshot/manifest.js';
import { formatSnapshot } from '../../snapshot/names.js';
import { CallError } from '../http/call-error.js';
import { classOf } from './backup-base.js';
import type { ChunkClass } from './known-chunks.js';
import type { UploadStatistics } from './upload-statistics.js';

function failure(problem: string, cause?: unknown): CallError {
  return new CallError(400, `unable to update manifest blob - ${problem}`, { cause });
}

async function readManifest(session: ReceivedSession): Promise<Manifest> {
  const path = session.pathOf(MANIFEST_NAME);
  try {
    return decodeManifest(await session.manifest(), path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    if (cause instanceof ManifestError)
      throw failure(`unable to parse backup manifest json - ${reason}`, cause);
    const text = systemCode(cause) === 'ARCHIVE_MISSING' ? 'No such file or directory (os error 2)' : reason;
    throw failure(`unable to load blob '${JSON.stringify(path)}' - ${text}`, cause);
  }
}

/** It must be of this snapshot, and say of the archives what their chunks are: the next session relies on it. */
function check(manifest: Manifest, session: ReceivedSession, classes: ReadonlyMap<string, ChunkClass>): void {
  const [own, found] = [session.snapshot, manifest.snapshot].map(formatSnapshot);
  if (own !== found) throw failure(`it is the manifest of ${found}`);
  for (const file of manifest.files) {
    const chunks = classes.get(file.filename) ?? classOf(file);
    if (chunks !== classOf(file))
      throw failure(`the chunks of ${file.filename} are ${chunks}, its crypt-mode is ${file.cryptMode}`);
  }
}

/** `classes`: of the archives that the session made. Throws CallError. */
export async function finalManifest(
  session: ReceivedSession,
  classes: ReadonlyMap<string, ChunkClass>,
  statistics: UploadStatistics,
): Promise<Buffer> {
  const manifest = await readManifest(session);
  check(manifest, session, classes);
  const unprotected = { ...manifest.unprotected, chunk_upload_stats: statistics.noted };
  return encodeManifest({ ...manifest, unprotected });
}
