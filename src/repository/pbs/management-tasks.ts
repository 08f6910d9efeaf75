/** Tasks of a server. rest-api.md §4. */
import type { TaskId, TaskInfo, TaskLog, Tasks } from '../management.js';
import { type RestClient, segment } from './rest-client.js';
import { anything, taskLogSchema, taskStatusSchema, tasksSchema } from './schemas.js';

/** Whose tasks and which datastore it is about. */
export interface ManagedStore {
  readonly authId: string;
  readonly store: string;
}

/** Lines of a log that are fetched at one time. §4.2. */
const LINES = 500;
/** Length of `2026-11-22T12:19:26+00:00`, which stands before the text with a colon and a blank. §4.2. */
const TIME = 25;

function withoutTime(line: string): string {
  return line.slice(TIME, TIME + 2) === ': ' ? line.slice(TIME + 2) : line;
}

function pathOf(upid: TaskId): string {
  return `nodes/localhost/tasks/${segment(upid)}`;
}

/** Calls throw ServerError. */
export class PbsTasks implements Tasks {
  #rest: RestClient;
  readonly #of: ManagedStore;

  constructor(rest: RestClient, of: ManagedStore) {
    this.#rest = rest;
    this.#of = of;
  }

  /** Of this user or token, about this datastore. */
  list({ limit, finished }: { readonly limit: number; readonly finished: boolean }): Promise<TaskInfo[]> {
    const { authId, store } = this.#of;
    const query = { limit, running: !finished, start: 0, store, userfilter: authId };
    return this.#rest.get('nodes/localhost/tasks', query, tasksSchema);
  }

  async log(upid: TaskId, start: number): Promise<TaskLog> {
    const query = { start, limit: LINES, 'test-status': true };
    const { data, total, active } = await this.#rest.getWhole(`${pathOf(upid)}/log`, query, taskLogSchema);
    const last = data.at(-1)?.n ?? start - 1;
    return { lines: data.map(({ t }) => withoutTime(t)), next: last + 1, total, active };
  }

  async result(upid: TaskId): Promise<string | undefined> {
    const { status, exitstatus } = await this.#rest.get(`${pathOf(upid)}/status`, {}, taskStatusSchema);
    return status === 'running' ? undefined : (exitstatus ?? 'unknown');
  }

  /** An interruption may be why the task is stopped: it does not end requests any more. */
  async stop(upid: TaskId): Promise<void> {
    this.#rest = this.#rest.uninterrupted();
    await this.#rest.delete(pathOf(upid), {}, anything);
  }
}
