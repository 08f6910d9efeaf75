/** What is measured when somebody asks: memory, connections, room in the datastores. */
import { statfs } from 'node:fs/promises';
import type { Datastore } from '../server-context.js';
import type { Metric, Sample } from './metrics.js';

export interface Measured {
  readonly connections: number;
  readonly sessions: number;
  readonly bodyBytes: number;
  /** Seconds since the epoch. */
  readonly started: number;
  readonly version: string;
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

function plain(name: string, help: string, value: number): Metric {
  return gauge(name, help, [{ labels: {}, value }]);
}

/** Bytes of a datastore's file system; a datastore that cannot be reached has none. */
async function roomOf({
  name,
  directory,
}: Datastore): Promise<{ name: string; size: number; free: number }[]> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory);
    return [{ name, size: bsize * blocks, free: bsize * bavail }];
  } catch {
    return [];
  }
}

export async function gauges(
  measured: Measured,
  datastores: Iterable<Datastore>,
): Promise<readonly Metric[]> {
  const rooms = (await Promise.all([...datastores].map(roomOf))).flat();
  const ofStores = (key: 'size' | 'free'): Sample[] =>
    rooms.map((room) => ({ labels: { datastore: room.name }, value: room[key] }));
  return [
    gauge('restat_info', 'The version that runs.', [{ labels: { version: measured.version }, value: 1 }]),
    plain('restat_start_time_seconds', 'When the server was started.', measured.started),
    plain('restat_connections', 'Open connections.', measured.connections),
    plain('restat_sessions', 'Connections that are backup or reader sessions.', measured.sessions),
    plain('restat_body_bytes', 'Bytes of request bodies in memory.', measured.bodyBytes),
    plain('restat_resident_memory_bytes', 'Memory of the process.', process.memoryUsage.rss()),
    gauge('restat_datastore_size_bytes', "Size of a datastore's file system.", ofStores('size')),
    gauge('restat_datastore_free_bytes', "What is free in a datastore's file system.", ofStores('free')),
  ];
}
