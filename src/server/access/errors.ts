/** What goes wrong when somebody asks to be let in, each with a stable `code`. */

/** HTTP statuses that a server answers with. rest-api.md §1.2. */
const STATUS = {
  /** Neither a usable ticket nor a usable token. */
  ACCESS_AUTHENTICATION: 401,
  /** Wrong user or password. */
  ACCESS_LOGIN: 401,
  /** Too many wrong secrets from one address. */
  ACCESS_LIMITED: 429,
  /** More secrets to check than the server has time for. */
  ACCESS_BUSY: 503,
  /** A parameter of a login is not what it should be. */
  ACCESS_PARAMETER: 400,
  /** A privilege is missing. */
  ACCESS_PERMISSION: 403,
  /** A name, role, path, comment or password that is not one. */
  ACCESS_NAME: 400,
  /** There is such a user or token. */
  ACCESS_EXISTS: 400,
  /** There is no such user, token or entry. */
  ACCESS_UNKNOWN: 400,
  /** The file of users cannot be read or understood. */
  ACCESS_FILE: 500,
  /** The file of keys cannot be read, understood or trusted. */
  ACCESS_KEYS: 500,
} as const;

export type AccessErrorCode = keyof typeof STATUS;

/** `message` is fit for the body of the answer; what is only for the server's own eyes is in `cause`. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: AccessErrorCode;
  /** HTTP status of the answer. */
  readonly status: number;

  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
  }
}
