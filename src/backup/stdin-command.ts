/** A command whose output is the image. */
import { type ChildProcess, spawn } from 'node:child_process';
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

export class StdinCommand {
  /** What it prints. */
  readonly output: NativeFile;
  readonly #child: ChildProcess;
  readonly #failure: Promise<string | undefined>;

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

  /** Waits for its end. Throws BackupError `BACKUP_COMMAND` unless it succeeded. */
  async succeeded(): Promise<void> {
    const failure = await this.#failure;
    if (failure !== undefined)
      throw new BackupError('BACKUP_COMMAND', `the command for standard input ${failure}`);
  }

  /** Ends it, if it runs; nobody waits for that. */
  stop(): void {
    this.#child.stderr?.destroy();
    this.#child.unref();
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, 'SIGTERM');
    } catch {
      // It has ended meanwhile.
    }
  }
}
