/** A command whose output is the image. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { native } from '../native.js';
import type { NativeFile } from '../native-scan.js';
import { BackupError } from './errors.js';

const SHELL = '/bin/sh';

/** Longest part of a line that is handed on, in characters. */
const LINE_MAX = 4096;

/** Settles with why the command failed, or nothing. */
function failureOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (signal !== null) resolve(`was ended by ${signal}`);
      else resolve(code === 0 ? undefined : `ended with exit code ${code}`);
    });
  });
}

/** What a promise comes to, or the signal's reason where that comes first. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const over = new AbortController();
  const aborted = once(signal, 'abort', { signal: over.signal }).then(() => Promise.reject(signal.reason));
  aborted.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    over.abort();
  }
}

export class StdinCommand {
  /** What it prints. */
  readonly output: NativeFile;
  readonly #child: ChildProcess;
  readonly #failure: Promise<string | undefined>;
  /** Nobody can write to its output any more. */
  #silent = false;

  private constructor(output: NativeFile, child: ChildProcess) {
    this.output = output;
    this.#child = child;
    this.#failure = failureOf(child);
  }

  /** Runs `command` with the shell, without standard input; `onLine` gets what it says on standard error. */
  static start(command: string, onLine: (line: string) => void): StdinCommand {
    const { read, write } = native.makePipe();
    try {
      // A group of its own: what the shell has started ends with it.
      const child = spawn(SHELL, ['-c', command], { stdio: ['ignore', write, 'pipe'], detached: true });
      if (child.stderr !== null)
        createInterface({ input: child.stderr }).on('line', (line) => onLine(line.slice(0, LINE_MAX)));
      return new StdinCommand(read, child);
    } finally {
      closeSync(write);
    }
  }

  /**
   * Waits for its end when its output has ended. Throws BackupError `BACKUP_COMMAND` unless it succeeded, and the signal's reason: what
   * does not heed being stopped is left alone.
   */
  async succeeded(signal: AbortSignal): Promise<void> {
    this.#silent = true;
    const failure = await unlessAborted(this.#failure, signal);
    if (failure !== undefined)
      throw new BackupError('BACKUP_COMMAND', `the command for standard input ${failure}`);
  }

  /** Ends it, if it runs, and those that it has left behind with its output; nobody waits for that. */
  stop(): void {
    this.#child.stderr?.destroy();
    this.#child.unref();
    const { pid, exitCode, signalCode } = this.#child;
    const ended = this.#silent && (exitCode !== null || signalCode !== null);
    if (pid === undefined || ended) return;
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // It has ended meanwhile.
    }
  }
}
