/** A backup whose connection dropped begins anew: a server keeps nothing of an unfinished one. protocol.md §5.8. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** How often it is tried again at most. */
  readonly retries: number;
  /** Waiting before the first retry, in milliseconds; each further one waits three times as long. */
  readonly delayMs: number;
  readonly signal: AbortSignal;
  /** Whether an error is one that may go away. */
  readonly isTemporary: (error: unknown) => boolean;
  readonly onRetry: (error: unknown, delayMs: number) => void;
}

/** Runs `attempt` (0, 1, …) until it succeeds, fails for good or the retries are used up. Throws its last error, AbortError when aborted. */
export async function withRetries<T>(
  attempt: (number: number) => Promise<T>,
  { retries, delayMs, signal, isTemporary, onRetry }: RetryOptions,
): Promise<T> {
  for (let number = 0, delay = delayMs; ; number += 1, delay *= 3) {
    try {
      return await attempt(number);
    } catch (error) {
      if (number >= retries || signal.aborted || !isTemporary(error)) throw error;
      onRetry(error, delay);
    }
    await sleep(delay, undefined, { signal });
  }
}
