/** What a command declares of itself: the one source for parsing, help, completion and manual pages. */
import type { Context } from './context.js';

export type OptionType = 'string' | 'boolean' | 'integer' | 'bytes';

export interface OptionSpec {
  readonly type: OptionType;
  readonly description: string;
  /** May be given several times. */
  readonly array?: true;
  /** Shown in help; the command itself applies it. */
  readonly default?: string;
  readonly choices?: readonly string[];
  /** How the value is called in help. */
  readonly placeholder?: string;
  /** Bounds of an integer. */
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface PositionalSpec {
  readonly name: string;
  readonly description: string;
  readonly optional?: true;
  /** Takes all remaining words; only the last one may. */
  readonly array?: true;
}

/** Values of options after parsing: booleans, numbers and strings by their declared type. */
export type OptionValue = string | number | boolean | readonly string[];

export interface Invocation {
  readonly options: ReadonlyMap<string, OptionValue>;
  readonly positionals: ReadonlyMap<string, readonly string[]>;
}

export interface CommandSpec {
  /** Words that name it: `['snapshot', 'list']`. */
  readonly path: readonly string[];
  /** Other names, each a list of words. */
  readonly aliases?: readonly (readonly string[])[];
  readonly description: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Does the work and returns the exit code. */
  run(invocation: Invocation, context: Context): Promise<number>;
}

/** A server instead of `--repository`, and how it is reached. */
export const serverOptions = {
  repository: {
    type: 'string',
    placeholder: 'REPOSITORY',
    description:
      'a directory, or [[user@realm[!token]@]host:[port:]]datastore (default: $PBS_REPOSITORY, else the embedded default datastore)',
  },
  server: { type: 'string', placeholder: 'HOST', description: 'server (default: $PBS_SERVER)' },
  port: {
    type: 'integer',
    minimum: 1,
    maximum: 65_535,
    placeholder: 'PORT',
    description: 'port of the server (default: $PBS_PORT, else 8007)',
  },
  datastore: {
    type: 'string',
    placeholder: 'NAME',
    description: 'datastore of the server (default: $PBS_DATASTORE)',
  },
  'auth-id': {
    type: 'string',
    placeholder: 'USER',
    description: 'user or API token at the server (default: $PBS_AUTH_ID, else root@pam)',
  },
  rate: { type: 'bytes', placeholder: 'SIZE', description: 'bytes per second to and from the server' },
  burst: {
    type: 'bytes',
    placeholder: 'SIZE',
    description: 'bytes that may go at once before --rate holds (default: one second of it)',
  },
} as const satisfies Record<string, OptionSpec>;

/** Options that many commands share. */
export const repositoryOptions = {
  ...serverOptions,
  ns: {
    type: 'string',
    placeholder: 'NAMESPACE',
    description: 'namespace of the group (default: $PBS_NAMESPACE)',
  },
} as const satisfies Record<string, OptionSpec>;

export const lockOptions = {
  'lock-wait': {
    type: 'integer',
    minimum: 0,
    placeholder: 'SECONDS',
    description: 'how long to wait for a lock that somebody else holds',
    default: '600',
  },
} as const satisfies Record<string, OptionSpec>;

/** Options of commands that read snapshots. */
export const keyOptions = {
  keyfile: {
    type: 'string',
    placeholder: 'PATH',
    description:
      'key of an encrypted or signed snapshot (default: encryption-key.json in the configuration directory)',
  },
  keyfd: {
    type: 'integer',
    minimum: 0,
    placeholder: 'FD',
    description: 'the key, read from a file descriptor',
  },
} as const satisfies Record<string, OptionSpec>;

/** Options of commands that write. cli.md §2.3. */
export const cryptOptions = {
  'crypt-mode': {
    type: 'string',
    choices: ['none', 'encrypt', 'sign-only'],
    description:
      'encrypt what is stored, only sign the manifest, or neither; otherwise encrypt where a key is named or in the default place',
  },
  keyfile: {
    type: 'string',
    placeholder: 'PATH',
    description: 'the key (default: encryption-key.json in the configuration directory)',
  },
  keyfd: {
    type: 'integer',
    minimum: 0,
    placeholder: 'FD',
    description: 'the key, read from a file descriptor',
  },
} as const satisfies Record<string, OptionSpec>;

/** The same where snapshots are read: their manifests say how they are protected. */
export const readCryptOptions = {
  'crypt-mode': {
    type: 'string',
    choices: ['none', 'encrypt', 'sign-only'],
    description: 'accepted for command lines that name it: each snapshot says what it is',
  },
} as const satisfies Record<string, OptionSpec>;

export const formatOptions = {
  'output-format': {
    type: 'string',
    choices: ['text', 'json', 'json-pretty'],
    default: 'text',
    description: 'how results are printed; $PROXMOX_OUTPUT_FORMAT sets another default',
  },
} as const satisfies Record<string, OptionSpec>;

export function optionString(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options.get(name);
  return typeof value === 'string' ? value : undefined;
}

export function optionStrings(invocation: Invocation, name: string): readonly string[] {
  const value = invocation.options.get(name);
  return Array.isArray(value) ? value : [];
}

export function optionNumber(invocation: Invocation, name: string): number | undefined {
  const value = invocation.options.get(name);
  return typeof value === 'number' ? value : undefined;
}

export function optionFlag(invocation: Invocation, name: string): boolean {
  return invocation.options.get(name) === true;
}

/** A positional that the parser has made sure of. */
export function positional(invocation: Invocation, name: string): string {
  return invocation.positionals.get(name)?.[0] ?? '';
}

export function positionals(invocation: Invocation, name: string): readonly string[] {
  return invocation.positionals.get(name) ?? [];
}
