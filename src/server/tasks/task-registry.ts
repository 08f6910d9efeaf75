/** Tasks of a server: what runs and ran, and what it said. rest-api.md §4. */

/** A task as it is shown; times in seconds. */
export interface TaskState {
  readonly upid: string;
  /** `backup`, `reader`, `prune`, … */
  readonly type: string;
  readonly workerId: string;
  readonly authId: string;
  readonly startTime: number;
  /** Undefined while it runs. */
  readonly endTime: number | undefined;
  /** `OK`, `WARNINGS: n` or the error; undefined while it runs. */
  readonly status: string | undefined;
}

/** A task that runs. */
export interface RunningTask {
  readonly upid: string;
  /** Aborted when somebody stops the task. */
  readonly signal: AbortSignal;
  log(text: string): void;
  warn(text: string): void;
  /** Ends it: without an error it is well. */
  end(error?: Error): void;
}

export interface TaskBegin {
  readonly type: string;
  /** As text, not yet escaped: `store1:host/pc-1`. */
  readonly workerId: string;
  readonly authId: string;
}

export interface TaskRegistry {
  begin(task: TaskBegin): RunningTask;
}
