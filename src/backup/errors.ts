/** All errors of a backup that end it, each with a stable `code`. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type BackupErrorCode =
  /** Text that is no source. */
  | 'BACKUP_SOURCE'
  /** A source or a device that is not there. */
  | 'BACKUP_UNREADABLE'
  /** A command whose output is a source has failed. */
  | 'BACKUP_COMMAND'
  /** A file that is longer than a blob may be. */
  | 'BACKUP_TOO_LARGE'
  | 'BACKUP_PATTERN'
  | 'BACKUP_ENTRIES_MAX'
  | 'BACKUP_WALK'
  | 'BACKUP_VIRTUAL_ROOT';
