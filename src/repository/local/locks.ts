/** Locks of a local datastore: where they live, how they are named, how long one waits. snapshot-manifest.md §6–7. */
import { createHash } from 'node:crypto';
import { close, constants, fchown, fstat, open, stat } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { native } from '../../native.js';
import { RepositoryError, systemCode } from '../errors.js';

const openAsync = promisify(open);
const closeAsync = promisify(close);
const fchownAsync = promisify(fchown);
const fstatAsync = promisify(fstat);
const statAsync = promisify(stat);

export interface Lock {
  release(): Promise<void>;
}

/** A lock that need not be taken: the store is on a read-only mount. */
export const NO_LOCK: Lock = { release: () => Promise.resolve() };

export interface LockOptions {
  readonly exclusive: boolean;
  /** How long to wait for somebody else's lock. */
  readonly waitSeconds: number;
  readonly signal?: AbortSignal;
}

const ESCAPED_MAX = 255;

/** systemd-style escaping of a path below the lock directory. §6. */
export function escapeLockName(path: string): string {
  const bytes = Buffer.from(path, 'utf8');
  let out = '';
  for (const [i, byte] of bytes.entries()) {
    const c = String.fromCharCode(byte);
    if (c === '/') out += '-';
    else if (/[A-Za-z0-9_.]/.test(c) && !(i === 0 && c === '.')) out += c;
    else out += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  if (out.length < ESCAPED_MAX) return out;
  const digest = createHash('sha256').update(bytes).digest('hex');
  return `hashed/${out.slice(0, 80)}...${out.slice(-80)}-${digest}`;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

async function waitFor(
  what: string,
  options: LockOptions,
  attempt: () => Promise<Lock | undefined>,
): Promise<Lock> {
  const deadline = performance.now() + options.waitSeconds * 1000;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    options.signal?.throwIfAborted();
    const lock = await attempt();
    if (lock !== undefined) return lock;
    if (performance.now() + pause > deadline) {
      throw new RepositoryError('REPOSITORY_LOCKED', `${what} is locked by another process`);
    }
    await sleep(pause, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Gives a file that root has just made to the store's owner, who would be locked out otherwise. */
async function own(fd: number, { uid, gid }: Owner): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const now = await fstatAsync(fd);
  if (now.uid !== uid || now.gid !== gid) await fchownAsync(fd, uid, gid);
}

/** The same for directories, from `first` down to `last`. */
async function chownBetween(first: string, last: string, { uid, gid }: Owner): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  for (let at = last; at.length >= first.length; at = dirname(at)) await chown(at, uid, gid);
}

/** One try with flock on a lock file; undefined when somebody else has it or the file was just replaced. */
async function tryFile(path: string, exclusive: boolean, owner: Owner): Promise<Lock | undefined> {
  const made = await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  if (made !== undefined) await chownBetween(made, dirname(path), owner);
  const fd = await openAsync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640);
  const release = (): Promise<void> => closeAsync(fd);
  try {
    await own(fd, owner);
    if (native.tryLock(fd, 'flock', exclusive)) {
      const [held, named] = [await fstatAsync(fd), await statAsync(path).catch(() => undefined)];
      if (named !== undefined && held.ino === named.ino && held.dev === named.dev) return { release };
    }
  } catch (error) {
    await release();
    throw error;
  }
  await release();
  return undefined;
}

/** Locks of groups and snapshots as files in one directory. */
export class LockDirectory {
  readonly #directory: string;
  readonly #owner: Owner;

  /** New lock files and directories get this owner: that of the store. */
  constructor(directory: string, owner: Owner) {
    this.#directory = directory;
    this.#owner = owner;
  }

  /** The lock's file. */
  pathOf(namespace: readonly string[], name: string): string {
    return join(this.#directory, namespace.join(':'), escapeLockName(name));
  }

  /** Locks `name` (`type/id`, `type/id/time`, …) of a namespace. REPOSITORY_LOCKED when the wait is over. */
  async acquire(namespace: readonly string[], name: string, options: LockOptions): Promise<Lock> {
    const path = this.pathOf(namespace, name);
    try {
      return await waitFor(name, options, () => tryFile(path, options.exclusive, this.#owner));
    } catch (error) {
      if (systemCode(error) === 'EROFS' && !options.exclusive) return NO_LOCK;
      throw error;
    }
  }
}

/**
 * The record lock on the store's `.lock`, shared: garbage collection waits for it to go. One descriptor per process and store,
 * since closing any of them would drop the process's record locks.
 */
export class StoreLock {
  readonly #path: string;
  readonly #owner: Owner;
  #fd: Promise<number> | undefined;
  /** The last descriptor is closed: while that lasts no other may be locked. */
  #closed: Promise<void> = Promise.resolve();
  #holders = 0;

  constructor(path: string, owner: Owner) {
    this.#path = path;
    this.#owner = owner;
  }

  async acquireShared(options: Omit<LockOptions, 'exclusive'>): Promise<Lock> {
    this.#fd ??= this.#closed.then(() => openAsync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o644));
    this.#holders += 1;
    try {
      const fd = await this.#fd;
      await own(fd, this.#owner);
      return await waitFor('the datastore', { ...options, exclusive: false }, () =>
        Promise.resolve(native.tryLock(fd, 'record', false) ? { release: () => this.#release() } : undefined),
      );
    } catch (error) {
      await this.#release();
      throw error;
    }
  }

  async #release(): Promise<void> {
    this.#holders -= 1;
    const fd = this.#fd;
    if (this.#holders > 0 || fd === undefined) return;
    this.#fd = undefined;
    const closing = fd.then(closeAsync, () => undefined);
    this.#closed = closing.catch(() => undefined);
    await closing;
  }
}
