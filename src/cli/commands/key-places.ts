/** Which key a command means: the one that is named, or that of the default place. cli.md §2.3, §6. */
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { KeyError } from '../../keys/errors.js';
import { type Invocation, positional } from '../command.js';
import type { Context } from '../context.js';
import { configFile, configSearch } from '../xdg.js';

const KEY = 'encryption-key.json';
const MASTER = 'master-public.pem';

/** False where nothing is; what is there and cannot be read counts as found, so that its error is shown. */
async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

async function findDefault({ env }: Context, name: string): Promise<string | undefined> {
  for (const path of configSearch(env, homedir(), name)) if (await isThere(path)) return path;
  return undefined;
}

/** Where a new file goes. */
export interface NewPlace {
  readonly path: string;
  /** Nobody named it: its directory is made when it is missing. */
  readonly isDefault: boolean;
}

/** The place of a new encryption key. */
export function newKeyPlace(invocation: Invocation, { env }: Context): NewPlace {
  const named = positional(invocation, 'path');
  if (named !== '') return { path: named, isDefault: false };
  return { path: configFile(env, homedir(), KEY), isDefault: true };
}

/** The user's default place of the master key. */
export function newMasterPlace({ env }: Context): string {
  return configFile(env, homedir(), MASTER);
}

/** The default encryption key; undefined where there is none. */
export function defaultKey(context: Context): Promise<string | undefined> {
  return findDefault(context, KEY);
}

/** The default public master key; undefined where there is none. */
export function defaultMaster(context: Context): Promise<string | undefined> {
  return findDefault(context, MASTER);
}

/** The file of an encryption key that exists. Throws KeyError `KEY_FILE_MISSING`. */
export async function keyPath(invocation: Invocation, context: Context): Promise<string> {
  const path = positional(invocation, 'path') || (await defaultKey(context));
  if (path !== undefined) return path;
  throw new KeyError('KEY_FILE_MISSING', 'no encryption file provided and no default file found');
}

/** The file of a public master key that exists. Throws KeyError `KEY_FILE_MISSING`. */
export async function masterPath(invocation: Invocation, context: Context): Promise<string> {
  const path = positional(invocation, 'path') || (await defaultMaster(context));
  if (path !== undefined) return path;
  throw new KeyError('KEY_FILE_MISSING', 'no master key file provided and no default file found');
}
