import type { Clock } from '../../../src/server/access/clock.js';

/** A clock that moves only when it is told to, or when somebody pauses. */
export class ManualClock implements Clock {
  seconds = 1_795_000_000;
  /** What was waited for, in milliseconds. */
  readonly pauses: number[] = [];
  #milliseconds = 0;

  now(): number {
    return this.seconds;
  }

  elapsed(): number {
    return this.#milliseconds;
  }

  pause(milliseconds: number): Promise<void> {
    this.pauses.push(milliseconds);
    return Promise.resolve();
  }

  /** Both clocks go on by so many milliseconds. */
  advance(milliseconds: number): void {
    this.#milliseconds += milliseconds;
    this.seconds += Math.floor(milliseconds / 1000);
  }
}
