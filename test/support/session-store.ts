/** Snapshots in memory, as backup sessions of a test write them and reader sessions get them. protocol.md §5, §6. */
import { z } from 'zod';
import { encodeDynamicIndex } from '../../src/snapshot/dynamic-index.js';
import { indexChunks } from './replay/index-chunks.js';
import type { Request } from './replay/request.js';
import { type Call, type Reply, refusal, type SessionRules, value } from './replay/rules.js';

const append = z.object({
  wid: z.number().int(),
  'digest-list': z.array(z.string()),
  'offset-list': z.array(z.number().int()),
});

/** `type/id/seconds` of an upgrade or session. */
export type SnapshotKey = string;

/** What a small server has stored. */
export class SessionStore {
  /** Files of finished snapshots by name, as they are stored. */
  readonly snapshots = new Map<SnapshotKey, ReadonlyMap<string, Buffer>>();
  /** Containers by digest. */
  readonly chunks = new Map<string, Buffer>();
  /** Snapshots that sessions use as their base, which cannot be deleted. */
  readonly locked = new Set<SnapshotKey>();

  /** Time and files of the newest snapshot of the group in which `key` is. */
  newest(key: SnapshotKey): readonly [time: number, files: ReadonlyMap<string, Buffer>] | undefined {
    const group = key.slice(0, key.lastIndexOf('/') + 1);
    const found = [...this.snapshots]
      .filter(([other]) => other.startsWith(group))
      .map(([other, files]) => [Number(other.slice(group.length)), files] as const);
    return found.sort(([a], [b]) => b - a)[0];
  }
}

interface IndexWriter {
  readonly name: string;
  readonly entries: Buffer[];
  end: number;
}

function entryOf(end: number, digest: string): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeBigUInt64LE(BigInt(end));
  bytes.write(digest, 8, 'hex');
  return bytes;
}

/** One backup; it is stored when it is finished. */
export class BackupCalls implements SessionRules {
  readonly #store: SessionStore;
  readonly #key: SnapshotKey;
  readonly #files = new Map<string, Buffer>();
  readonly #sizes = new Map<string, number>();
  readonly #writers: IndexWriter[] = [];
  readonly #base: ReturnType<SessionStore['newest']>;

  constructor(store: SessionStore, key: SnapshotKey) {
    this.#store = store;
    this.#key = key;
    this.#base = store.newest(key);
    if (this.#base !== undefined) store.locked.add(this.#baseKey());
  }

  answer({ request }: Call): Promise<Reply> {
    return Promise.resolve(this.#answer(request));
  }

  missing(): string[] {
    return [];
  }

  #answer({ method, path, query, body }: Request): Reply {
    const text = (name: string): string => query.get(name) ?? '';
    switch (`${method} ${path}`) {
      case 'GET /previous_backup_time':
        return value(this.#base?.[0] ?? null);
      case 'GET /previous':
        return this.#previous(text('archive-name'));
      case 'POST /dynamic_index':
        return value(this.#writers.push({ name: text('archive-name'), entries: [], end: 0 }));
      case 'POST /dynamic_chunk':
        this.#sizes.set(text('digest'), Number(text('size')));
        this.#store.chunks.set(text('digest'), body);
        return value(text('digest'));
      case 'PUT /dynamic_index':
        return this.#append(append.parse(JSON.parse(body.toString())));
      case 'POST /dynamic_close':
        return this.#close(Number(text('wid')));
      case 'POST /blob':
        this.#files.set(text('file-name'), body);
        return value(null);
      case 'POST /finish':
        this.#store.snapshots.set(this.#key, this.#files);
        this.#store.locked.delete(this.#baseKey());
        return value(null);
      default:
        return refusal(`Path '${path}' not found.`, 404);
    }
  }

  #baseKey(): SnapshotKey {
    return `${this.#key.slice(0, this.#key.lastIndexOf('/'))}/${this.#base?.[0]}`;
  }

  #previous(name: string): Reply {
    const file = this.#base?.[1].get(name);
    if (file === undefined) return refusal('no valid previous backup');
    for (const [digest, size] of indexChunks(file, name)) this.#sizes.set(digest, size);
    return octets(file);
  }

  #append({ wid, 'digest-list': digests, 'offset-list': offsets }: z.infer<typeof append>): Reply {
    const writer = this.#writers[wid - 1];
    if (writer === undefined) return refusal(`dynamic writer '${wid}' not registered`);
    for (const [i, digest] of digests.entries()) {
      const size = this.#sizes.get(digest);
      if (size === undefined) return refusal(`no such chunk ${digest}`);
      if (offsets[i] !== writer.end) return refusal('got strange chunk offset');
      writer.end += size;
      writer.entries.push(entryOf(writer.end, digest));
    }
    return value(null);
  }

  #close(wid: number): Reply {
    const writer = this.#writers[wid - 1];
    if (writer === undefined) return refusal(`dynamic writer '${wid}' not registered`);
    const parts = { uuid: Buffer.alloc(16), ctime: 0, entries: Buffer.concat(writer.entries) };
    this.#files.set(writer.name, encodeDynamicIndex(parts, writer.name));
    return value(null);
  }
}

/** Reads one snapshot. */
export class ReaderCalls implements SessionRules {
  readonly #store: SessionStore;
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #allowed = new Set<string>();

  constructor(store: SessionStore, files: ReadonlyMap<string, Buffer>) {
    this.#store = store;
    this.#files = files;
  }

  answer({ request }: Call): Promise<Reply> {
    return Promise.resolve(this.#answer(request));
  }

  missing(): string[] {
    return [];
  }

  #answer({ path, query }: Request): Reply {
    if (path === '/chunk') {
      const digest = query.get('digest') ?? '';
      const chunk = this.#allowed.has(digest) ? this.#store.chunks.get(digest) : undefined;
      return chunk === undefined ? refusal(`download chunk ${digest} not allowed`, 401) : octets(chunk);
    }
    const name = query.get('file-name') ?? '';
    const file = this.#files.get(name);
    if (file === undefined) return refusal(`open file "${name}" failed - not found`, 404);
    for (const [digest] of indexChunks(file, name)) this.#allowed.add(digest);
    return octets(file);
  }
}

/** A reply of bytes. */
export function octets(body: Buffer): Reply {
  return { status: 200, contentType: 'application/octet-stream', body };
}
