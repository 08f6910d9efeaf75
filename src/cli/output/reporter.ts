/**
 * What a run says on standard error: sentences and a progress display, or with `--progress json` nothing but JSON objects, one
 * a line (docs/scripting.md).
 */
import { performance } from 'node:perf_hooks';
import { type Context, printablePath } from '../context.js';
import { Bar } from './bar.js';
import { formatBytes, formatDuration } from './human.js';
import { type Json, toJson } from './json.js';
import { type ProgressMode, type ProgressState, progressFigures, progressJson } from './progress.js';

/** Shortest time between two displays. */
const INTERVAL_MS: Readonly<Record<ProgressMode, number>> = {
  bar: 200,
  json: 1000,
  lines: 60_000,
  none: Number.POSITIVE_INFINITY,
};

/** Something about one entry. */
export interface Notice {
  /** 'notice', 'error', or a class of warnings. */
  readonly kind: string;
  /** Path inside the archive. */
  readonly path: Buffer;
  readonly message: string;
}

/** A line of `lines` mode. */
export function progressLine(state: ProgressState, seconds: number): string {
  const { bytesPerSecond } = progressFigures(state, seconds);
  const done = `${formatBytes(state.bytes)}, ${state.files} files in ${formatDuration(seconds)}`;
  return `${state.archive}: processed ${done} (${formatBytes(Math.round(bytesPerSecond))}/s)`;
}

export class Reporter {
  readonly mode: ProgressMode;
  readonly #stream: NodeJS.WriteStream;
  readonly #bar: Bar;
  readonly #start = performance.now();
  #last = this.#start;

  constructor({ stderr }: Context, mode: ProgressMode) {
    this.mode = mode;
    this.#stream = stderr;
    this.#bar = new Bar(stderr);
  }

  /** True if a total would be shown. */
  get showsPercent(): boolean {
    return this.mode === 'bar' || this.mode === 'json';
  }

  say(text: string): void {
    this.#write(text, { type: 'message', text });
  }

  notice({ kind, path, message }: Notice): void {
    const shown = printablePath(path);
    const prefix = kind === 'notice' ? '' : kind === 'error' ? 'error: ' : 'warning: ';
    this.#write(`${prefix}"${shown}": ${message}`, { type: 'entry', kind, path: shown, message });
  }

  /** Shows how far the run is, unless it did so a moment ago. */
  progress(state: ProgressState): void {
    const now = performance.now();
    if (now - this.#last < INTERVAL_MS[this.mode]) return;
    this.#last = now;
    const seconds = (now - this.#start) / 1000;
    if (this.mode === 'bar') this.#bar.draw(state, seconds);
    else this.#write(progressLine(state, seconds), progressJson(state, seconds));
  }

  /** The end of a run: sentences, or its result as the last object. */
  summary(lines: readonly string[], json: { readonly [key: string]: Json | undefined }): void {
    this.stop();
    if (this.mode === 'json') this.#writeJson({ type: 'summary', ...json });
    else for (const line of lines) this.#stream.write(`${line}\n`);
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar.stop();
  }

  #write(text: string, json: Json): void {
    if (this.mode === 'json') {
      this.#writeJson(json);
    } else {
      this.#bar.clearLine();
      this.#stream.write(`${text}\n`);
    }
  }

  #writeJson(json: Json): void {
    this.#stream.write(`${toJson(json, false)}\n`);
  }
}
