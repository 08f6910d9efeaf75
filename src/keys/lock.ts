/** Keys into key files and out of them. indexes-blobs-chunks.md §9. */
import { native } from '../native.js';
import { EncryptionKey } from './encryption-key.js';
import { KeyError } from './errors.js';
import { encipher, IV_BYTES, TAG_BYTES } from './gcm.js';
import { deriveKey, type Kdf, type KdfName, newKdf } from './kdf.js';
import type { KeyFile } from './key-file.js';
import { secretCopy } from './secret-bytes.js';

/** Bytes of a new password; OpenSSL reads private keys with at most so many. */
const [PASSWORD_MIN, PASSWORD_MAX] = [5, 1024];
/** Longest hint of a new file, in characters. */
const HINT_MAX = 64;

/** What a new file gets. */
export interface LockOptions {
  /** How the password makes a key, and the password itself, which stays as it is; undefined: the key is stored in clear. */
  readonly secret: { readonly kdf: Exclude<KdfName, 'none'>; readonly password: Buffer } | undefined;
  /** Whole seconds since the epoch. */
  readonly created: number;
  readonly modified: number;
  readonly hint: string | undefined;
}

/** Throws KeyError `KEY_PASSWORD_LENGTH`. */
export function checkNewPassword(password: Buffer): void {
  if (password.length < PASSWORD_MIN || password.length > PASSWORD_MAX)
    throw new KeyError('KEY_PASSWORD_LENGTH', `a password has ${PASSWORD_MIN} to ${PASSWORD_MAX} bytes`);
}

/** Throws KeyError `KEY_HINT` for a hint that is not one line of 1 to 64 characters, or that goes with no password. */
export function checkHint(hint: string | undefined, kdf: KdfName): void {
  if (hint === undefined) return;
  if (kdf === 'none') throw new KeyError('KEY_HINT', 'a key without a password has no password hint');
  const length = [...hint].length;
  if (length < 1 || length > HINT_MAX || /\p{Cc}/u.test(hint))
    throw new KeyError('KEY_HINT', `a password hint is one line of 1 to ${HINT_MAX} characters`);
}

async function seal(secret: Buffer, password: Buffer, kdf: Kdf): Promise<Buffer> {
  const derived = await deriveKey(password, kdf);
  try {
    const { iv, tag, data } = encipher(derived, secret);
    return Buffer.concat([iv, tag, data]);
  } finally {
    derived.fill(0);
  }
}

/**
 * Undefined for a wrong password and for damaged data, which look the same. Node's own decryption moves what it has decrypted, and leaves
 * it behind in memory that is free.
 */
function unseal(stored: Buffer, derived: Buffer): Buffer | undefined {
  const [iv, tag] = [stored.subarray(0, IV_BYTES), stored.subarray(IV_BYTES, IV_BYTES + TAG_BYTES)];
  const data = secretCopy(stored.subarray(IV_BYTES + TAG_BYTES));
  const key = new native.CryptKey(derived, derived);
  try {
    key.decrypt(iv, tag, data);
    return data;
  } catch {
    data.fill(0);
    return undefined;
  } finally {
    key.wipe();
  }
}

/**
 * A key file for a key, with a salt and IV of its own. The key stays as it is. Throws KeyError `KEY_PASSWORD_LENGTH` and `KEY_HINT`.
 */
export async function lockKey(key: EncryptionKey, options: LockOptions): Promise<KeyFile> {
  const { secret, created, modified, hint } = options;
  const { fingerprint } = key;
  checkHint(hint, secret?.kdf ?? 'none');
  if (secret === undefined) {
    return { kdf: undefined, created, modified, data: secretCopy(key.secret), fingerprint, hint };
  }
  checkNewPassword(secret.password);
  const kdf = newKdf(secret.kdf);
  return { kdf, created, modified, data: await seal(key.secret, secret.password, kdf), fingerprint, hint };
}

/** One line that cannot send anything to a terminal. */
function hintText(hint: string | undefined): string {
  return hint === undefined ? '' : ` (password hint: ${hint.replace(/\p{Cc}/gu, '?')})`;
}

/**
 * The key of a file, checked against the file's fingerprint; the caller wipes it. `password` is called for a key that has one, and its
 * bytes are wiped. Throws KeyError `KEY_PASSWORD` and `KEY_FINGERPRINT`, and what `password` throws.
 */
export async function unlockKey(file: KeyFile, password: () => Promise<Buffer>): Promise<EncryptionKey> {
  const key = new EncryptionKey(await secretOf(file, password));
  try {
    if (file.fingerprint !== undefined) key.check(file.fingerprint);
    return key;
  } catch (error) {
    key.wipe();
    throw error;
  }
}

async function secretOf({ kdf, data, hint }: KeyFile, password: () => Promise<Buffer>): Promise<Buffer> {
  if (kdf === undefined) return secretCopy(data);
  const derived = await derivedFrom(await password(), kdf);
  const secret = unseal(data, derived);
  derived.fill(0);
  if (secret === undefined)
    throw new KeyError('KEY_PASSWORD', `unable to decrypt the key: the password is wrong${hintText(hint)}`);
  return secret;
}

async function derivedFrom(password: Buffer, kdf: Kdf): Promise<Buffer> {
  try {
    return await deriveKey(password, kdf);
  } finally {
    password.fill(0);
  }
}
