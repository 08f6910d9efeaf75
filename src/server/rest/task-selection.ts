/** Which tasks a list shows. rest-api.md §4.2. */
import type { TaskState } from '../tasks/task-registry.js';

export const RESULTS = ['ok', 'warning', 'error', 'unknown'] as const;
export type TaskResult = (typeof RESULTS)[number];

/** What is undefined or empty selects everything. */
export interface TaskSelection {
  /** Only those that run. */
  readonly running: boolean;
  /** Only those that went wrong or whose end nobody knows. */
  readonly errors: boolean;
  /** Part of the name of whoever began it. */
  readonly user: string | undefined;
  readonly store: string | undefined;
  /** Part of the type. */
  readonly type: string | undefined;
  /** Begun at this time or later, or at the latest; seconds. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly results: readonly string[] | undefined;
}

/** How a task ended; undefined while it runs. */
export function resultOf({ status }: TaskState): TaskResult | undefined {
  if (status === undefined) return undefined;
  if (status === 'OK') return 'ok';
  if (status === 'unknown') return 'unknown';
  return /^WARNINGS: \d+$/.test(status) ? 'warning' : 'error';
}

function isAbout({ workerId }: TaskState, store: string | undefined): boolean {
  return store === undefined || workerId === store || workerId.startsWith(`${store}:`);
}

/** True if the list shows the task. */
export function isSelected(task: TaskState, wanted: TaskSelection): boolean {
  const { results = [], since = 0, until = Number.POSITIVE_INFINITY } = wanted;
  const result = resultOf(task);
  if (wanted.running && result !== undefined) return false;
  if (wanted.errors && result !== 'error' && result !== 'unknown') return false;
  if (results.length > 0 && (result === undefined || !results.includes(result))) return false;
  return (
    task.startTime >= since &&
    task.startTime <= until &&
    task.authId.includes(wanted.user ?? '') &&
    task.type.includes(wanted.type ?? '') &&
    isAbout(task, wanted.store)
  );
}
