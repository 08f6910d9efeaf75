/** Follows a server's task to its end. rest-api.md §4.2. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RepositoryError } from '../repository/errors.js';
import type { TaskId, Tasks } from '../repository/management.js';

export interface FollowOptions {
  /** Gets each line of the log once. */
  readonly onLine: (line: string) => Promise<void>;
  /** Pause between two looks, in milliseconds. */
  readonly pollMs: number;
  readonly signal: AbortSignal;
  /** What an abort does: ends the task and follows it to its end, or only stops looking. */
  readonly onAbort: 'stop task' | 'leave';
}

/** Shows what is new in the log; true when more may come. */
async function showNext(tasks: Tasks, upid: TaskId, from: number, { onLine }: FollowOptions): Promise<Look> {
  const { lines, next, total, active } = await tasks.log(upid, from);
  for (const line of lines) await onLine(line);
  const complete = lines.length === 0 || next > total;
  return { next, state: complete ? (active ? 'waiting' : 'ended') : 'behind' };
}

interface Look {
  readonly next: number;
  /** `behind`: the log has more lines already. */
  readonly state: 'behind' | 'waiting' | 'ended';
}

/** An abort ends the pause early. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/**
 * Returns when the task has ended, or with `leave` throws the abort's reason at once. After an abort that stopped the task its reason
 * is thrown, too. The task's own result is `checkTask`'s business.
 */
export async function followTask(tasks: Tasks, upid: TaskId, options: FollowOptions): Promise<void> {
  const { pollMs, signal, onAbort } = options;
  let stopped = false;
  for (let at = 1; ; ) {
    if (signal.aborted && !stopped) {
      if (onAbort === 'leave') throw signal.reason;
      await tasks.stop(upid);
      stopped = true;
    }
    const look = await showNext(tasks, upid, at, options).catch((error: unknown) => {
      // The abort may have ended the look, too.
      if (!signal.aborted || stopped) throw error;
    });
    if (look === undefined) continue;
    const { next, state } = look;
    at = next;
    if (state === 'ended') break;
    // A second signal ends the process: from here on nobody listens to it.
    if (state === 'waiting') await (stopped ? sleep(pollMs) : pause(pollMs, signal));
  }
  signal.throwIfAborted();
}

/** Throws RepositoryError TASK_FAILED unless the task ended well; warnings are well. */
export async function checkTask(tasks: Tasks, upid: TaskId): Promise<void> {
  const status = (await tasks.result(upid)) ?? 'unknown';
  if (status === 'OK' || status.startsWith('WARNINGS')) return;
  throw new RepositoryError('TASK_FAILED', `task failed (status ${status})`);
}
