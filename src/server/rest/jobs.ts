/** Work that a call begins as a task. rest-api.md §4. */
import { CallError } from '../http/call-error.js';
import type { ServerContext } from '../server-context.js';
import type { RunningTask, TaskBegin } from '../tasks/task-registry.js';

/** Tasks of one type that one caller may have running. */
const AT_ONCE = 4;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Begins a task. Throws CallError 503 where the caller has too many of them. */
export function beginJob({ tasks }: ServerContext, begin: TaskBegin): RunningTask {
  const { type, authId } = begin;
  const running = tasks
    .all()
    .filter((task) => task.status === undefined && task.type === type && task.authId === authId);
  if (running.length >= AT_ONCE) throw new CallError(503, `too many tasks '${type}' are running`);
  return tasks.begin(begin);
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

/** Lets the work run on behind the answer; its end is in the task. Returns the task's name. */
export function leaveJob(task: RunningTask, work: (task: RunningTask) => Promise<unknown>): string {
  runJob(task, work).catch(() => undefined);
  return task.upid;
}
