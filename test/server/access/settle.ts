import { setImmediate } from 'node:timers/promises';

/** Returns when everything has run that waits for nothing but promises. */
export async function untilSettled(): Promise<void> {
  await setImmediate();
}
