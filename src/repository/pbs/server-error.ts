/** What goes wrong between restat and a server, each with a stable `code`. */

export type ServerErrorCode =
  /** No connection. */
  | 'SERVER_CONNECT'
  /** Neither an authority nor a fingerprint vouches for the certificate. */
  | 'SERVER_CERTIFICATE'
  /** Not logged in: wrong or missing password, token or ticket. */
  | 'SERVER_LOGIN'
  /** A status of 400 and more, with the server's text. */
  | 'SERVER_REFUSED'
  /** An answer that makes no sense, or is too long. */
  | 'SERVER_REPLY'
  | 'SERVER_TIMEOUT'
  | 'SERVER_CLOSED';

export interface ServerErrorOptions extends ErrorOptions {
  /** HTTP status of the answer. */
  readonly status?: number;
}

export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;
  readonly status: number | undefined;

  constructor(code: ServerErrorCode, message: string, { status, ...options }: ServerErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = status;
  }
}

/** True if the connection is lost: what was asked may have been done or not. */
export function isLost(error: unknown): error is ServerError {
  return error instanceof ServerError && (error.code === 'SERVER_CLOSED' || error.code === 'SERVER_TIMEOUT');
}

/** Longest error text that is worth reading from a server, in bytes. */
export const ERROR_TEXT_LIMIT = 64 * 1024;
/** Longest error text that is shown, in characters. */
const SHOWN = 2000;

/** A server's words fit for a terminal: no control characters but line ends, and not endless. */
function printable(text: string): string {
  const clean = text.replace(/[^\P{Cc}\n]/gu, ' ').trim();
  return clean.length > SHOWN ? `${clean.slice(0, SHOWN)}…` : clean;
}

/** The error that an answer with an error status stands for. rest-api.md §1.2. */
export function refusal(status: number, body: Buffer): ServerError {
  const text = printable(body.toString('utf8'));
  const code = status === 401 ? 'SERVER_LOGIN' : 'SERVER_REFUSED';
  if (text === '') return new ServerError(code, `the server answered with status ${status}`, { status });
  if (text.startsWith('<')) {
    const what = `a web page with status ${status} came back: this is no Proxmox Backup Server, or something stands before it`;
    return new ServerError(code, what, { status });
  }
  return new ServerError(code, text, { status });
}
