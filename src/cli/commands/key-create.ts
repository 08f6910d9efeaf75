/** `restat key create`, `key change-passphrase` and `key import-with-master-key`: files of encryption keys. cli.md §6. */
import { EncryptionKey } from '../../keys/encryption-key.js';
import { formatKeyFile, KEY_FILE_LIMIT, type KeyFile, parseKeyFile } from '../../keys/key-file.js';
import { lockKey, unlockKey } from '../../keys/lock.js';
import { decryptWithMaster } from '../../keys/master-encryption.js';
import { openPrivateKey, PEM_LIMIT } from '../../keys/master-key.js';
import { createStored, readStored, refuseExisting, replaceStored } from '../../keys/stored-file.js';
import { decodeBlob } from '../../snapshot/blob.js';
import { BlobError } from '../../snapshot/errors.js';
import { type Invocation, optionString } from '../command.js';
import type { Context } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { askNewPassword, keyPassword, masterPassword, needTerminal, newKeyPassword } from './key-password.js';
import { keyPath, newKeyPlace } from './key-places.js';
import { type Protection, protection } from './key-protection.js';

/** Longest `rsa-encrypted.key` or `.blob`, in bytes. */
const ENCRYPTED_LIMIT = 64 * 1024;

/** What a key file needs to know beside the key. */
interface Seal extends Protection {
  readonly created: number;
  readonly modified: number;
  /** Called for a key that gets a password. */
  readonly ask: () => Promise<Buffer>;
}

/** Locks a key and hands its file's bytes to `store`; whatever was secret is wiped, the key as well. */
async function seal(
  key: EncryptionKey,
  { kdf, hint, created, modified, ask }: Seal,
  store: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const secrets: Buffer[] = [];
  const keep = (bytes: Buffer): Buffer => {
    secrets.push(bytes);
    return bytes;
  };
  try {
    const secret = kdf === 'none' ? undefined : { kdf, password: keep(await ask()) };
    const file = await lockKey(key, { secret, hint, created, modified });
    keep(file.data);
    await store(keep(formatKeyFile(file)));
  } finally {
    key.wipe();
    for (const bytes of secrets) bytes.fill(0);
  }
}

/** Reads a key file; its bytes are wiped, its `data` is the caller's. */
async function readKeyFile(path: string): Promise<KeyFile> {
  const bytes = await readStored(path, KEY_FILE_LIMIT);
  try {
    return parseKeyFile(bytes, path);
  } finally {
    bytes.fill(0);
  }
}

async function unlock(file: KeyFile, context: Context): Promise<EncryptionKey> {
  try {
    return await unlockKey(file, () => keyPassword(context));
  } finally {
    file.data.fill(0);
  }
}

/** `restat key create`. */
export async function createKey(invocation: Invocation, context: Context): Promise<number> {
  const wanted = protection(invocation, ['key', 'create']);
  const { path, isDefault } = newKeyPlace(invocation, context);
  await refuseExisting(path);
  if (isDefault) context.stderr.write(`creating default key at: ${JSON.stringify(path)}\n`);
  const { seconds: now } = context.clock();
  const ask = (): Promise<Buffer> => newKeyPassword(context);
  await seal(EncryptionKey.generate(), { ...wanted, created: now, modified: now, ask }, (bytes) =>
    createStored(path, bytes, { makeDirectory: isDefault }),
  );
  return ExitCode.done;
}

/** `restat key change-passphrase`. */
export async function changePassphrase(invocation: Invocation, context: Context): Promise<number> {
  const wanted = protection(invocation, ['key', 'change-passphrase']);
  const path = await keyPath(invocation, context);
  // Before somebody types the old password for nothing.
  if (wanted.kdf !== 'none') needTerminal(context);
  const file = await readKeyFile(path);
  const key = await unlock(file, context);
  const times = { created: file.created, modified: context.clock().seconds };
  const ask = (): Promise<Buffer> => askNewPassword(context, 'New Password: ');
  await seal(key, { ...wanted, ...times, ask }, (bytes) => replaceStored(path, bytes));
  return ExitCode.done;
}

function needed(invocation: Invocation, name: string): string {
  const value = optionString(invocation, name);
  if (value !== undefined) return value;
  throw new UsageError(`--${name} is needed`, ['key', 'import-with-master-key']);
}

/** The RSA output, taken out of its blob where the file is one. */
async function readEncrypted(path: string): Promise<Buffer> {
  const bytes = await readStored(path, ENCRYPTED_LIMIT);
  try {
    return decodeBlob(bytes, path, ENCRYPTED_LIMIT);
  } catch (error) {
    const bare = error instanceof BlobError && (error.code === 'BLOB_MAGIC' || error.code === 'BLOB_SHORT');
    if (bare) return bytes;
    throw error;
  }
}

/** The key file in an `rsa-encrypted.key`. */
async function decryptKeyFile(invocation: Invocation, context: Context): Promise<KeyFile> {
  const [masterFile, encryptedFile] = [
    needed(invocation, 'master-keyfile'),
    needed(invocation, 'encrypted-keyfile'),
  ];
  const encrypted = await readEncrypted(encryptedFile);
  const pem = await readStored(masterFile, PEM_LIMIT);
  try {
    const master = await openPrivateKey(pem, masterFile, () => masterPassword(context));
    return decryptWithMaster(encrypted, master, encryptedFile);
  } finally {
    pem.fill(0);
  }
}

/** `restat key import-with-master-key`. */
export async function importKey(invocation: Invocation, context: Context): Promise<number> {
  const wanted = protection(invocation, ['key', 'import-with-master-key']);
  const { path, isDefault } = newKeyPlace(invocation, context);
  if (isDefault) await refuseExisting(path);
  const file = await decryptKeyFile(invocation, context);
  const key = await unlock(file, context);
  if (isDefault) context.stderr.write(`creating default key at: ${JSON.stringify(path)}\n`);
  const times = { created: file.created, modified: context.clock().seconds };
  const ask = (): Promise<Buffer> => newKeyPassword(context, 'New Password: ');
  await seal(key, { ...wanted, ...times, ask }, (bytes) =>
    isDefault ? createStored(path, bytes, { makeDirectory: true }) : replaceStored(path, bytes),
  );
  return ExitCode.done;
}
