/** Follows a server's task on standard output. rest-api.md §4.2. */
import { checkTask, type FollowOptions, followTask } from '../../maintenance/follow-task.js';
import type { TaskId, Tasks } from '../../repository/management.js';
import type { Invocation } from '../command.js';
import { type Context, outputFormat, printJson, writeOut } from '../context.js';
import { ExitCode } from '../errors.js';
import { printableLine } from '../output/printable.js';

const POLL_MS = 1000;

/** Prints the log of a task until it ends. Throws what `followTask` throws. */
export function printTask(
  context: Context,
  tasks: Tasks,
  upid: TaskId,
  onAbort: FollowOptions['onAbort'],
): Promise<void> {
  // What a task says after it was interrupted is still shown.
  const { signal } = new AbortController();
  const onLine = (line: string): Promise<void> =>
    writeOut({ ...context, signal }, `${printableLine(line)}\n`);
  return followTask(tasks, upid, { onLine, pollMs: POLL_MS, signal: context.signal, onAbort });
}

/**
 * A task that this command has started: follows it and stops it when the command is interrupted; with a JSON format it prints the task's
 * name and leaves it alone. Throws TASK_FAILED when it does not end well.
 */
export async function startedTask(
  invocation: Invocation,
  context: Context,
  tasks: Tasks,
  upid: TaskId,
): Promise<number> {
  const format = outputFormat(invocation, context);
  if (format !== 'text') {
    printJson(context, format, upid);
    return ExitCode.done;
  }
  await printTask(context, tasks, upid, 'stop task');
  await checkTask(tasks, upid);
  return ExitCode.done;
}
