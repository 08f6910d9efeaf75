/** What a recorded backup session sent, told by what it means instead of when. protocol.md §5. */
import { z } from 'zod';
import type { Exchange } from './recording.js';
import { recordedRequest } from './request.js';

export type WriterKind = 'dynamic' | 'fixed';

/** A chunk of an index; `offset` is where it begins in the archive. */
export interface AppendedChunk {
  readonly digest: string;
  readonly offset: number;
}

export interface ExpectedWriter {
  readonly kind: WriterKind;
  /** Its number in the recording. */
  readonly id: number;
  readonly opening: Exchange;
  /** All appends, one after the other. */
  readonly chunks: readonly AppendedChunk[];
  /** Undefined where it was not closed. */
  readonly closing: Exchange | undefined;
}

/** Uploads of one chunk; `size` is its plain length in bytes. */
export interface ExpectedUpload {
  readonly size: number;
  readonly count: number;
}

export interface ExpectedBackup {
  readonly backupTime: Exchange | undefined;
  /** By archive name. */
  readonly previous: ReadonlyMap<string, Exchange>;
  readonly writers: ReadonlyMap<string, ExpectedWriter>;
  /** By digest. */
  readonly uploads: ReadonlyMap<string, ExpectedUpload>;
  /** By file name. */
  readonly blobs: ReadonlyMap<string, Exchange>;
  readonly finishes: boolean;
}

const append = z.object({
  wid: z.number(),
  'digest-list': z.array(z.string()),
  'offset-list': z.array(z.number()),
});

const writerId = z.object({ data: z.number() });

function json<T>(bytes: Buffer | undefined, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(bytes?.toString() ?? ''));
}

function query(exchange: Exchange, key: string): string {
  const text = recordedRequest(exchange).query.get(key);
  if (text === null) throw new Error(`${exchange.target} has no ${key}`);
  return text;
}

/** Chunks of all appends to one writer. */
function appended(streams: readonly Exchange[], kind: WriterKind, id: number): AppendedChunk[] {
  return streams
    .filter(({ method, target }) => method === 'PUT' && target === `/${kind}_index`)
    .map(({ body }) => json(body.whole, append))
    .filter(({ wid }) => wid === id)
    .flatMap((list) =>
      list['digest-list'].map((digest, i) => ({ digest, offset: list['offset-list'][i] ?? Number.NaN })),
    );
}

function writersOf(streams: readonly Exchange[], kind: WriterKind): [string, ExpectedWriter][] {
  const calls = (name: string): Exchange[] =>
    streams.filter(({ method, target }) => method === 'POST' && target.startsWith(`${name}?`));
  return calls(`/${kind}_index`).map((opening) => {
    const id = json(opening.reply.whole, writerId).data;
    const closing = calls(`/${kind}_close`).find((each) => query(each, 'wid') === String(id));
    const chunks = appended(streams, kind, id);
    return [query(opening, 'archive-name'), { kind, id, opening, chunks, closing }];
  });
}

function uploadsOf(streams: readonly Exchange[]): Map<string, ExpectedUpload> {
  const uploads = new Map<string, ExpectedUpload>();
  for (const stream of streams.filter(({ target }) => /^\/(dynamic|fixed)_chunk\?/.test(target))) {
    const digest = query(stream, 'digest');
    const count = (uploads.get(digest)?.count ?? 0) + 1;
    uploads.set(digest, { size: Number(query(stream, 'size')), count });
  }
  return uploads;
}

/** Reads the streams of a backup session in which every request succeeded. */
export function expectedBackup(streams: readonly Exchange[]): ExpectedBackup {
  const by = (path: string, key: string): [string, Exchange][] =>
    streams.filter(({ target }) => target.startsWith(`${path}?`)).map((each) => [query(each, key), each]);
  return {
    backupTime: streams.find(({ target }) => target === '/previous_backup_time'),
    previous: new Map(by('/previous', 'archive-name')),
    writers: new Map([...writersOf(streams, 'dynamic'), ...writersOf(streams, 'fixed')]),
    uploads: uploadsOf(streams),
    blobs: new Map(by('/blob', 'file-name')),
    finishes: streams.some(({ target }) => target === '/finish'),
  };
}
