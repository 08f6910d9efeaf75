/** One source of a blob: `NAME.conf` or `NAME.log`, a regular file. */
import { constants, open } from 'node:fs/promises';
import type { BackupSession } from '../repository/repository.js';
import { serverName } from '../snapshot/archive-names.js';
import { encodeBlob, MAX_BLOB_CONTENT } from '../snapshot/blob.js';
import type { ArchiveSummary } from './archive.js';
import { BackupError } from './errors.js';
import type { Source } from './sources.js';
import { plainSummary, unchunked } from './summary.js';

/** Longest container that servers take, in bytes. protocol.md §5.1. */
const STORED_LIMIT = 16 * 1024 * 1024 + 44;

function tooLarge(path: string, problem: string): BackupError {
  return new BackupError('BACKUP_TOO_LARGE', `'${path}': ${problem}`);
}

/** Bytes that are read at once. */
const PIECE = 256 * 1024;

/** What the file holds until its end, whatever size it says: files of /proc have none, and a log grows. */
async function readContent(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new BackupError('BACKUP_UNREADABLE', `'${path}' is no regular file any more`);
    const room = Buffer.allocUnsafe(PIECE);
    const pieces: Buffer[] = [];
    for (let length = 0; Math.max(length, info.size) <= MAX_BLOB_CONTENT; ) {
      const { bytesRead } = await file.read(room, 0, PIECE, null);
      if (bytesRead === 0) return Buffer.concat(pieces, length);
      pieces.push(Buffer.from(room.subarray(0, bytesRead)));
      length += bytesRead;
    }
    throw tooLarge(path, `more than ${MAX_BLOB_CONTENT} bytes`);
  } finally {
    await file.close();
  }
}

/**
 * Writes one source as a blob; a dry run only reads its size. Throws BackupError `BACKUP_TOO_LARGE` where the container would be longer
 * than a server takes, `BACKUP_UNREADABLE`, and what the session throws.
 */
export async function backupBlob(
  { archive, path }: Source,
  { dryRun }: { readonly dryRun: boolean },
  session: BackupSession,
): Promise<ArchiveSummary> {
  const name = serverName(archive);
  const content = await readContent(path).catch((cause: unknown) => {
    if (cause instanceof BackupError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError('BACKUP_UNREADABLE', `unable to read '${path}': ${reason}`, { cause });
  });
  const encoded = encodeBlob(content, name, { compress: true, key: session.seal.encryption });
  if (encoded.length > STORED_LIMIT)
    throw tooLarge(path, `${encoded.length} bytes when compressed, at most ${STORED_LIMIT} can be stored`);
  if (!dryRun) await session.putBlob(name, encoded);
  return plainSummary(archive, unchunked(content.length, dryRun ? 0 : encoded.length));
}
