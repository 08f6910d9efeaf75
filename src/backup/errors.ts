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
  | 'BACKUP_SOURCE'
  | 'BACKUP_PATTERN'
  | 'BACKUP_ENTRIES_MAX'
  | 'BACKUP_WALK'
  | 'BACKUP_VIRTUAL_ROOT';
