/** Which of the tasks that ended are kept: so many of each user, so many in all, and none for too long. */
import { userOf } from '../access/auth-id.js';
import type { TaskState } from './task-registry.js';
import { UserRanks } from './user-ranks.js';

export interface KeptTasksOptions {
  /** Of one user with all tokens. */
  readonly perUser: number;
  readonly inAll: number;
  /** How long, in seconds from the end of a task. */
  readonly seconds: number;
}

export class KeptTasks {
  readonly #o: KeptTasksOptions;
  /** In the order in which they ended. */
  readonly #all = new Map<string, TaskState>();
  /** The same of each user: names of tasks. */
  readonly #ofUser = new Map<string, Set<string>>();
  readonly #ranks = new UserRanks();

  constructor(options: KeptTasksOptions) {
    this.#o = options;
  }

  /** In the order in which they ended. */
  all(): IterableIterator<TaskState> {
    return this.#all.values();
  }

  find(upid: string): TaskState | undefined {
    return this.#all.get(upid);
  }

  /**
   * Keeps a task that ended after all the others; `now` in seconds. Returns the names of those that have to go instead: the user's oldest
   * one, or, where there are too many in all, the oldest one of who has most. Costs the same however many there are.
   */
  add(task: TaskState, now: number): readonly string[] {
    const user = userOf(task.authId);
    this.#all.set(task.upid, task);
    const own = this.#ofUser.get(user) ?? new Set();
    this.#ofUser.set(user, own.add(task.upid));
    this.#ranks.more(user);
    const gone = own.size > this.#o.perUser ? [this.#dropOldestOf(user)] : [];
    if (this.#all.size > this.#o.inAll) gone.push(this.#dropOldestOf(this.#ranks.first() ?? user));
    return [...gone, ...this.#dropExpired(now)];
  }

  #dropExpired(now: number): string[] {
    const gone: string[] = [];
    for (const task of this.#all.values()) {
      if ((task.endTime ?? 0) >= now - this.#o.seconds) break;
      this.#drop(task.upid, userOf(task.authId));
      gone.push(task.upid);
    }
    return gone;
  }

  #dropOldestOf(user: string): string {
    const [upid = ''] = this.#ofUser.get(user) ?? [];
    this.#drop(upid, user);
    return upid;
  }

  #drop(upid: string, user: string): void {
    this.#all.delete(upid);
    this.#ranks.less(user);
    const own = this.#ofUser.get(user);
    own?.delete(upid);
    if (own?.size === 0) this.#ofUser.delete(user);
  }
}
