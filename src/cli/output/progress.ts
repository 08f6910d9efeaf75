/** How far a run is, as data: what displays show and what is computed from it. */
import { type Invocation, type OptionSpec, optionString } from '../command.js';
import type { Context } from '../context.js';
import { printablePath } from '../context.js';
import type { Json } from './json.js';

/** A bar on a terminal, a line a minute without one, JSON lines on request. */
export type ProgressMode = 'bar' | 'lines' | 'json' | 'none';

export const progressOptions = {
  progress: {
    type: 'string',
    choices: ['auto', 'json', 'none'],
    default: 'auto',
    description:
      'auto: a bar on a terminal, else a line a minute; json: everything on standard error is one JSON object a line',
  },
} as const satisfies Record<string, OptionSpec>;

export function progressMode(invocation: Invocation, context: Context): ProgressMode {
  const text = optionString(invocation, 'progress') ?? 'auto';
  if (text === 'json' || text === 'none') return text;
  return context.stderr.isTTY ? 'bar' : 'lines';
}

export interface Totals {
  /** Undefined where only the bytes are known. */
  readonly files: number | undefined;
  readonly bytes: number;
}

export interface ProgressState {
  readonly archive: string;
  /** Bytes and files done, of all archives of the run. */
  readonly bytes: number;
  readonly files: number;
  /** What there is in all; undefined until it is known. */
  readonly total: Totals | undefined;
  /** Path inside the archive, latin1. */
  readonly path: string;
}

export interface ProgressFigures {
  readonly bytesPerSecond: number;
  /** Whole percent; undefined while the total is unknown. */
  readonly percent: number | undefined;
  readonly secondsLeft: number | undefined;
}

/** Rate, percent and time left after `seconds`, at the run's average rate. */
export function progressFigures({ bytes, total }: ProgressState, seconds: number): ProgressFigures {
  const bytesPerSecond = bytes / Math.max(seconds, 0.001);
  if (total === undefined) return { bytesPerSecond, percent: undefined, secondsLeft: undefined };
  const left = Math.max(total.bytes - bytes, 0);
  return {
    bytesPerSecond,
    percent: left === 0 ? 100 : Math.floor((100 * bytes) / total.bytes),
    secondsLeft: left === 0 ? 0 : bytesPerSecond > 0 ? left / bytesPerSecond : undefined,
  };
}

/** A latin1 path as text for people. */
export function shownPath(path: string): string {
  return printablePath(Buffer.from(path, 'latin1'));
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value);
}

/** The object of `--progress json` (docs/scripting.md). */
export function progressJson(state: ProgressState, seconds: number): Json {
  const { archive, bytes, files, total, path } = state;
  const { bytesPerSecond, percent, secondsLeft } = progressFigures(state, seconds);
  return {
    type: 'progress',
    archive,
    bytes,
    'total-bytes': total?.bytes ?? null,
    files,
    'total-files': total?.files ?? null,
    percent: percent ?? null,
    'bytes-per-second': Math.round(bytesPerSecond),
    'seconds-left': rounded(secondsLeft),
    seconds: Number(seconds.toFixed(3)),
    path: shownPath(path),
  };
}
