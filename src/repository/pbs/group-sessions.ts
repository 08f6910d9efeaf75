/** Begins backup sessions of one group, one after the other. protocol.md §4.2, §5.6. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { native } from '../../native.js';
import { backupTime, type Namespace, type SnapshotName } from '../../snapshot/names.js';
import type { LockWait } from '../repository.js';
import { Base } from './base.js';
import type { BegunSession } from './checkpointed-session.js';
import { connectBackup, type PbsOptions } from './connect-session.js';
import { openReaderSession } from './reader-session.js';
import { isLost, ServerError } from './server-error.js';

/** How often a group that somebody else holds is asked for again. */
const LOCK_RETRY_MS = 2000;
const LOCKED = /^unable to acquire backup group lock/;

function isUnreachable(error: unknown): error is ServerError {
  return error instanceof ServerError && error.code === 'SERVER_CONNECT';
}

export class GroupSessions {
  /** What the server's session knows. */
  readonly digests = new native.ServerDigests();
  readonly #o: PbsOptions;
  readonly #namespace: Namespace;
  readonly #wait: LockWait;

  constructor(options: PbsOptions, namespace: Namespace, wait: LockWait) {
    this.#o = options;
    this.#namespace = namespace;
    this.#wait = wait;
  }

  /** Throws ServerError, or the signal's reason. */
  async begin(snapshot: SnapshotName): Promise<BegunSession> {
    const { signal } = this.#wait;
    const target = { namespace: this.#namespace, snapshot, signal };
    const h2 = await this.#lockedGroup(() => connectBackup(this.#o, target, { benchmark: false }));
    try {
      const previous = await h2.endedBy(signal, () =>
        h2.call('GET', 'previous_backup_time', {}, z.int().positive().nullable()),
      );
      if (previous === null) return { snapshot, h2, base: undefined };
      const base = { ...snapshot, time: backupTime(previous) };
      const chunks = openReaderSession(this.#o, { ...target, snapshot: base }, this.digests);
      return { snapshot, h2, base: new Base(base, h2, this.digests, chunks) };
    } catch (error) {
      h2.close();
      throw error;
    }
  }

  /** A session whose base is this snapshot, with a later time, which is not before `now`. Throws as `begin`. */
  async beginAfter(previous: SnapshotName, now: number): Promise<BegunSession & { readonly base: Base }> {
    const time = backupTime(Math.max(now, previous.time + 1));
    const { h2, snapshot, base } = await this.#reached(() => this.begin({ ...previous, time }));
    if (base?.snapshot.time === previous.time) return { h2, snapshot, base };
    h2.close();
    // Who begins anew finds what is there now.
    throw new ServerError('SERVER_CLOSED', 'another backup of the group came between two checkpoints');
  }

  /** Tries again while the server cannot be reached; what it has got so far is not lost by that. */
  async #reached<T>(begin: () => Promise<T>): Promise<T> {
    const { signal } = this.#wait;
    for (const delay of this.#o.reconnectDelaysMs) {
      try {
        return await begin();
      } catch (error) {
        if (!isLost(error) && !isUnreachable(error)) throw error;
      }
      await sleep(delay, undefined, signal === undefined ? {} : { signal });
    }
    return begin().catch((error: unknown) => {
      throw isUnreachable(error) ? new ServerError('SERVER_CLOSED', error.message, { cause: error }) : error;
    });
  }

  /** Begins while somebody else has the group, as often as the wait allows. */
  async #lockedGroup<T>(begin: () => Promise<T>): Promise<T> {
    const { waitSeconds, signal } = this.#wait;
    for (let waited = 0; ; waited += LOCK_RETRY_MS) {
      try {
        return await begin();
      } catch (error) {
        const locked = error instanceof ServerError && LOCKED.test(error.message);
        if (!locked || waited >= waitSeconds * 1000) throw error;
      }
      await sleep(LOCK_RETRY_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}
