/** Errors that end a restore, each with a stable `code`. */
export type RestoreErrorCode =
  | 'RESTORE_PIPE'
  | 'RESTORE_ARCHIVE'
  | 'RESTORE_TARGET'
  | 'RESTORE_PATH'
  | 'RESTORE_SHELL';

export class RestoreError extends Error {
  override readonly name = 'RestoreError';
  readonly code: RestoreErrorCode;

  constructor(code: RestoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
