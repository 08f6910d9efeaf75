/** Files of a snapshot as they are stored, held against its manifest. snapshot-manifest.md §9. */
import { createHash } from 'node:crypto';
import type { EncryptionKey } from '../keys/encryption-key.js';
import { ENCRYPTED_KEY_NAME, type ServerName } from '../snapshot/archive-names.js';
import { decodeBlob, MAX_BLOB_CONTENT } from '../snapshot/blob.js';
import type { Manifest, ManifestFile } from '../snapshot/manifest.js';
import { formatSnapshot, type SnapshotName } from '../snapshot/names.js';
import { RepositoryError } from './errors.js';

/** Longest stored blob and longest stored manifest, in bytes. */
export const BLOB_LIMIT: number = 128 * 1024 * 1024 + 44;
export const MANIFEST_LIMIT: number = 16 * 1024 * 1024;

/** Throws RepositoryError `ARCHIVE_DAMAGED` where the manifest is that of another snapshot. */
export function checkName(asked: SnapshotName, manifest: Manifest): void {
  const [wanted, found] = [formatSnapshot(asked), formatSnapshot(manifest.snapshot)];
  if (wanted !== found)
    throw new RepositoryError('ARCHIVE_DAMAGED', `the manifest of ${wanted} is that of ${found}`);
}

/** What the manifest says of a file. Throws RepositoryError `ARCHIVE_MISSING`. */
export function manifestEntry({ files }: Manifest, name: ServerName): ManifestFile {
  const entry = files.find(({ filename }) => filename === name);
  if (entry === undefined)
    throw new RepositoryError('ARCHIVE_MISSING', `manifest does not contain file '${name}'`);
  return entry;
}

/** The key for the chunks or the blob of a file: encrypted ones only. §4.3. A key encrypted for a master key is stored as it is. */
export function keyOf(
  { filename, cryptMode }: ManifestFile,
  key: EncryptionKey | undefined,
): EncryptionKey | undefined {
  return cryptMode === 'encrypt' && filename !== ENCRYPTED_KEY_NAME ? key : undefined;
}

/** The content of a stored blob; `file` is its name for errors. Throws RepositoryError `ARCHIVE_DAMAGED` and BlobError. */
export function checkedBlob(
  bytes: Buffer,
  entry: ManifestFile,
  file: string,
  key: EncryptionKey | undefined,
): Buffer {
  const { size, csum } = entry;
  const found = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== size || found !== csum) {
    throw new RepositoryError(
      'ARCHIVE_DAMAGED',
      `${file}: ${bytes.length} bytes with checksum ${found}, the manifest says ${size} bytes with ${csum}`,
    );
  }
  return decodeBlob(bytes, file, MAX_BLOB_CONTENT, keyOf(entry, key));
}
