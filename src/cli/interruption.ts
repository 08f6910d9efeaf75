/** What makes a run stop early: signals, and a reader that has gone. */
import type { EventEmitter } from 'node:events';

/** Why a run was stopped; the abort reason of its signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly code: 'SIGNAL' | 'OUTPUT_CLOSED';

  constructor(code: 'SIGNAL' | 'OUTPUT_CLOSED', message: string) {
    super(message);
    this.code = code;
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Aborts at the first SIGINT or SIGTERM. The second one finds no listener and ends the process at once. */
export function stopAtSignals(source: EventEmitter, controller: AbortController): void {
  const onSignal = (): void => {
    for (const signal of SIGNALS) source.off(signal, onSignal);
    controller.abort(new Interruption('SIGNAL', 'interrupted'));
  };
  for (const signal of SIGNALS) source.on(signal, onSignal);
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/**
 * Aborts when nobody reads standard output any more (`restat list | head -1`). What cannot be said on standard error is dropped:
 * a backup goes on without its terminal.
 */
export function stopAtClosedOutput(
  { stdout, stderr }: { readonly stdout: EventEmitter; readonly stderr: EventEmitter },
  controller: AbortController,
): void {
  stderr.on('error', () => undefined);
  stdout.on('error', (error: unknown) => {
    const message = isClosedPipe(error)
      ? 'nobody reads standard output any more'
      : 'cannot write to standard output';
    controller.abort(new Interruption('OUTPUT_CLOSED', message));
  });
}
