/** Begins sessions: checks, the change of protocols, and one task for each. protocol.md §4, §5.10. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ReceivedSession } from '../../repository/local/session-received.js';
import { formatGroup, formatSnapshot } from '../../snapshot/names.js';
import { ownsGroupOf } from '../access/auth-id.js';
import type { Caller } from '../http/endpoint.js';
import { parseTarget } from '../http/target.js';
import type { ServerContext } from '../server-context.js';
import type { RunningTask } from '../tasks/task-registry.js';
import { BackupCalls } from './backup-calls.js';
import { backupEndpoints } from './backup-endpoints.js';
import { OwnPlace } from './own-place.js';
import { readerEndpoints } from './reader-calls.js';
import { serveSession } from './serve-session.js';
import type { SessionEndpoint } from './session-endpoint.js';
import { DEFAULT_TIMES, OPENING } from './session-limits.js';
import {
  BACKUP_PROTOCOL,
  type BackupRequest,
  backupRequest,
  type Pairs,
  READER_PROTOCOL,
  readerRequest,
  requireOwner,
  type SessionPlace,
} from './session-request.js';
import { switchProtocols } from './switch-protocols.js';

/** A request that may become a session. */
interface Opening {
  readonly request: IncomingMessage;
  readonly connection: Duplex;
  readonly head: Buffer;
  readonly caller: Caller;
  readonly pairs: Pairs;
  readonly context: ServerContext;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
  /** Closes the connection when the session does not begin in time. */
  readonly deadline: NodeJS.Timeout;
}

function beginTask(
  { caller, context }: Opening,
  type: string,
  { datastore }: SessionPlace,
  what: string,
): RunningTask {
  return context.tasks.begin({ type, workerId: `${datastore.name}:${what}`, authId: caller.authId });
}

/** Agrees to the upgrade and serves until the connection ends. */
async function serve(
  { connection, head, caller, context, signal, deadline }: Opening,
  protocol: string,
  task: RunningTask,
  endpoints: readonly SessionEndpoint[],
): Promise<void> {
  const session = await switchProtocols(connection, head, protocol);
  clearTimeout(deadline);
  await serveSession(session, {
    endpoints,
    uploads: context.uploads.of(caller.authId),
    answers: new OwnPlace(context.answers.of(caller.authId)),
    times: DEFAULT_TIMES,
    signal: AbortSignal.any([signal, task.signal]),
    onUnexpected: (error) => task.warn(error instanceof Error ? error.message : String(error)),
  });
}

/** Why a session without `finish` ended. */
function breakOff(task: RunningTask, signal: AbortSignal): Error {
  if (task.signal.aborted) return new Error('abort requested - aborting task');
  if (signal.aborted) return new Error('the server stops');
  return new Error('backup ended without finish: the connection was closed');
}

async function endBackup(
  calls: BackupCalls,
  task: RunningTask,
  opening: Opening,
  benchmark: boolean,
): Promise<void> {
  try {
    const complete = calls.finished || benchmark;
    if (!calls.finished) task.log('removing unfinished backup');
    await calls.end();
    task.end(complete ? undefined : breakOff(task, opening.signal));
  } catch (error) {
    task.end(error instanceof Error ? error : new Error(String(error)));
  }
}

async function runBackup(
  opening: Opening,
  asked: BackupRequest,
  session: ReceivedSession,
  task: RunningTask,
): Promise<void> {
  const { datastore, benchmark, snapshot } = asked;
  const { caller, context } = opening;
  task.log(
    `starting new backup on datastore '${datastore.name}' from ${caller.address}: "${formatSnapshot(snapshot)}"`,
  );
  const log = (text: string): void => task.log(text);
  const calls = new BackupCalls({ session, clock: context.clock, benchmark, log });
  try {
    await serve(opening, BACKUP_PROTOCOL, task, backupEndpoints(calls));
  } catch (error) {
    task.log(error instanceof Error ? error.message : String(error));
  } finally {
    await endBackup(calls, task, opening, benchmark);
  }
}

async function beginBackup(opening: Opening): Promise<void> {
  const { pairs, request, caller, context } = opening;
  const asked = await backupRequest(pairs, request.headers.upgrade, caller, context);
  const { datastore, namespace, snapshot, benchmark } = asked;
  const session = await datastore.repository.receive(namespace, snapshot, {
    owner: caller.authId,
    mayUse: (owner) => ownsGroupOf(caller.authId, owner),
    benchmark,
  });
  const type = benchmark ? 'benchmark' : 'backup';
  try {
    const task = beginTask(opening, type, asked, formatGroup(snapshot));
    await runBackup(opening, asked, session, task);
  } finally {
    await session.abort();
  }
}

async function beginReader(opening: Opening): Promise<void> {
  const { pairs, request, caller, context } = opening;
  const asked = await readerRequest(pairs, request.headers.upgrade, caller, context);
  const { datastore, namespace, snapshot } = asked;
  const { repository } = datastore;
  const held = await repository.hold(namespace, snapshot);
  try {
    await requireOwner(asked, caller.authId);
    const time = snapshot.time.toString(16).toUpperCase().padStart(8, '0');
    const task = beginTask(opening, 'reader', asked, `${formatGroup(snapshot)}/${time}`);
    task.log(`starting new backup reader datastore '${datastore.name}': "${formatSnapshot(snapshot)}"`);
    const log = (text: string): void => task.log(text);
    const endpoints = readerEndpoints({ repository, held, clock: context.clock, log });
    await serve(opening, READER_PROTOCOL, task, endpoints).then(
      () => task.end(),
      (error: unknown) => task.end(error instanceof Error ? error : new Error(String(error))),
    );
  } finally {
    await held.release();
  }
}

/**
 * Lets a session begin on a connection whose sender is known, and resolves when it has ended and everything is released. Before anything
 * was answered it throws CallError, AccessError or RepositoryError, for the caller to answer; afterwards it never rejects.
 */
export function acceptUpgrade(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
  caller: Caller,
  pairs: Pairs,
  context: ServerContext,
  signal: AbortSignal,
): Promise<void> {
  const deadline = setTimeout(() => connection.destroy(), OPENING);
  const opening = { request, connection, head, caller, pairs, context, signal, deadline };
  const isReader = parseTarget(request.url ?? '').segments.at(-1) === 'reader';
  return (isReader ? beginReader(opening) : beginBackup(opening)).finally(() => clearTimeout(deadline));
}
