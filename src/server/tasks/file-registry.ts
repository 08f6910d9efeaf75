/** Tasks in a directory: a file for each, the newest of which are kept. rest-api.md §4. */
import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../repository/errors.js';
import type { Clock } from '../access/clock.js';
import type { Log } from '../server-context.js';
import { KeptTasks, type KeptTasksOptions } from './kept-tasks.js';
import { isLogFile, LogFile, logFileName, readLog, readTask } from './log-file.js';
import { selectLines } from './log-text.js';
import { type ProcessIdentity, processIdentity } from './process-identity.js';
import { Task } from './task.js';
import type { RunningTask, TaskBegin, TaskLines, TaskRegistry, TaskState } from './task-registry.js';
import { formatUpid, parseUpid, type Upid } from './upid.js';

/** Nobody can push out the tasks of others: each of twenty users with all tokens has the whole share. */
const KEPT: KeptTasksOptions = { perUser: 1000, inAll: 20_000, seconds: 30 * 24 * 60 * 60 };
/** Files that are looked at together when a server starts. */
const TOGETHER = 32;

export interface FileTaskOptions {
  /** Made if it is missing, with mode 0700. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What is kept: 1,000 of each user, 20,000 in all, for 30 days. */
  readonly kept?: KeptTasksOptions;
}

/** Tasks of earlier runs, in the order in which they ended. */
async function earlierTasks(directory: string): Promise<readonly TaskState[]> {
  const names = (await readdir(directory)).filter(isLogFile).sort();
  const states: TaskState[] = [];
  for (let i = 0; i < names.length; i += TOGETHER) {
    const part = names.slice(i, i + TOGETHER).map((name) => readTask(directory, name));
    states.push(...(await Promise.all(part)).filter((state) => state !== undefined));
  }
  return states.sort((a, b) => (a.endTime ?? 0) - (b.endTime ?? 0));
}

export class FileTaskRegistry implements TaskRegistry {
  readonly #options: FileTaskOptions;
  readonly #process: ProcessIdentity;
  readonly #ended: KeptTasks;
  /** Oldest first. */
  readonly #running = new Map<string, Task>();
  /** What is still written or removed. */
  readonly #work = new Set<Promise<void>>();
  /** Called when no task runs any more. */
  #idle: (() => void)[] = [];
  #count = 0;

  private constructor(options: FileTaskOptions, identity: ProcessIdentity) {
    this.#options = options;
    this.#process = identity;
    this.#ended = new KeptTasks(options.kept ?? KEPT);
  }

  /** Finds the tasks of earlier runs; what had not ended is `unknown`. Throws what the system says of the directory. */
  static async open(options: FileTaskOptions): Promise<FileTaskRegistry> {
    const { directory } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const registry = new FileTaskRegistry(options, await processIdentity());
    for (const state of await earlierTasks(directory)) registry.#keep(state);
    return registry;
  }

  begin({ type, workerId, authId }: TaskBegin): RunningTask {
    const startTime = this.#options.clock.now();
    const upid: Upid = { ...this.#process, number: this.#count, startTime, type, workerId, authId };
    this.#count += 1;
    const name = formatUpid(upid);
    const file = new LogFile(this.#pathOf(upid), (error) => this.#notWritten(name, error));
    const task = new Task({
      state: { upid: name, type, workerId, authId, startTime, endTime: undefined, status: undefined },
      file,
      clock: this.#options.clock,
      ended: (state) => this.#end(state, file),
    });
    this.#running.set(name, task);
    return task;
  }

  all(): readonly TaskState[] {
    const running = [...this.#running.values()].map(({ state }) => state);
    // Stable: of two tasks of one second the one that ended later, or still runs, is the newer one.
    return [...this.#ended.all(), ...running].reverse().sort((a, b) => b.startTime - a.startTime);
  }

  find(upid: string): TaskState | undefined {
    return this.#running.get(upid)?.state ?? this.#ended.find(upid);
  }

  async lines(
    upid: string,
    { start, limit }: { readonly start: number; readonly limit: number },
  ): Promise<TaskLines> {
    return selectLines(await this.#text(upid), start, limit);
  }

  async text(upid: string): Promise<Buffer> {
    return Buffer.from(await this.#text(upid));
  }

  stop(upid: string): void {
    this.#running.get(upid)?.stop();
  }

  /** Asks all tasks that run to stop; ends when they have, and what they said is in files. */
  async close(): Promise<void> {
    for (const task of this.#running.values()) task.stop();
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.settled();
  }

  /** Everything that was logged is in files. */
  async settled(): Promise<void> {
    await Promise.all([...this.#running.values()].map((task) => task.settled()));
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async #text(upid: string): Promise<string> {
    const parsed = this.find(upid) === undefined ? undefined : parseUpid(upid);
    if (parsed === undefined) return '';
    await this.#running.get(upid)?.settled();
    await Promise.all(this.#work);
    try {
      return await readLog(this.#pathOf(parsed));
    } catch (error) {
      if (systemCode(error) === 'ARCHIVE_MISSING') return '';
      throw error;
    }
  }

  #pathOf(upid: Upid): string {
    return join(this.#options.directory, logFileName(upid));
  }

  #end(state: TaskState, file: LogFile): void {
    this.#running.delete(state.upid);
    this.#follow(file.settled());
    this.#keep(state);
    if (this.#running.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #keep(state: TaskState): void {
    for (const gone of this.#ended.add(state, this.#options.clock.now())) this.#follow(this.#remove(gone));
  }

  async #remove(upid: string): Promise<void> {
    const parsed = parseUpid(upid);
    if (parsed === undefined) return;
    await unlink(this.#pathOf(parsed)).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') this.#notWritten(upid, error);
    });
  }

  #follow(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  #notWritten(upid: string, error: unknown): void {
    this.#options.log('task-log-failed', {
      upid,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
