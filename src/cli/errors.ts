/** A command line that makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
  /** Words of the command it was meant for. */
  readonly command: readonly string[];

  constructor(message: string, command: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.command = command;
  }
}

/** Exit codes: a contract (docs/scripting.md). */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done, but some files could not be read or stored as they were. */
  incomplete: 3,
  interrupted: 130,
} as const;
