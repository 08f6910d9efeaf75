/** Connections of backup and reader sessions. protocol.md §4. */
import type { Namespace, SnapshotName } from '../../snapshot/names.js';
import type { Transport } from './connect-tls.js';
import type { Session } from './credentials.js';
import { H2Session } from './h2-session.js';
import { groupQuery } from './listing.js';
import type { PbsSpec } from './repository-string.js';
import { upgrade } from './upgrade.js';

export interface PbsOptions {
  readonly spec: PbsSpec;
  readonly transport: Transport;
  readonly session: Session;
  /** Longest time in which nothing moves while something is waited for, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Pauses before attempts to connect a reader again, in milliseconds. */
  readonly reconnectDelaysMs: readonly number[];
  /** Ends plain requests. */
  readonly signal?: AbortSignal | undefined;
}

export interface SessionTarget {
  readonly namespace: Namespace;
  readonly snapshot: SnapshotName;
  /** Ends the wait for the connection. */
  readonly signal?: AbortSignal | undefined;
}

const PROTOCOLS = {
  backup: 'proxmox-backup-protocol-v1',
  reader: 'proxmox-backup-reader-protocol-v1',
} as const;

async function connectSession(
  { spec, transport, session, requestTimeoutMs }: PbsOptions,
  path: 'backup' | 'reader',
  { namespace, snapshot, signal }: SessionTarget,
  more: Readonly<Record<string, boolean>>,
): Promise<H2Session> {
  const connection = await upgrade(transport, session, {
    path,
    query: {
      store: spec.store,
      ...groupQuery(namespace, snapshot),
      'backup-time': snapshot.time,
      debug: true,
      ...more,
    },
    protocol: PROTOCOLS[path],
    timeoutMs: requestTimeoutMs,
    host: `${spec.host}:${spec.port}`,
    signal,
  });
  return new H2Session(connection, requestTimeoutMs);
}

/** Begins a backup, or a speed test. Throws ServerError, or the signal's reason. */
export function connectBackup(
  options: PbsOptions,
  target: SessionTarget,
  { benchmark }: { readonly benchmark: boolean },
): Promise<H2Session> {
  return connectSession(options, 'backup', target, { benchmark });
}

/** Begins to read a snapshot. Throws as `connectBackup`. */
export function connectReader(options: PbsOptions, target: SessionTarget): Promise<H2Session> {
  return connectSession(options, 'reader', target, {});
}
