/** Work that a call begins as a task. rest-api.md §4. */
import { CallError } from '../http/call-error.js';
import type { ServerContext } from '../server-context.js';
import type { RunningTask, TaskBegin } from '../tasks/task-registry.js';

/** Tasks of one type that one caller may leave running. */
const AT_ONCE = 4;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Runs the work to its end, which is the task's end, too. Rejects as the work does. */
export async function runJob<T>(task: RunningTask, work: (task: RunningTask) => Promise<T>): Promise<T> {
  try {
    const result = await work(task);
    task.end();
    return result;
  } catch (error) {
    task.end(asError(error));
    throw error;
  }
}

/** Begins a task whose work runs on behind the answer. Throws CallError 503 where the caller has too many of them. */
export function leaveJob(
  { tasks }: ServerContext,
  begin: TaskBegin,
  work: (task: RunningTask) => Promise<unknown>,
): string {
  const { type, authId } = begin;
  const running = tasks
    .all()
    .filter((task) => task.status === undefined && task.type === type && task.authId === authId);
  if (running.length >= AT_ONCE) throw new CallError(503, `too many tasks '${type}' are running`);
  const task = tasks.begin(begin);
  // Its end is in the task.
  runJob(task, work).catch(() => undefined);
  return task.upid;
}
