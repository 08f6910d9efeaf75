/** The key that a command reads a snapshot with: named, or that of the default place. cli.md §2.3, §3. */
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

interface KeyBytes {
  readonly name: string;
  read(): Promise<Buffer>;
}

/** The file or descriptor that options name. Throws UsageError for both at once. */
function namedKey(invocation: Invocation, command: readonly string[]): KeyBytes | undefined {
  const path = optionString(invocation, 'keyfile');
  const fd = optionNumber(invocation, 'keyfd');
  if (path !== undefined && fd !== undefined)
    throw new UsageError('--keyfile and --keyfd cannot be used together', command);
  if (path !== undefined) return { name: path, read: () => readStored(path, KEY_FILE_LIMIT) };
  if (fd === undefined) return undefined;
  return { name: `descriptor ${fd}`, read: () => readDescriptor(fd, KEY_FILE_LIMIT) };
}

async function unlock({ name, read }: KeyBytes, context: Context): Promise<EncryptionKey> {
  const bytes = await read();
  try {
    return await unlockKey(parseKeyFile(bytes, name), () => keyPassword(context));
  } finally {
    bytes.fill(0);
  }
}

/** The key of a command that reads snapshots. */
class CommandKey implements KeySource {
  readonly #named: KeyBytes | undefined;
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
    if (path === undefined) return this.#named && unlock(this.#named, this.#context);
    return unlock({ name: path, read: () => readStored(path, KEY_FILE_LIMIT) }, this.#context);
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
