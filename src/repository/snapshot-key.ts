/** Which key a snapshot is read with, and whether its manifest is that key's. snapshot-manifest.md §3.3, cli.md §3. */
import type { EncryptionKey } from '../keys/encryption-key.js';
import { type Fingerprint, parseFingerprint, shortFingerprint } from '../keys/fingerprint.js';
import { canonicalManifest, type Manifest } from '../snapshot/manifest.js';
import { RepositoryError } from './errors.js';

/** Where a key comes from when a snapshot needs one. */
export interface KeySource {
  /** Somebody named the key: a manifest without a signature is then an error. */
  readonly isNamed: boolean;
  /** The key, which stays the source's; undefined where there is none. */
  unlock(): Promise<EncryptionKey | undefined>;
}

function fingerprintOf({ unprotected }: Manifest): Fingerprint | undefined {
  const text = unprotected['key-fingerprint'];
  return typeof text === 'string' ? parseFingerprint(text) : undefined;
}

function needsKey(manifest: Manifest): boolean {
  return (
    manifest.signature !== null ||
    (manifest.unprotected['key-fingerprint'] ?? null) !== null ||
    manifest.files.some(({ cryptMode }) => cryptMode !== 'none')
  );
}

/** RepositoryError `KEY_MISSING`: the snapshot cannot be read without a key. */
export function missingKey(manifest: Manifest): RepositoryError {
  const fingerprint = fingerprintOf(manifest);
  const which = fingerprint === undefined ? 'a key' : `key ${shortFingerprint(fingerprint)}`;
  return new RepositoryError('KEY_MISSING', `missing key - manifest was created with ${which}`);
}

function wrongKey(theirs: Fingerprint, key: EncryptionKey): RepositoryError {
  const [made, given] = [shortFingerprint(theirs), shortFingerprint(key.fingerprint)];
  const problem = `manifest's key ${made} does not match provided key ${given}`;
  return new RepositoryError('KEY_WRONG', `wrong key - unable to verify signature since ${problem}`);
}

function unsigned(manifest: Manifest): RepositoryError {
  const problem = needsKey(manifest)
    ? 'the manifest has no signature, where one is expected'
    : 'the snapshot was made without a key: leave out the one that is named to read it unchecked';
  return new RepositoryError('MANIFEST_UNSIGNED', problem);
}

/** Throws RepositoryError unless the manifest carries the key's signature. */
function checkSignature(manifest: Manifest, key: EncryptionKey): void {
  const { signature } = manifest;
  if (signature === null) throw unsigned(manifest);
  const fingerprint = fingerprintOf(manifest);
  if (fingerprint !== undefined && fingerprint !== key.fingerprint) throw wrongKey(fingerprint, key);
  if (key.verifies(canonicalManifest(manifest), signature)) return;
  throw new RepositoryError(
    'MANIFEST_SIGNATURE',
    'the signature of the manifest is wrong: it was changed, or signed with another key',
  );
}

/**
 * The key of a snapshot, with whose signature its manifest was checked; undefined for one without signature and encryption. Throws
 * RepositoryError `KEY_MISSING`, `KEY_WRONG`, `MANIFEST_UNSIGNED`, `MANIFEST_SIGNATURE`, and what the source throws.
 */
export async function keyFor(manifest: Manifest, source: KeySource): Promise<EncryptionKey | undefined> {
  if (!needsKey(manifest) && !source.isNamed) return undefined;
  const key = await source.unlock();
  if (key === undefined) throw missingKey(manifest);
  checkSignature(manifest, key);
  return key;
}
