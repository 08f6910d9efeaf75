/** The file with users, tokens and permissions, and the changes that an administrator makes in it. */
import { randomUUID } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { native } from '../../native.js';
import { syncDirectory } from '../../repository/local/durability.js';
import { LockDirectory, type Owner } from '../../repository/local/locks.js';
import { type Access, formatAccess, noAccess, parseAccess } from './access.js';
import type { AccountOptions, AclRequest } from './access-changes.js';
import * as changes from './access-changes.js';
import { AccessError } from './errors.js';
import { readPrivateFile } from './private-file.js';
import { hashSecret, type ScryptCost } from './secret-hash.js';

/** Room for some ten thousand users, in bytes. */
const LIMIT = 8 * 1024 * 1024;
/** Length of a password, in bytes. */
const MIN_PASSWORD = 8;
export const MAX_PASSWORD = 1024;

function refuse(message: string): AccessError {
  return new AccessError('ACCESS_FILE', message);
}

/**
 * Reads the file, which must be for its owner only: root, this process's user, or one of `owners`. Where there is none nobody is let in.
 * Throws AccessError `ACCESS_FILE`.
 */
export async function loadAccess(path: string, owners: readonly number[] = []): Promise<Access> {
  let text: string | undefined;
  try {
    text = await readPrivateFile(path, { limit: LIMIT, owners, refuse });
  } catch (cause) {
    if (cause instanceof AccessError) throw cause;
    throw new AccessError('ACCESS_FILE', `${path} cannot be read`, { cause });
  }
  return text === undefined ? noAccess() : parseAccess(path, text);
}

export interface AccessFileOptions {
  /** How long to wait for another command's change. */
  readonly waitSeconds: number;
  /** Cost of new hashes. */
  readonly cost?: ScryptCost;
}

/**
 * The access file as commands change it: each change is on disk when its promise settles, and none is lost to another command's.
 * All methods throw AccessError, RepositoryError `REPOSITORY_LOCKED` when the wait is over, and system errors.
 */
export class AccessFile {
  readonly #path: string;
  readonly #o: AccessFileOptions;

  /** The file, and with it its directory, is made by the first change. */
  constructor(path: string, options: AccessFileOptions) {
    this.#path = path;
    this.#o = options;
  }

  /** Root may read what belongs to the user whose directory it is: the server runs as that one. */
  async load(): Promise<Access> {
    const directory =
      process.geteuid?.() === 0 ? await stat(dirname(this.#path)).catch(() => undefined) : undefined;
    return loadAccess(this.#path, directory === undefined ? [] : [directory.uid]);
  }

  async addUser(userId: string, options: AccountOptions, password: string | undefined): Promise<void> {
    const hash = password === undefined ? undefined : await this.#hashPassword(password);
    await this.#change((access) => changes.addUser(access, userId, options, hash));
  }

  updateUser(userId: string, options: AccountOptions): Promise<void> {
    return this.#change((access) => changes.updateUser(access, userId, options));
  }

  async setPassword(userId: string, password: string): Promise<void> {
    const hash = await this.#hashPassword(password);
    await this.#change((access) => changes.setPassword(access, userId, hash));
  }

  /** Removes a user with all tokens and permissions. */
  removeUser(userId: string): Promise<void> {
    return this.#change((access) => changes.removeUser(access, userId));
  }

  /** Makes a token and returns its secret, which nobody can read again. */
  async addToken(tokenId: string, options: AccountOptions): Promise<string> {
    const secret = randomUUID();
    const hash = await hashSecret(secret, this.#o.cost);
    await this.#change((access) => changes.addToken(access, tokenId, options, hash));
    return secret;
  }

  updateToken(tokenId: string, options: AccountOptions): Promise<void> {
    return this.#change((access) => changes.updateToken(access, tokenId, options));
  }

  /** Removes a token with its permissions. */
  removeToken(tokenId: string): Promise<void> {
    return this.#change((access) => changes.removeToken(access, tokenId));
  }

  setAcl(request: AclRequest, how: { propagate: boolean }): Promise<void> {
    return this.#change((access) => changes.setAcl(access, request, how));
  }

  removeAcl(request: AclRequest): Promise<void> {
    return this.#change((access) => changes.removeAcl(access, request));
  }

  async #hashPassword(password: string): Promise<Awaited<ReturnType<typeof hashSecret>>> {
    const length = Buffer.byteLength(password);
    if (length < MIN_PASSWORD || length > MAX_PASSWORD) {
      const what = `a password has ${MIN_PASSWORD} to ${MAX_PASSWORD} bytes`;
      throw new AccessError('ACCESS_NAME', what);
    }
    return hashSecret(password, this.#o.cost);
  }

  async #change(step: (access: Access) => Access): Promise<void> {
    const directory = dirname(this.#path);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const owner = await ownerOf(this.#path, directory);
    const name = basename(this.#path);
    const lock = await new LockDirectory(directory, owner).acquire([], `${name}.lock`, {
      exclusive: true,
      waitSeconds: this.#o.waitSeconds,
    });
    try {
      await this.#publish(directory, name, owner, formatAccess(step(await this.load())));
    } finally {
      await lock.release();
    }
  }

  async #publish(directory: string, name: string, owner: Owner, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    if (bytes.length > LIMIT)
      throw new AccessError('ACCESS_FILE', `${this.#path} would have more than ${LIMIT} bytes`);
    const owned = process.geteuid?.() === 0 ? owner : {};
    await native.publishFile(directory, name, bytes, { mode: 0o600, replace: true, sync: true, ...owned });
    await syncDirectory(directory);
  }
}

/** Whose the file is, or will be: root may change what a server without root's rights reads. */
async function ownerOf(path: string, directory: string): Promise<Owner> {
  const { uid, gid } = await stat(path).catch(() => stat(directory));
  return { uid, gid };
}
