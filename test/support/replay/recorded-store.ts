/** What the recordings show of the server's store: files of snapshots and chunks, for requests that only another session made. */
import { readdirSync } from 'node:fs';
import { protocolFixture, type RecordedBody, type RecordedConnection, readRecording } from './recording.js';
import { parseRequest, type Request, recordedRequest } from './request.js';

const CHUNK_UPLOADS: ReadonlySet<string> = new Set(['/dynamic_chunk', '/fixed_chunk']);

function snapshotKey(request: Request, time: string): string {
  const { query } = request;
  return [query.get('ns') ?? '', query.get('backup-type'), query.get('backup-id'), time].join('/');
}

/** The snapshot whose files a session can download: its own for a reader, the base for a backup. */
export function readableSnapshot(connection: RecordedConnection): string | undefined {
  const upgrade = connection.http1.at(-1);
  if (upgrade?.status !== 101) return undefined;
  const request = recordedRequest(upgrade);
  if (request.path.endsWith('/reader')) return snapshotKey(request, request.query.get('backup-time') ?? '');
  const time = connection.streams.find(({ target }) => target === '/previous_backup_time')?.reply.whole;
  const base = /^\{"data":(\d+)\}$/.exec(time?.toString() ?? '')?.[1];
  return base === undefined ? undefined : snapshotKey(request, base);
}

export class RecordedStore {
  readonly #files = new Map<string, RecordedBody>();
  readonly #chunks = new Map<string, RecordedBody>();

  /** `snapshot` as `readableSnapshot` names it. */
  file(snapshot: string, name: string): RecordedBody | undefined {
    return this.#files.get(`${snapshot}/${name}`);
  }

  /** A chunk as it is stored; `digest` in hex. */
  chunk(digest: string): RecordedBody | undefined {
    return this.#chunks.get(digest);
  }

  learn(connection: RecordedConnection): void {
    const snapshot = readableSnapshot(connection);
    for (const { method, target, headers, body, status, reply } of connection.streams) {
      if (status !== 200) continue;
      const { path, query } = parseRequest(method, target, headers, Buffer.alloc(0));
      const name = query.get('archive-name') ?? query.get('file-name');
      const digest = query.get('digest') ?? '';
      if (method === 'POST' && CHUNK_UPLOADS.has(path)) this.#chunks.set(digest, body);
      if (path === '/chunk') this.#chunks.set(digest, reply);
      const isFile = path === '/download' || path === '/previous';
      if (isFile && snapshot !== undefined && name !== null) this.#files.set(`${snapshot}/${name}`, reply);
    }
  }
}

/** Learns from all recordings of the reference client; hand-made requests left damaged files on the server. */
export function recordedStore(): RecordedStore {
  const store = new RecordedStore();
  const recordings = readdirSync(protocolFixture('')).filter((name) => name.endsWith('.jsonl'));
  for (const session of recordings.flatMap(readRecording))
    if (session.client !== undefined) for (const each of session.connections) store.learn(each);
  return store;
}
