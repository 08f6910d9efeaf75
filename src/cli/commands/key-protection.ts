/** How a command wants a key protected: `--kdf` and `--hint`. cli.md §6. */
import { KeyError } from '../../keys/errors.js';
import type { KdfName } from '../../keys/kdf.js';
import { checkHint } from '../../keys/lock.js';
import { type Invocation, optionString } from '../command.js';
import { UsageError } from '../errors.js';
import { kdfOptions } from './key-options.js';

export interface Protection {
  readonly kdf: KdfName;
  readonly hint: string | undefined;
}

function isKdf(text: string): text is KdfName {
  return kdfOptions.kdf.choices.some((choice) => choice === text);
}

/** Throws UsageError for a hint that is none or goes with no password. */
export function protection(invocation: Invocation, command: readonly string[]): Protection {
  const text = optionString(invocation, 'kdf') ?? kdfOptions.kdf.default;
  if (!isKdf(text)) throw new UsageError(`--kdf: '${text}' is none of none, scrypt, pbkdf2`, command);
  const hint = optionString(invocation, 'hint');
  try {
    checkHint(hint, text);
  } catch (cause) {
    if (cause instanceof KeyError) throw new UsageError(`--hint: ${cause.message}`, command, { cause });
    throw cause;
  }
  return { kdf: text, hint };
}
