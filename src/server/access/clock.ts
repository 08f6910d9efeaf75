/** The times that access depends on, so that tests can set them. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Seconds since the epoch. */
  now(): number;
  /** Milliseconds from some point in the past; never goes back. */
  elapsed(): number;
  /** Waits so many milliseconds without keeping the process alive. */
  pause(milliseconds: number): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
  elapsed: () => performance.now(),
  pause: (milliseconds) => sleep(milliseconds, undefined, { ref: false }),
};
