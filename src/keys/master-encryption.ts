/** Encryption keys, encrypted for a master key. indexes-blobs-chunks.md §10. */
import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { EncryptionKey } from './encryption-key.js';
import { KeyError, MasterKeyError } from './errors.js';
import { formatKeyFile, type KeyFile, parseKeyFile } from './key-file.js';
import { lockKey } from './lock.js';
import type { MasterPublicKey } from './master-key.js';
import { unpad } from './pkcs1.js';

/**
 * The content of `rsa-encrypted.key.blob`: the key as a key file without password, encrypted for the master key. `created` is that of the
 * key's file, `modified` now; whole seconds since the epoch.
 */
export async function encryptForMaster(
  key: EncryptionKey,
  { key: master }: MasterPublicKey,
  times: Pick<KeyFile, 'created' | 'modified'>,
): Promise<Buffer> {
  const file = await lockKey(key, { ...times, secret: undefined, hint: undefined });
  const plain = formatKeyFile(file);
  try {
    return publicEncrypt({ key: master, padding: constants.RSA_PKCS1_PADDING }, plain);
  } finally {
    plain.fill(0);
    file.data.fill(0);
  }
}

/**
 * The RSA operation alone. With PKCS#1 v1.5 some Nodes refuse it, by the OpenSSL that they are built with, and others answer a wrong key
 * with random bytes instead of an error.
 */
function decryptRaw(encrypted: Buffer, master: KeyObject): Buffer | undefined {
  const bits = master.asymmetricKeyDetails?.modulusLength ?? 0;
  if (encrypted.length !== Math.ceil(bits / 8)) return undefined;
  try {
    return privateDecrypt({ key: master, padding: constants.RSA_NO_PADDING }, encrypted);
  } catch {
    return undefined;
  }
}

/**
 * The opposite of `encryptForMaster`: a key file without password; wipe its `data`. Whoever decrypts here has the private key at hand, so
 * that it does not matter what the time taken tells of the padding. Throws MasterKeyError `MASTER_KEY_MISMATCH`, KeyError `KEY_FILE_SHAPE`.
 */
export function decryptWithMaster(encrypted: Buffer, master: KeyObject, name: string): KeyFile {
  const padded = decryptRaw(encrypted, master);
  const plain = padded === undefined ? undefined : unpad(padded);
  if (plain === undefined) {
    padded?.fill(0);
    throw new MasterKeyError('MASTER_KEY_MISMATCH', `${name}: this was not encrypted for this master key`);
  }
  try {
    const file = parseKeyFile(plain, name);
    if (file.kdf === undefined) return file;
    throw new KeyError('KEY_FILE_SHAPE', `${name}: the key in it has a password of its own`);
  } finally {
    padded?.fill(0);
  }
}
