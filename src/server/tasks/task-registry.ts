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

/** A line of a log; the first one is 1. */
export interface TaskLine {
  readonly n: number;
  /** Begins with its time. */
  readonly t: string;
}

/** A part of a log, and how many lines there are so far. */
export interface TaskLines {
  readonly lines: readonly TaskLine[];
  readonly total: number;
}

export interface TaskRegistry {
  begin(task: TaskBegin): RunningTask;
  /** All that are known, newest first. */
  all(): readonly TaskState[];
  find(upid: string): TaskState | undefined;
  /** Lines with numbers from `start` on, at most `limit`; 0: all. None of a task that is not known. */
  lines(upid: string, part: { readonly start: number; readonly limit: number }): Promise<TaskLines>;
  /** The whole log as text. */
  text(upid: string): Promise<Buffer>;
  /** Asks a task that runs to stop. */
  stop(upid: string): void;
}
