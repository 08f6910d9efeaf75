/** Options and arguments that several `restat key` commands have. */
import type { OptionSpec, PositionalSpec } from '../command.js';

export const keyPositional: PositionalSpec = {
  name: 'path',
  optional: true,
  description: "the key's file (default: encryption-key.json in the configuration directory)",
};

export const masterPositional: PositionalSpec = {
  name: 'path',
  optional: true,
  description: 'file of the public master key (default: master-public.pem in the configuration directory)',
};

export const kdfOptions = {
  kdf: {
    type: 'string',
    choices: ['none', 'scrypt', 'pbkdf2'],
    default: 'scrypt',
    description: 'how the password protects the key; none: the file holds the key as it is',
  },
  hint: {
    type: 'string',
    placeholder: 'TEXT',
    description: 'reminds of the password, 1 to 64 characters that everybody may read',
  },
} as const satisfies Record<string, OptionSpec>;
