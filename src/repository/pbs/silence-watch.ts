/** Notices that nothing moves on a connection while something is waited for. */
import { performance } from 'node:perf_hooks';

export class SilenceWatch<Request> {
  readonly #limitMs: number;
  readonly #onSilence: (oldest: Request) => void;
  readonly #running = new Set<Request>();
  #movedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  readonly #now: () => number;

  /** `onSilence` gets the request that has waited longest when nothing has moved for `limitMs`; `now` counts milliseconds. */
  constructor(
    limitMs: number,
    onSilence: (oldest: Request) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
    this.#now = now;
  }

  begin(request: Request): void {
    this.#running.add(request);
    this.moved();
    this.#timer ??= setTimeout(() => this.#look(), this.#limitMs);
  }

  end(request: Request): void {
    this.#running.delete(request);
    this.moved();
    if (this.#running.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Something was sent or has arrived. */
  moved(): void {
    this.#movedAt = this.#now();
  }

  #look(): void {
    const left = this.#movedAt + this.#limitMs - this.#now();
    const [oldest] = this.#running;
    this.#timer = undefined;
    if (oldest === undefined) return;
    if (left > 0) this.#timer = setTimeout(() => this.#look(), left);
    else this.#onSilence(oldest);
  }
}
