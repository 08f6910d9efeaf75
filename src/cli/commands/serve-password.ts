/** A new password for a user of a server: from the environment, or from a person, who types it twice. */
import type { Context } from '../context.js';
import { UsageError } from '../errors.js';
import { askSecret, canAsk } from '../prompt.js';
import { findSecret } from '../secrets.js';

/** Throws UsageError where there is nobody to ask or the two are not the same, and SecretError. */
export async function newPassword(context: Context, command: readonly string[]): Promise<string> {
  const known = await findSecret(context.env, 'PBS_PASSWORD');
  if (known !== undefined) return known;
  if (!canAsk(context))
    throw new UsageError('no password: set PBS_PASSWORD, PBS_PASSWORD_FILE or use a terminal', command);
  const first = await askSecret(context, 'New password: ');
  const second = await askSecret(context, 'Once more: ');
  if (first !== second) throw new UsageError('these are two different passwords', command);
  return first;
}
