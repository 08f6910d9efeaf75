/** How far a run is: a bar on a terminal, a line a minute without one, JSON lines on request. */
import { performance } from 'node:perf_hooks';
import { Presets, SingleBar } from 'cli-progress';
import type { ArchiveProgress } from '../../backup/archive.js';
import { type Invocation, type OptionSpec, optionString } from '../command.js';
import type { Context } from '../context.js';
import { printablePath } from '../context.js';
import { formatBytes, formatDuration } from './human.js';

export type ProgressMode = 'bar' | 'lines' | 'json' | 'none';

export const progressOptions = {
  progress: {
    type: 'string',
    choices: ['auto', 'json', 'none'],
    default: 'auto',
    description: 'a bar on a terminal, else a line a minute; json: one object a line on standard error',
  },
} as const satisfies Record<string, OptionSpec>;

export function progressMode(invocation: Invocation, context: Context): ProgressMode {
  const text = optionString(invocation, 'progress') ?? 'auto';
  if (text === 'json' || text === 'none') return text;
  return context.stderr.isTTY ? 'bar' : 'lines';
}

/** What a progress display shows. */
export interface ProgressState {
  readonly what: string;
  /** Bytes done, and in all where that is known. */
  readonly bytes: number;
  readonly total: number | undefined;
  readonly files: number;
  /** Latin1. */
  readonly path: string;
}

const INTERVAL_MS: Readonly<Record<ProgressMode, number>> = { bar: 200, json: 1000, lines: 60_000, none: 0 };
const FORMAT = '{what} [{bar}] {percent} {done} {rate}/s {files} files ETA {left} {path}';

export class ProgressDisplay {
  readonly #context: Context;
  readonly #mode: ProgressMode;
  readonly #start = performance.now();
  #last = performance.now();
  #bar: SingleBar | undefined;

  constructor(context: Context, mode: ProgressMode) {
    this.#context = context;
    this.#mode = mode;
  }

  update(state: ProgressState): void {
    const now = performance.now();
    if (this.#mode === 'none' || now - this.#last < INTERVAL_MS[this.#mode]) return;
    this.#last = now;
    const seconds = (now - this.#start) / 1000;
    if (this.#mode === 'json') this.#writeJson(state, seconds);
    else if (this.#mode === 'lines') this.#writeLine(state, seconds);
    else this.#draw(state, seconds);
  }

  /** Writes something else without tearing the bar. */
  interrupt(write: () => void): void {
    if (this.#bar !== undefined) this.#context.stderr.write('\r\x1b[K');
    write();
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #writeJson(state: ProgressState, seconds: number): void {
    const { what, bytes, total, files } = state;
    const path = Buffer.from(state.path, 'latin1').toString('utf8');
    const line = {
      type: 'progress',
      what,
      bytes,
      total: total ?? null,
      files,
      seconds: Number(seconds.toFixed(3)),
      path,
    };
    this.#context.stderr.write(`${JSON.stringify(line)}\n`);
  }

  #writeLine({ what, bytes, files }: ProgressState, seconds: number): void {
    this.#context.stderr.write(
      `${what}: processed ${formatBytes(bytes)}, ${files} files in ${formatDuration(seconds)} (${formatBytes(Math.round(bytes / seconds))}/s)\n`,
    );
  }

  #draw({ what, bytes, total, files, path }: ProgressState, seconds: number): void {
    const rate = bytes / Math.max(seconds, 0.001);
    const known = total !== undefined && total > 0 ? Math.max(total, bytes) : undefined;
    const values = {
      what,
      done: formatBytes(bytes),
      rate: formatBytes(Math.round(rate)),
      files,
      percent: known === undefined ? '' : `${Math.floor((100 * bytes) / known)}%`,
      left: known === undefined ? '?' : formatDuration((known - bytes) / Math.max(rate, 1)),
      path: printablePath(Buffer.from(path, 'latin1')).slice(-60),
    };
    if (this.#bar === undefined) {
      const options = {
        format: FORMAT,
        stream: this.#context.stderr,
        clearOnComplete: true,
        hideCursor: true,
      };
      this.#bar = new SingleBar({ ...options, gracefulExit: false, linewrap: false }, Presets.shades_classic);
      this.#bar.start(known ?? 1, 0, values);
    }
    this.#bar.setTotal(known ?? Math.max(bytes, 1));
    this.#bar.update(known === undefined ? 0 : bytes, values);
  }
}

/** Progress of a backup: payload bytes read of one archive after the other. */
export class BackupProgress {
  readonly #display: ProgressDisplay;

  constructor(context: Context, mode: ProgressMode) {
    this.#display = new ProgressDisplay(context, mode);
  }

  update({ archive, payload, files, path }: ArchiveProgress): void {
    this.#display.update({ what: archive, bytes: payload.readBytes, total: undefined, files, path });
  }

  interrupt(write: () => void): void {
    this.#display.interrupt(write);
  }

  stop(): void {
    this.#display.stop();
  }
}
