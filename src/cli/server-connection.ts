/** How a command reaches a server: certificates, proxy, secrets, questions. protocol.md §1.3, §2, §3. */
import { homedir } from 'node:os';
import type { ServerConnection } from '../repository/open.js';
import { createTransport, type Transport } from '../repository/pbs/connect-tls.js';
import { createSession, type SessionOptions } from '../repository/pbs/credentials.js';
import {
  type CertificateQuestion,
  FingerprintCache,
  fingerprintPolicy,
} from '../repository/pbs/fingerprints.js';
import { parseProxy } from '../repository/pbs/proxy.js';
import type { RateLimit } from '../repository/pbs/rate-limit.js';
import type { PbsSpec } from '../repository/pbs/repository-string.js';
import { TicketCache } from '../repository/pbs/tickets.js';
import { systemAuthorities } from './authorities.js';
import { type Invocation, optionNumber } from './command.js';
import type { Context } from './context.js';
import { UsageError } from './errors.js';
import { askSecret, askYesNo, canAsk } from './prompt.js';
import { findSecret, optionalSecret } from './secrets.js';
import { configFile, runtimeFile } from './xdg.js';

export { firstLogin } from '../repository/pbs/credentials.js';

/** Longest time until a server begins to answer, in milliseconds. */
const REQUEST_TIMEOUT_MS = 120_000;
/** Pauses before attempts to connect again while a snapshot is read. */
const RECONNECT_DELAYS_MS = [1000, 2000, 4000, 8000];

/**
 * Other limits than the usual ones, for tests: seconds until a connection stands and until an answer begins. Pauses become shorter in
 * proportion.
 */
function chosenTimeout(env: NodeJS.ProcessEnv): number | undefined {
  const seconds = Number(env['RESTAT_SERVER_TIMEOUT'] ?? '');
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function warn({ stderr }: Context, message: string): void {
  stderr.write(`Warning: ${message}\n`);
}

/** `--rate` and `--burst`. Throws UsageError. */
function rateLimit(invocation: Invocation): RateLimit | undefined {
  const rate = optionNumber(invocation, 'rate');
  const burst = optionNumber(invocation, 'burst');
  if (rate === undefined && burst !== undefined) throw new UsageError('--burst needs --rate');
  if (rate === undefined) return undefined;
  if (rate < 1) throw new UsageError('--rate: at least one byte per second is needed');
  return { rate, burst: Math.max(1, burst ?? rate) };
}

function describeCertificate({ host, fingerprint, expected, problem }: CertificateQuestion): string {
  const lines = expected === undefined ? [] : [`It is not the expected one: ${expected}`];
  return [
    `The certificate of ${host} cannot be verified: ${problem}`,
    ...lines,
    `fingerprint: ${fingerprint}`,
    '',
  ].join('\n');
}

function askAboutCertificate(context: Context, question: CertificateQuestion): Promise<boolean> {
  context.stderr.write(describeCertificate(question));
  return askYesNo(context, 'Are you sure you want to continue connecting?');
}

/** The file of cached tickets; undefined where there is no safe place for one. */
export async function ticketCache(context: Context): Promise<TicketCache | undefined> {
  const path = await runtimeFile(context.env, 'tickets');
  return path === undefined ? undefined : new TicketCache(path, () => context.clock().seconds);
}

async function serverTransport(spec: PbsSpec, invocation: Invocation, context: Context): Promise<Transport> {
  const { env } = context;
  const connectTimeoutMs = chosenTimeout(env);
  const accept = fingerprintPolicy({
    host: spec.host,
    pinned: await optionalSecret(env, 'PBS_FINGERPRINT', (message) => warn(context, message)),
    cache: new FingerprintCache(configFile(env, homedir(), 'fingerprints')),
    ask: canAsk(context) ? (question) => askAboutCertificate(context, question) : undefined,
    warn: (message) => warn(context, message),
  });
  return createTransport({
    host: spec.host,
    port: spec.port,
    authorities: () => systemAuthorities(env),
    accept,
    proxy: parseProxy(env['ALL_PROXY'] ?? ''),
    limit: rateLimit(invocation),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
  });
}

/** All that a session with a server needs; nothing is sent. Throws UsageError. */
export async function serverSession(
  spec: PbsSpec,
  invocation: Invocation,
  context: Context,
): Promise<SessionOptions> {
  const transport = await serverTransport(spec, invocation, context);
  const requestTimeoutMs = chosenTimeout(context.env) ?? REQUEST_TIMEOUT_MS;
  let secret: Promise<string | undefined> | undefined;
  return {
    server: { transport, host: spec.host, port: spec.port, requestTimeoutMs, signal: context.signal },
    authId: spec.authId,
    // A descriptor can be read once only.
    secret: () => (secret ??= findSecret(context.env, 'PBS_PASSWORD')),
    ask: canAsk(context) ? (user) => askSecret(context, `Password for "${user}": `) : undefined,
    tickets: await ticketCache(context),
    warn: (message) => warn(context, message),
  };
}

/** What opens a repository on a server. Nothing is sent yet. Throws UsageError. */
export async function connectServer(
  spec: PbsSpec,
  invocation: Invocation,
  context: Context,
): Promise<ServerConnection> {
  const options = await serverSession(spec, invocation, context);
  const { transport, requestTimeoutMs } = options.server;
  return {
    transport,
    session: createSession(options),
    requestTimeoutMs,
    reconnectDelaysMs: RECONNECT_DELAYS_MS.map((delay) => (delay * requestTimeoutMs) / REQUEST_TIMEOUT_MS),
    signal: context.signal,
  };
}
