/** Files of a snapshot as they are stored, held against its manifest. snapshot-manifest.md §9. */
import { createHash } from 'node:crypto';
import type { ServerName } from '../snapshot/archive-names.js';
import { decodeBlob } from '../snapshot/blob.js';
import type { Manifest, ManifestFile } from '../snapshot/manifest.js';
import { RepositoryError } from './errors.js';

/** Longest stored blob and longest stored manifest, in bytes. */
export const BLOB_LIMIT: number = 128 * 1024 * 1024 + 44;
export const MANIFEST_LIMIT: number = 16 * 1024 * 1024;

/** What the manifest says of a file. Throws RepositoryError `ARCHIVE_MISSING`. */
export function manifestEntry({ files }: Manifest, name: ServerName): ManifestFile {
  const entry = files.find(({ filename }) => filename === name);
  if (entry === undefined)
    throw new RepositoryError('ARCHIVE_MISSING', `manifest does not contain file '${name}'`);
  return entry;
}

/** The content of a stored blob; `file` is its name for errors. Throws RepositoryError `ARCHIVE_DAMAGED` and BlobError. */
export function checkedBlob(bytes: Buffer, { size, csum }: ManifestFile, file: string): Buffer {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== size || found !== csum) {
    throw new RepositoryError(
      'ARCHIVE_DAMAGED',
      `${file}: ${bytes.length} bytes with checksum ${found}, the manifest says ${size} bytes with ${csum}`,
    );
  }
  return decodeBlob(bytes, file);
}
