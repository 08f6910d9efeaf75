/** `restat key …`: encryption keys and master keys, without a repository. cli.md §6. What they need is loaded when they run. */
import { type CommandSpec, formatOptions } from '../command.js';
import { kdfOptions, keyPositional, masterPositional } from './key-options.js';

const fileCommands: readonly CommandSpec[] = [
  {
    path: ['key', 'create'],
    description: 'Make a new encryption key. Its password is that of $PBS_ENCRYPTION_PASSWORD, or asked for.',
    positionals: [keyPositional],
    options: kdfOptions,
    run: async (invocation, context) => (await import('./key-create.js')).createKey(invocation, context),
  },
  {
    path: ['key', 'change-passphrase'],
    description: 'Give an encryption key another password; the key itself stays.',
    positionals: [keyPositional],
    options: kdfOptions,
    run: async (invocation, context) =>
      (await import('./key-create.js')).changePassphrase(invocation, context),
  },
  {
    path: ['key', 'show'],
    description: 'Show what is known of an encryption key without its password.',
    positionals: [keyPositional],
    options: formatOptions,
    run: async (invocation, context) => (await import('./key-show.js')).showKey(invocation, context),
  },
  {
    path: ['key', 'paperkey'],
    description: 'Print an encryption key, or a private master key, as a page with QR codes.',
    positionals: [keyPositional],
    options: {
      subject: { type: 'string', placeholder: 'TEXT', description: 'what is written above it' },
      'output-format': {
        type: 'string',
        choices: ['text', 'html'],
        default: 'html',
        description: 'lines of text, or a page to print',
      },
    },
    run: async (invocation, context) => (await import('./key-paper.js')).printPaper(invocation, context),
  },
];

const masterCommands: readonly CommandSpec[] = [
  {
    path: ['key', 'create-master-key'],
    description: 'Make a master key: master-public.pem and master-private.pem in the current directory.',
    positionals: [],
    options: {},
    run: async (invocation, context) =>
      (await import('./key-master.js')).createMasterKey(invocation, context),
  },
  {
    path: ['key', 'import-master-pubkey'],
    description: 'Make a public master key the default one.',
    positionals: [{ name: 'path', description: 'PEM file of the public key' }],
    options: {},
    run: async (invocation, context) =>
      (await import('./key-master.js')).importMasterKey(invocation, context),
  },
  {
    path: ['key', 'show-master-pubkey'],
    description: 'Show a public master key.',
    positionals: [masterPositional],
    options: formatOptions,
    run: async (invocation, context) => (await import('./key-show.js')).showMasterKey(invocation, context),
  },
  {
    path: ['key', 'import-with-master-key'],
    description: 'Get an encryption key back that was encrypted for a master key.',
    positionals: [keyPositional],
    options: {
      ...kdfOptions,
      'master-keyfile': {
        type: 'string',
        placeholder: 'FILE',
        description: 'PEM file of the private master key',
      },
      'encrypted-keyfile': {
        type: 'string',
        placeholder: 'FILE',
        description: "the snapshot's rsa-encrypted.key, as it is restored or stored",
      },
    },
    run: async (invocation, context) => (await import('./key-create.js')).importKey(invocation, context),
  },
];

export const keyCommands: readonly CommandSpec[] = [...fileCommands, ...masterCommands];
