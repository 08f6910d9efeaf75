/** Why a server cannot be started, each with a stable `code`. */
export type ServeErrorCode =
  /** A file of its state is not what it should be. */
  | 'SERVE_STATE'
  /** Certificate and key cannot be used. */
  | 'SERVE_CERTIFICATE'
  /** A datastore, or its name. */
  | 'SERVE_DATASTORE'
  /** The address to listen on. */
  | 'SERVE_LISTEN';

export class ServeError extends Error {
  override readonly name = 'ServeError';
  readonly code: ServeErrorCode;

  constructor(code: ServeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
