/** `restat serve`: offers datastore directories to clients, as a Proxmox Backup Server does. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { ServeError } from '../../server/http/serve-error.js';
import type { RunningServer, ServerOptions } from '../../server/serve.js';
import {
  type CommandSpec,
  type Invocation,
  type OptionSpec,
  optionFlag,
  optionNumber,
  optionString,
  optionStrings,
} from '../command.js';
import type { Context } from '../context.js';
import { ExitCode, UsageError } from '../errors.js';
import { VERSION } from '../version.js';
import { serveAccountCommands } from './serve-accounts.js';
import { serveAclCommands } from './serve-acl.js';
import { type LogFormat, serverLog } from './serve-log.js';
import { stateDirectory, stateOptions } from './serve-options.js';

const PATH = ['serve'];
const DEFAULT_LISTEN = '127.0.0.1:8007';
const DEFAULT_STOP_WAIT = 30;
/** Longest file with a certificate or key, in bytes. */
const PEM_LIMIT = 1024 * 1024;
const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);
const DNS_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, IPv6 addresses in brackets. Throws UsageError. */
export function parseListen(text: string): Address {
  const [, v6, other, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? other;
  const port = Number(digits);
  const fits = v6 === undefined ? host !== undefined && DNS_NAME.test(host) : isIP(v6) === 6;
  if (host !== undefined && fits && port <= 65_535) return { host, port };
  throw new UsageError(`--listen: '${text}' is not HOST:PORT; IPv6 addresses stand in brackets`, PATH);
}

/** `NAME=DIR`. Throws UsageError. */
function parseStore(text: string): ServerOptions['datastores'][number] {
  const [, name, directory] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name !== undefined && directory !== undefined) return { name, directory: resolve(directory) };
  throw new UsageError(`--datastore: '${text}' is not NAME=DIR`, PATH);
}

/** Under which names clients may reach the server: for a certificate that is made. Throws UsageError. */
function namesOf(invocation: Invocation, { host }: Address): readonly string[] {
  const given = optionStrings(invocation, 'name');
  for (const name of given) {
    if (isIP(name) === 0 && !DNS_NAME.test(name))
      throw new UsageError(`--name: '${name}' is neither a host name nor an address`, PATH);
  }
  const own = [hostname()].filter((name) => DNS_NAME.test(name));
  const listening = ANY_ADDRESS.has(host) ? [] : [host];
  return [...new Set([...given, ...own, 'localhost', '127.0.0.1', '::1', ...listening])];
}

async function readPem(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (bytes.length > PEM_LIMIT) throw new ServeError('SERVE_CERTIFICATE', `${path} is no certificate or key`);
  return bytes.toString('latin1');
}

async function givenCertificate(invocation: Invocation): Promise<ServerOptions['certificate']> {
  const [cert, key] = [optionString(invocation, 'cert'), optionString(invocation, 'key')];
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--cert and --key need each other', PATH);
  return cert === undefined || key === undefined
    ? undefined
    : { cert: await readPem(cert), key: await readPem(key) };
}

/** Which option sets which limit. */
const LIMITS = [
  ['max-connections', 'connections'],
  ['max-connections-per-address', 'connectionsPerAddress'],
  ['max-sessions', 'sessions'],
  ['max-sessions-per-user', 'sessionsPerUser'],
] as const;

function limitsOf(invocation: Invocation): NonNullable<ServerOptions['limits']> {
  return Object.fromEntries(
    LIMITS.flatMap(([option, limit]) => {
      const number = optionNumber(invocation, option);
      return number === undefined ? [] : [[limit, number]];
    }),
  );
}

async function optionsOf(invocation: Invocation, context: Context): Promise<ServerOptions> {
  const stores = optionStrings(invocation, 'datastore');
  if (stores.length === 0) throw new UsageError('--datastore NAME=DIR is needed', PATH);
  const address = parseListen(optionString(invocation, 'listen') ?? DEFAULT_LISTEN);
  return {
    ...address,
    datastores: stores.map(parseStore),
    stateDirectory: stateDirectory(invocation, context),
    certificate: await givenCertificate(invocation),
    names: namesOf(invocation, address),
    openMetrics: optionFlag(invocation, 'metrics-open'),
    version: VERSION,
    log: serverLog(context, logFormat(invocation)),
    limits: limitsOf(invocation),
  };
}

