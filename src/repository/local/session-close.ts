/** What a session has open and locked, let go at its end. */
import type { Lock } from './locks.js';

/** What is held from the beginning of a session to its end. */
export interface Held {
  readonly fileSystems: { close(): Promise<void> };
  readonly locks: readonly Lock[];
}

/** Takes all steps in their order, whichever of them fail; then rejects with the first error, if there was one. */
export async function takeAll(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

/** Closes the file systems and releases the locks. Rejects with the first error, when nothing is held any more. */
export function letGo({ fileSystems, locks }: Held): Promise<void> {
  return takeAll([() => fileSystems.close(), ...locks.map((lock) => () => lock.release())]);
}

/** The same after `error`, which it rejects with: what goes wrong now is no news. */
export async function letGoAfter(error: unknown, held: Held): Promise<never> {
  await letGo(held).catch(() => undefined);
  throw error;
}
