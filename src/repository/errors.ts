/** What goes wrong with a repository, each with a stable `code`. */
export type RepositoryErrorCode =
  | 'REPOSITORY_SPEC'
  | 'REPOSITORY_MISSING'
  | 'REPOSITORY_REFUSED'
  | 'REPOSITORY_LOCKED'
  /** This kind of repository, or this version, does not do that. */
  | 'REPOSITORY_UNSUPPORTED'
  | 'NAMESPACE_MISSING'
  /** Something in it stays. */
  | 'NAMESPACE_NOT_EMPTY'
  | 'GROUP_MISSING'
  /** The group belongs to somebody else, or nobody knows to whom. */
  | 'GROUP_OWNER'
  /** An owner that is no user or token. */
  | 'OWNER_NAME'
  | 'SNAPSHOT_MISSING'
  | 'SNAPSHOT_EXISTS'
  | 'SNAPSHOT_TIME'
  | 'SNAPSHOT_PROTECTED'
  | 'SNAPSHOT_UNFINISHED'
  | 'LOG_EXISTS'
  /** A server's task did not end well. */
  | 'TASK_FAILED'
  | 'ARCHIVE_MISSING'
  | 'ARCHIVE_DAMAGED'
  /** The snapshot needs a key, and none was given, or another one. */
  | 'KEY_MISSING'
  | 'KEY_WRONG'
  /** A manifest without a signature where one is expected, and one whose signature is not right. */
  | 'MANIFEST_UNSIGNED'
  | 'MANIFEST_SIGNATURE'
  | 'REPOSITORY_IO';

export class RepositoryError extends Error {
  override readonly name = 'RepositoryError';
  readonly code: RepositoryErrorCode;

  constructor(code: RepositoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** errno name of a failed system call, '' for anything else. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
