/** A task that runs. rest-api.md §4. */
import type { Clock } from '../access/clock.js';
import type { LogFile } from './log-file.js';
import { lastText, logLine, oneLine } from './log-text.js';
import type { RunningTask, TaskState } from './task-registry.js';

export interface TaskParts {
  readonly state: TaskState;
  readonly file: LogFile;
  readonly clock: Clock;
  /** Told once how it ended. */
  readonly ended: (state: TaskState) => void;
}

/** The status of a task that failed, which must not look like another one. */
function failure({ message, name }: Error): string {
  const text = oneLine(message) || name;
  return /^(?:OK|unknown|WARNINGS: \d+)$/.test(text) ? `failed: ${text}` : text;
}

/** What a task says after its end is not kept. */
export class Task implements RunningTask {
  readonly #parts: TaskParts;
  readonly #abort = new AbortController();
  #warnings = 0;
  #full = false;
  #over = false;

  constructor(parts: TaskParts) {
    this.#parts = parts;
    parts.file.add(`${parts.state.upid}\n`);
  }

  get state(): TaskState {
    return this.#parts.state;
  }

  get upid(): string {
    return this.#parts.state.upid;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  log(text: string): void {
    if (this.#over || this.#full) return;
    const { file, clock } = this.#parts;
    this.#full = !file.add(logLine(clock.now(), text));
  }

  warn(text: string): void {
    if (this.#over) return;
    this.#warnings += 1;
    this.log(`WARN: ${text}`);
  }

  end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    const { state, file, clock, ended } = this.#parts;
    const status = this.#statusAfter(error);
    const endTime = clock.now();
    const more = this.#full ? logLine(endTime, 'the log was too long: lines are missing here') : '';
    file.end(more + logLine(endTime, lastText(status)));
    ended({ ...state, endTime, status });
  }

  /** Asks it to stop. */
  stop(): void {
    this.#abort.abort(new Error('abort requested - aborting task'));
  }

  settled(): Promise<void> {
    return this.#parts.file.settled();
  }

  #statusAfter(error: Error | undefined): string {
    if (error !== undefined) return failure(error);
    return this.#warnings === 0 ? 'OK' : `WARNINGS: ${this.#warnings}`;
  }
}