function logFormat(invocation: Invocation): LogFormat {
  return optionString(invocation, 'log') === 'json' ? 'json' : 'text';
}

/** Where it listens and how to know it, for who started it. */
async function announce(server: RunningServer, o: ServerOptions, context: Context): Promise<void> {
  const host = isIP(server.host) === 6 ? `[${server.host}]` : server.host;
  context.stdout.write(`Listening on https://${host}:${server.port}\nFingerprint: ${server.fingerprint}\n`);
  const { port, fingerprint } = server;
  o.log('started', { host: server.host, port, fingerprint, datastores: o.datastores.length });
  if (await server.hasUsers()) return;
  const where = `--state-dir ${o.stateDirectory}`;
  context.stdout.write(
    [
      'Nobody can log in yet. A user who may do everything with one datastore:',
      `  restat serve user add NAME@pbs ${where}`,
      `  restat serve acl set /datastore/${o.datastores[0]?.name} NAME@pbs DatastoreAdmin ${where}`,
      '',
    ].join('\n'),
  );
}

/** Resolves at SIGINT, SIGTERM, or when standard output is closed. */
function interrupted({ signal }: Context): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function run(invocation: Invocation, context: Context): Promise<number> {
  const options = await optionsOf(invocation, context);
  const { startServer } = await import('../../server/serve.js');
  const server = await startServer(options);
  await announce(server, options, context);
  await interrupted(context);
  const seconds = optionNumber(invocation, 'stop-wait') ?? DEFAULT_STOP_WAIT;
  options.log('stopping', { seconds });
  await server.stop(seconds * 1000);
  options.log('stopped', {});
  return ExitCode.done;
}

const options = {
  ...stateOptions,
  datastore: {
    type: 'string',
    array: true,
    placeholder: 'NAME=DIR',
    description: 'offer this datastore directory under this name',
  },
  listen: {
    type: 'string',
    placeholder: 'HOST:PORT',
    description: 'where to listen; port 0 takes one that is free',
    default: DEFAULT_LISTEN,
  },
  cert: {
    type: 'string',
    placeholder: 'FILE',
    description:
      'certificate, with those between it and its authority, in PEM form (default: one that is made)',
  },
  key: { type: 'string', placeholder: 'FILE', description: 'the key of --cert, in PEM form' },
  name: {
    type: 'string',
    array: true,
    placeholder: 'HOST',
    description: 'one more name or address for the certificate that is made at the first start',
  },
  log: {
    type: 'string',
    choices: ['text', 'json'],
    default: 'text',
    description: 'how events are written to standard error, a line each',
  },
  'stop-wait': {
    type: 'integer',
    minimum: 0,
    maximum: 86_400,
    placeholder: 'SECONDS',
    description: 'how long sessions may go on after SIGINT or SIGTERM; a second signal ends them at once',
    default: String(DEFAULT_STOP_WAIT),
  },
  'max-connections': {
    type: 'integer',
    minimum: 1,
    maximum: 65_535,
    placeholder: 'NUMBER',
    description: 'open connections in all',
    default: '512',
  },
  'max-connections-per-address': {
    type: 'integer',
    minimum: 1,
    maximum: 65_535,
    placeholder: 'NUMBER',
    description: 'open connections from one address',
    default: '128',
  },
  'max-sessions': {
    type: 'integer',
    minimum: 1,
    maximum: 4096,
    placeholder: 'NUMBER',
    description: 'backups and restores at one time in all',
    default: '64',
  },
  'max-sessions-per-user': {
    type: 'integer',
    minimum: 1,
    maximum: 4096,
    placeholder: 'NUMBER',
    description: 'backups and restores at one time of one user with all tokens',
    default: '16',
  },
  'metrics-open': {
    type: 'boolean',
    description: 'anybody on this machine may read /metrics',
  },
} as const satisfies Record<string, OptionSpec>;

export const serveCommands: readonly CommandSpec[] = [
  {
    path: PATH,
    description: 'Offer datastore directories to clients, as a Proxmox Backup Server does.',
    positionals: [],
    options,
    run,
  },
  ...serveAccountCommands,
  ...serveAclCommands,
];
