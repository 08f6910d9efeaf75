/** Keys that a command is given: named, or in the default place. cli.md §2.3, §3. */
import type { EncryptionKey } from '../keys/encryption-key.js';
import { KEY_FILE_LIMIT, parseKeyFile } from '../keys/key-file.js';
import { unlockKey } from '../keys/lock.js';
import { readDescriptor, readStored } from '../keys/stored-file.js';
import type { KeySource } from '../repository/snapshot-key.js';
import { type Invocation, optionNumber, optionString } from './command.js';
import { keyPassword } from './commands/key-password.js';
import { defaultKey } from './commands/key-places.js';
import type { Context } from './context.js';
import { UsageError } from './errors.js';

/** Standard output and standard error. */
const OUTPUTS: readonly number[] = [1, 2];

/** A file or a descriptor that holds a key. */
export interface NamedBytes {
  /** In errors. */
  readonly name: string;
  /** In messages. */
  readonly shown: string;
  /** Its number, if it is a descriptor. */
  readonly descriptor: number | undefined;
  /** Throws KeyError and system errors. */
  read(): Promise<Buffer>;
}

/** The file or descriptor that one of two options names, of at most `limit` bytes. Throws UsageError for both at once. */
export function namedBytes(
  invocation: Invocation,
  options: { readonly path: string; readonly fd: string; readonly limit: number },
  command: readonly string[],
): NamedBytes | undefined {
  const path = optionString(invocation, options.path);
  const fd = optionNumber(invocation, options.fd);
  if (path !== undefined && fd !== undefined)
    throw new UsageError(`--${options.path} and --${options.fd} cannot be used together`, command);
  if (path !== undefined) return storedBytes(path, options.limit);
  if (fd === undefined) return undefined;
  // It is closed when it was read: what is said later must not go to whatever gets its number then.
  if (OUTPUTS.includes(fd)) throw new UsageError(`--${options.fd}: ${fd} is for output`, command);
  const name = `descriptor ${fd}`;
  return { name, shown: `file ${name}`, descriptor: fd, read: () => readDescriptor(fd, options.limit) };
}

/** The encryption key that options name. Throws UsageError. */
export function namedKey(invocation: Invocation, command: readonly string[]): NamedBytes | undefined {
  return namedBytes(invocation, { path: 'keyfile', fd: 'keyfd', limit: KEY_FILE_LIMIT }, command);
}

/** A file of at most `limit` bytes. */
export function storedBytes(path: string, limit: number): NamedBytes {
  return { name: path, shown: `'${path}'`, descriptor: undefined, read: () => readStored(path, limit) };
}

/** A key, which the caller wipes, and when it was made, in seconds since the epoch. Throws KeyError, PasswordError and system errors. */
export async function openKey(
  { name, read }: NamedBytes,
  context: Context,
): Promise<{ readonly key: EncryptionKey; readonly created: number }> {
  const bytes = await read();
  try {
    const file = parseKeyFile(bytes, name);
    try {
      return { key: await unlockKey(file, () => keyPassword(context)), created: file.created };
    } finally {
      file.data.fill(0);
    }
  } finally {
    bytes.fill(0);
  }
}

/** The key of a command that reads snapshots. */
class CommandKey implements KeySource {
  readonly #named: NamedBytes | undefined;
  readonly #context: Context;
  #key: Promise<EncryptionKey | undefined> | undefined;

  /** Throws UsageError. */
  constructor(invocation: Invocation, context: Context, command: readonly string[]) {
    this.#named = namedKey(invocation, command);
    this.#context = context;
  }

  get isNamed(): boolean {
    return this.#named !== undefined;
  }

  /** Looks for the key, and asks for its password, when a snapshot needs it, and once. */
  unlock(): Promise<EncryptionKey | undefined> {
    this.#key ??= this.#find();
    return this.#key;
  }

  /** Overwrites the key. */
  async wipe(): Promise<void> {
    const key = await this.#key?.catch(() => undefined);
    key?.wipe();
  }

  async #find(): Promise<EncryptionKey | undefined> {
    const path = this.#named === undefined ? await defaultKey(this.#context) : undefined;
    const bytes = path === undefined ? this.#named : storedBytes(path, KEY_FILE_LIMIT);
    return bytes === undefined ? undefined : (await openKey(bytes, this.#context)).key;
  }
}

/**
 * Calls `use` with the key of a command, which is overwritten at the end, whatever that is. `command` is named in usage errors. Throws
 * UsageError, and what `use` throws.
 */
export async function withCommandKey<T>(
  invocation: Invocation,
  context: Context,
  command: readonly string[],
  use: (key: KeySource) => Promise<T>,
): Promise<T> {
  const key = new CommandKey(invocation, context, command);
  try {
    return await use(key);
  } finally {
    await key.wipe();
  }
}
