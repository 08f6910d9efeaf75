/** The file of one task: its UPID in the first line, then the log. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { readBounded } from '../../repository/local/bounded-read.js';
import { statusOf, timeOf } from './log-text.js';
import type { TaskState } from './task-registry.js';
import { formatUpid, parseUpid, type Upid } from './upid.js';

/** Longest log that is written, in bytes; the last line comes in addition. */
export const LOG_LIMIT: number = 1024 * 1024;
/** Longest file that is read. */
const FILE_LIMIT = 2 * LOG_LIMIT;
/** No line has more bytes: a text of 4096 characters, and its time. */
const LONGEST_LINE = 20 * 1024;
const NAME = /^[0-9A-F]{8}-[0-9A-F]{8}-[0-9A-F]{8,9}-[0-9A-F]{8,16}\.log$/;

/** The file's name: the newest sort last. What the task is about may be too long for one. */
export function logFileName(upid: Upid): string {
  const [, , pid = '', processStart = '', number = '', startTime = ''] = formatUpid(upid).split(':');
  return `${startTime}-${pid}-${processStart}-${number}.log`;
}

export function isLogFile(name: string): boolean {
  return NAME.test(name);
}

/** The log without the UPID. Throws RepositoryError and what the system says. */
export async function readLog(path: string): Promise<string> {
  const text = (await readBounded(path, FILE_LIMIT)).toString('utf8');
  return text.slice(text.indexOf('\n') + 1);
}

/** The first and the last whole line of a file, without reading what is between. Throws what the system says. */
async function outerLines(path: string): Promise<{ readonly first: string; readonly last: string }> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(LONGEST_LINE);
    const read = async (at: number): Promise<string[]> => {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      return buffer.toString('utf8', 0, bytesRead).split('\n');
    };
    const [first = ''] = await read(0);
    const { size } = await file.stat();
    return { first, last: (await read(Math.max(0, size - buffer.length))).at(-2) ?? '' };
  } finally {
    await file.close();
  }
}

/** The task that a file tells of, as it ended; undefined for a file that no task has left. */
export async function readTask(directory: string, name: string): Promise<TaskState | undefined> {
  const lines = await outerLines(join(directory, name)).catch(() => undefined);
  const upid = parseUpid(lines?.first ?? '');
  if (lines === undefined || upid === undefined || logFileName(upid) !== name) return undefined;
  return {
    upid: formatUpid(upid),
    type: upid.type,
    workerId: upid.workerId,
    authId: upid.authId,
    startTime: upid.startTime,
    endTime: timeOf(lines.last) ?? upid.startTime,
    // The process was killed: nobody knows how far the task had come.
    status: statusOf(lines.last) ?? 'unknown',
  };
}

/**
 * Writes lines one batch after the other, each as soon as the one before is on its way to the disk. Whoever logs does not wait. After
 * the first failure nothing more is written.
 */
export class LogFile {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;
  #file: FileHandle | undefined;
  #pending: string[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #broken = false;
  #ended = false;

  /** `failed` is told once of what goes wrong. */
  constructor(path: string, failed: (error: unknown) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** Adds a line with its end. False if there is no more room: then only a last line is taken. */
  add(line: string): boolean {
    this.#bytes += Buffer.byteLength(line);
    if (this.#bytes > LOG_LIMIT) return false;
    this.#write(line);
    return true;
  }

  /** Adds the last line. */
  end(line: string): void {
    this.#ended = true;
    this.#write(line);
  }

  /** Everything that was added is in the file. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #write(line: string): void {
    if (this.#broken) return;
    this.#pending.push(line);
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      this.#file ??= await open(this.#path, 'wx', 0o600);
      while (this.#pending.length > 0) {
        const text = this.#pending.join('');
        this.#pending = [];
        await this.#file.appendFile(text);
      }
    } catch (error) {
      this.#broken = true;
      this.#pending = [];
      this.#failed(error);
    }
    if (this.#ended || this.#broken) await this.#file?.close().catch(() => undefined);
    this.#writing = undefined;
  }
}
