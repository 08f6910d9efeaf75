/** Passwords of keys: from the environment, or from a person. As bytes, so that at least these can be overwritten. */
import { checkNewPassword } from '../../keys/lock.js';
import type { Context } from '../context.js';
import { askSecret, canAsk } from '../prompt.js';
import { findSecret } from '../secrets.js';

export type PasswordErrorCode =
  /** Neither the environment nor a terminal has one. */
  | 'PASSWORD_UNAVAILABLE'
  /** It was typed differently the second time. */
  | 'PASSWORD_MISMATCH';

/** A password that cannot be had. */
export class PasswordError extends Error {
  override readonly name = 'PasswordError';
  readonly code: PasswordErrorCode;

  constructor(code: PasswordErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const VARIABLE = 'PBS_ENCRYPTION_PASSWORD';
const QUESTION = 'Encryption Key Password: ';

/** Throws PasswordError `PASSWORD_UNAVAILABLE` where nobody can be asked. */
export function needTerminal(context: Context): void {
  if (!canAsk(context))
    throw new PasswordError(
      'PASSWORD_UNAVAILABLE',
      'unable to read passphrase - no tty: this needs a terminal',
    );
}

async function ask(context: Context, question: string): Promise<Buffer> {
  return Buffer.from(await askSecret(context, question));
}

/** The password of a key that exists. Throws PasswordError and SecretError. */
export async function keyPassword(context: Context): Promise<Buffer> {
  const known = await findSecret(context.env, VARIABLE);
  if (known !== undefined) return Buffer.from(known);
  if (canAsk(context)) return ask(context, QUESTION);
  const message = `no password input mechanism available: set ${VARIABLE}, ${VARIABLE}_FILE or use a terminal`;
  throw new PasswordError('PASSWORD_UNAVAILABLE', message);
}

/** The password of a private master key, which the environment never has. Throws PasswordError. */
export function masterPassword(context: Context): Promise<Buffer> {
  needTerminal(context);
  return ask(context, 'Master Key Password: ');
}

/** A new password that somebody types twice. Throws PasswordError and KeyError `KEY_PASSWORD_LENGTH`. */
export async function askNewPassword(context: Context, question: string): Promise<Buffer> {
  needTerminal(context);
  const first = await ask(context, question);
  checkNewPassword(first);
  const second = await ask(context, 'Verify Password: ');
  const same = first.equals(second);
  second.fill(0);
  if (same) return first;
  first.fill(0);
  throw new PasswordError('PASSWORD_MISMATCH', 'these are two different passwords');
}

/** The password of a key that is made: from the environment, or typed twice. Throws as `askNewPassword`, and SecretError. */
export async function newKeyPassword(context: Context, question: string = QUESTION): Promise<Buffer> {
  const known = await findSecret(context.env, VARIABLE);
  if (known === undefined) return askNewPassword(context, question);
  const password = Buffer.from(known);
  checkNewPassword(password);
  return password;
}
