/** The progress bar of a terminal. */
import { Presets, SingleBar } from 'cli-progress';
import { formatBytes, formatDuration } from './human.js';
import { type ProgressState, progressFigures, shownPath } from './progress.js';

const FORMAT = '{archive} [{bar}] {percent} {done} {rate}/s {files} files ETA {left} {path}';
/** Characters of the path's end that are shown. */
const PATH_WIDTH = 60;
const CLEAR_LINE = '\r\x1b[K';

/** The words of the bar's line. */
export function barWords(state: ProgressState, seconds: number): Record<string, string> {
  const { bytesPerSecond, percent, secondsLeft } = progressFigures(state, seconds);
  return {
    archive: state.archive,
    done: formatBytes(state.bytes),
    rate: formatBytes(Math.round(bytesPerSecond)),
    files: String(state.files),
    percent: percent === undefined ? '' : `${percent}%`,
    left: secondsLeft === undefined ? '?' : formatDuration(secondsLeft),
    path: [...shownPath(state.path)].slice(-PATH_WIDTH).join(''),
  };
}

export class Bar {
  readonly #stream: NodeJS.WriteStream;
  #bar: SingleBar | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  draw(state: ProgressState, seconds: number): void {
    const words = barWords(state, seconds);
    const total = Math.max(state.total?.bytes ?? state.bytes, 1);
    const done = state.total === undefined ? 0 : state.bytes;
    if (this.#bar === undefined) {
      this.#bar = this.#make();
      this.#bar.start(total, done, words);
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(done, words);
    }
  }

  /** Makes room for a line of text; the next drawing brings the bar back. */
  clearLine(): void {
    if (this.#bar !== undefined) this.#stream.write(CLEAR_LINE);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #make(): SingleBar {
    const options = {
      format: FORMAT,
      stream: this.#stream,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
      linewrap: false,
    };
    return new SingleBar(options, Presets.shades_classic);
  }
}
