/** Locks of a local datastore: where they live, how they are named, how long one waits. snapshot-manifest.md §6–7. */
import { createHash } from 'node:crypto';
import { close, constants, fstat, open, stat } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { native } from '../../native.js';
import { RepositoryError, systemCode } from '../errors.js';

const openAsync = promisify(open);
const closeAsync = promisify(close);
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

/** One try with flock on a lock file; undefined when somebody else has it or the file was just replaced. */
async function tryFile(path: string, exclusive: boolean): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const fd = await openAsync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640);
  const release = (): Promise<void> => closeAsync(fd);
  try {
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

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Locks `name` (`type/id`, `type/id/time`, …) of a namespace. REPOSITORY_LOCKED when the wait is over. */
  async acquire(namespace: readonly string[], name: string, options: LockOptions): Promise<Lock> {
    const path = join(this.#directory, namespace.join(':'), escapeLockName(name));
    try {
      return await waitFor(name, options, () => tryFile(path, options.exclusive));
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
  #fd: Promise<number> | undefined;
  #holders = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async acquireShared(options: Omit<LockOptions, 'exclusive'>): Promise<Lock> {
    this.#fd ??= openAsync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o644);
    this.#holders += 1;
    try {
      const fd = await this.#fd;
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
    await fd.then(closeAsync, () => undefined);
  }
}
