/** How a command protects what it writes: crypt mode, key, master key. cli.md §2.3. */
import type { EncryptionKey } from '../keys/encryption-key.js';
import { KeyError } from '../keys/errors.js';
import { shortFingerprint } from '../keys/fingerprint.js';
import { KEY_FILE_LIMIT } from '../keys/key-file.js';
import { encryptForMaster } from '../keys/master-encryption.js';
import { PEM_LIMIT, parsePublicKey } from '../keys/master-key.js';
import { Seal } from '../repository/seal.js';
import type { CryptMode } from '../snapshot/manifest.js';
import { type Invocation, optionString } from './command.js';
import { defaultKey, defaultMaster } from './commands/key-places.js';
import type { Context } from './context.js';
import { UsageError } from './errors.js';
import { type NamedBytes, namedBytes, namedKey, openKey, storedBytes } from './keys.js';

/** What a backup is protected with. */
export interface Protection {
  readonly seal: Seal;
  /** Makes the seal's key, encrypted for the master key; undefined where there is none. Throws KeyError, MasterKeyError and system errors. */
  readonly encryptedKey: () => Promise<Buffer | undefined>;
  /** What a person should know of it, line by line. */
  readonly messages: readonly string[];
}

const PLAIN: Protection = {
  seal: Seal.none,
  encryptedKey: () => Promise.resolve(undefined),
  messages: [],
};

/** What the options name. */
interface Wishes {
  readonly mode: CryptMode | undefined;
  readonly key: NamedBytes | undefined;
  readonly master: NamedBytes | undefined;
}

const MASTER_OPTIONS = '--master-pubkey-file/--master-pubkey-fd';

const MODES = ['none', 'encrypt', 'sign-only'] as const satisfies readonly CryptMode[];

/** Throws UsageError for options that exclude each other. */
function wishesOf(invocation: Invocation, command: readonly string[]): Wishes {
  const text = optionString(invocation, 'crypt-mode');
  const mode = MODES.find((each) => each === text);
  const key = namedKey(invocation, command);
  const master = namedBytes(
    invocation,
    { path: 'master-pubkey-file', fd: 'master-pubkey-fd', limit: PEM_LIMIT },
    command,
  );
  for (const [given, options] of [
    [key, '--keyfile/--keyfd'],
    [master, MASTER_OPTIONS],
  ] as const)
    if (mode === 'none' && given !== undefined)
      throw new UsageError(`${options} and --crypt-mode=none are mutually exclusive`, command);
  if (key?.descriptor !== undefined && key.descriptor === master?.descriptor)
    throw new UsageError('--keyfd and --master-pubkey-fd are the same descriptor', command);
  return { mode, key, master };
}

/** The key's bytes, and how messages name it; undefined: the backup is plain. Throws KeyError `KEY_FILE_MISSING`. */
async function keyBytes(
  { mode, key, master }: Wishes,
  context: Context,
): Promise<{ readonly bytes: NamedBytes; readonly message: string } | undefined> {
  if (mode === 'none') return undefined;
  if (key !== undefined) return { bytes: key, message: `Using encryption key from ${key.shown}..` };
  const path = await defaultKey(context);
  if (path !== undefined)
    return { bytes: storedBytes(path, KEY_FILE_LIMIT), message: 'Using default encryption key..' };
  if (mode === undefined && master === undefined) return undefined;
  const problem =
    mode === undefined
      ? `${MASTER_OPTIONS} specified, but no key available`
      : '--crypt-mode without --keyfile and no default key file available';
  throw new KeyError('KEY_FILE_MISSING', problem);
}

/** The key as a backup keeps it for the master key that is named, or that of the default place. Throws MasterKeyError, KeyError. */
async function keyForMaster(
  key: EncryptionKey,
  created: number,
  named: NamedBytes | undefined,
  context: Context,
): Promise<Buffer | undefined> {
  const path = named === undefined ? await defaultMaster(context) : undefined;
  const bytes = path === undefined ? named : storedBytes(path, PEM_LIMIT);
  if (bytes === undefined) return undefined;
  const master = parsePublicKey(await bytes.read(), bytes.name);
  return encryptForMaster(key, master, { created, modified: context.clock().seconds });
}

/**
 * Calls `use` with what the options, or files in the default places, say of keys; the key is overwritten at the end, whatever that is.
 * `command` is named in usage errors. Throws UsageError, KeyError, PasswordError, system errors, and what `use` throws.
 */
export async function withProtection<T>(
  invocation: Invocation,
  context: Context,
  command: readonly string[],
  use: (protection: Protection) => Promise<T>,
): Promise<T> {
  const wishes = wishesOf(invocation, command);
  const found = await keyBytes(wishes, context);
  if (found === undefined) return use(PLAIN);
  const { key, created } = await openKey(found.bytes, context);
  try {
    return await use({
      seal: Seal.of(wishes.mode === 'sign-only' ? 'sign-only' : 'encrypt', key),
      encryptedKey: () => keyForMaster(key, created, wishes.master, context),
      messages: [found.message, `Encryption key fingerprint: ${shortFingerprint(key.fingerprint)}`],
    });
  } finally {
    key.wipe();
  }
}
