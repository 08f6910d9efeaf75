/** A call that is refused: what the client gets to read. rest-api.md §1.2. */

export interface CallErrorOptions {
  /** For the server's log only. */
  readonly cause?: unknown;
}

/** The message is the whole body of the answer. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** HTTP status, 400 and more. */
  readonly status: number;

  constructor(status: number, message: string, options: CallErrorOptions = {}) {
    super(message, options);
    this.status = status;
  }
}
