/** The plain requests about snapshots that a backup with checkpoints makes, over a SessionStore. rest-api.md §3. */
import { decodeBlob } from '../../src/snapshot/blob.js';
import { parseManifest } from '../../src/snapshot/manifest.js';
import { type Http1Reply, textReply } from './replay/messages.js';
import type { Request } from './replay/request.js';
import type { SessionStore, SnapshotKey } from './session-store.js';

const MANIFEST = 'index.json.blob';

function data(value: unknown): Http1Reply {
  return {
    status: 200,
    headers: [['content-type', 'application/json']],
    body: Buffer.from(JSON.stringify({ data: value })),
  };
}

function listed(key: SnapshotKey, files: ReadonlyMap<string, Buffer>): object {
  const [type, id, time] = key.split('/');
  const manifest = parseManifest(decodeBlob(files.get(MANIFEST)!, MANIFEST), MANIFEST);
  return {
    'backup-type': type,
    'backup-id': id,
    'backup-time': Number(time),
    files: [...files].map(([filename, bytes]) => ({ filename, size: bytes.length, 'crypt-mode': 'none' })),
    owner: 'ann@pbs!laptop',
    protected: false,
    comment: manifest.unprotected['notes'],
  };
}

/** Answers lists, deletions and prune rehearsals. */
export function snapshotCalls(store: SessionStore): (request: Request) => Http1Reply {
  return ({ method, path, query }) => {
    const call = `${method} ${path.slice(path.lastIndexOf('/') + 1)}`;
    if (call === 'GET snapshots') return data([...store.snapshots].map(([key, files]) => listed(key, files)));
    if (call === 'POST prune') return data([]);
    if (call !== 'DELETE snapshots') return textReply(404, `Path '${path}' not found.`);
    const key = ['backup-type', 'backup-id', 'backup-time'].map((name) => query.get(name)).join('/');
    if (store.locked.has(key)) return textReply(400, 'failed to delete snapshot - in use');
    return store.snapshots.delete(key) ? data(null) : textReply(400, `ENOENT: ${key}`);
  };
}
