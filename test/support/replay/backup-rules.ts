/**
 * A backup session: what was recorded must come, in any order that the protocol allows. protocol.md §5.
 * Batches of appends, the numbers of writers and the encoders are the client's choice.
 */
import { z } from 'zod';
import { ArchiveContent } from './archive-content.js';
import { BlobRules } from './blob-rules.js';
import { chunkProblem, sealProblem } from './container.js';
import type { ExpectedBackup, WriterKind } from './expected-backup.js';
import { indexChunks } from './index-chunks.js';
import { KnownChunks } from './known-chunks.js';
import type { RecordedKey } from './recorded-key.js';
import type { RecordedBody } from './recording.js';
import type { Report } from './report.js';
import { describe, parameterDifference, parametersOf, type Request, recordedRequest } from './request.js';
import {
  type Call,
  type ReadBody,
  type Reply,
  recordedReply,
  refusal,
  type SessionRules,
  value,
} from './rules.js';
import { Writer } from './writer.js';

/**
 * `exact`: the recorded chunks at the recorded places. `content`: archives with the recorded bytes, wherever they are cut.
 * `subset`: any chunks that are consistent with each other.
 */
export type Uploads = 'exact' | 'content' | 'subset';

export interface BackupParts {
  readonly expected: ExpectedBackup;
  readonly uploads: Uploads;
  readonly report: Report;
  readonly readBody: ReadBody;
  /** What the recorded client encrypted and signed with; undefined: nothing is encrypted. */
  readonly key: RecordedKey | undefined;
  /** A file of the base that only another session downloaded. */
  readonly baseFile: (name: string) => RecordedBody | undefined;
  /** A chunk that any session uploaded. */
  readonly chunk: (digest: string) => RecordedBody | undefined;
}

const chunkParameters = z.strictObject({
  wid: z.coerce.number().int(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.coerce.number().int().min(1),
  'encoded-size': z.coerce.number().int(),
});

const KINDS: readonly WriterKind[] = ['dynamic', 'fixed'];

export class BackupRules implements SessionRules {
  readonly #p: BackupParts;
  readonly #known = new KnownChunks();
  readonly #writers = new Map<string, Writer>();
  readonly #uploaded = new Map<string, number>();
  readonly #blobs: BlobRules;
  readonly #content: ArchiveContent;
  #finished = false;

  constructor(parts: BackupParts) {
    this.#p = parts;
    this.#blobs = new BlobRules({ ...parts, expected: parts.expected.blobs });
    this.#content = new ArchiveContent(parts.chunk, parts.readBody, parts.key);
  }

  async answer(call: Call): Promise<Reply> {
    const { method, path } = call.request;
    try {
      if (method === 'GET') return await this.#read(call.request);
      if (this.#finished) return this.#refuse('backup already marked as finished.', call.request);
      for (const kind of KINDS) {
        if (path === `/${kind}_index`)
          return method === 'POST'
            ? await this.#open(kind, call)
            : this.#writer(kind, call).append(parametersOf(call.request), call.began);
        if (method === 'POST' && path === `/${kind}_chunk`) return this.#upload(kind, call.request);
        if (method === 'POST' && path === `/${kind}_close`)
          return await this.#close(this.#writer(kind, call), call);
      }
      if (method === 'POST' && path === '/blob')
        return await this.#blobs.upload(call.request, [...this.#writers.values()]);
      if (method === 'POST' && path === '/finish') return this.#finish(call.request);
    } catch (error) {
      return this.#refuse(error instanceof Error ? error.message : String(error), call.request);
    }
    return this.#refuse(`Path '${path}' not found.`, call.request, 404);
  }

  missing(): string[] {
    const { writers, uploads, finishes } = this.#p.expected;
    const lines = [...writers.keys()]
      .filter((name) => this.#writers.get(name)?.closed === undefined)
      .map((name) => `${name} was ${this.#writers.has(name) ? 'not closed' : 'never begun'}`);
    lines.push(...this.#blobs.missing());
    if (this.#p.uploads === 'exact') {
      const absent = [...uploads.keys()].filter((digest) => this.#known.size(digest) === undefined);
      lines.push(...absent.map((digest) => `chunk ${digest} was never uploaded`));
    }
    if (finishes && !this.#finished) lines.push('the backup was not finished');
    return lines;
  }

  /** Registers a writer under its recorded number, whatever the order. */
  async #open(kind: WriterKind, { request }: Call): Promise<Reply> {
    const parameters = parametersOf(request);
    const name = String(parameters.values.get('archive-name'));
    const expected = this.#p.expected.writers.get(name);
    if (expected === undefined || expected.kind !== kind)
      return this.#refuse('the recording has no such writer', request);
    if (this.#writers.has(name)) return this.#refuse('the writer was opened before', request);
    const difference = parameterDifference(parametersOf(recordedRequest(expected.opening)), parameters);
    if (difference !== undefined) this.#add(difference, request);
    const { report, uploads } = this.#p;
    const comparison = uploads === 'exact' ? expected : undefined;
    const parts = { name, kind, id: expected.id, known: this.#known, report, expected: comparison };
    this.#writers.set(name, new Writer(parts));
    return recordedReply(expected.opening, this.#p.readBody);
  }

  #writer(kind: WriterKind, { request }: Call): Writer {
    return this.#openWriter(kind, Number(parametersOf(request).values.get('wid')));
  }

  #openWriter(kind: WriterKind, id: number): Writer {
    const writer = [...this.#writers.values()].find((each) => each.id === id && each.kind === kind);
    if (writer === undefined || writer.closed !== undefined)
      throw new Error(`${kind} writer '${id}' not registered`);
    return writer;
  }

  /** With `content` the closed archive is compared as a whole. */
  async #close(writer: Writer, { request, began }: Call): Promise<Reply> {
    const reply = writer.close(parametersOf(request), began);
    const expected = this.#p.expected.writers.get(writer.name);
    if (this.#p.uploads !== 'content' || writer.closed === undefined || expected === undefined) return reply;
    const recorded = await this.#content.digest(expected.chunks.map(({ digest }) => digest));
    if ((await this.#content.digest(writer.digests)) !== recorded)
      this.#add(`the content of ${writer.name} is not the recorded one`, request);
    return reply;
  }

  #upload(kind: WriterKind, request: Request): Reply {
    const {
      wid,
      digest,
      size,
      'encoded-size': encoded,
    } = chunkParameters.parse(Object.fromEntries(request.query));
    this.#openWriter(kind, wid);
    if (encoded !== request.body.length) return this.#refuse('uploaded chunk has unexpected size.', request);
    const problem = chunkProblem(request.body, digest, size);
    if (problem !== undefined) return this.#refuse(problem, request);
    const seal = sealProblem(request.body, digest, size, this.#p.key);
    if (seal !== undefined) this.#add(seal, request);
    this.#checkRecorded(digest, size, request);
    this.#content.add(digest, request.body);
    return value(digest, this.#known.add(digest, size));
  }

  /** With `exact`, a chunk that was not recorded or comes more often than recorded is one too many. */
  #checkRecorded(digest: string, size: number, request: Request): void {
    if (this.#p.uploads !== 'exact') return;
    const count = (this.#uploaded.get(digest) ?? 0) + 1;
    this.#uploaded.set(digest, count);
    const expected = this.#p.expected.uploads.get(digest);
    if (expected === undefined) this.#add('the recorded client did not upload this chunk', request);
    else if (expected.size !== size) this.#add(`recorded with ${expected.size} bytes`, request);
    else if (count > expected.count)
      this.#add(`uploaded ${count} times, recorded ${expected.count}`, request);
  }

  #finish(request: Request): Reply {
    if ([...this.#writers.values()].some(({ closed }) => closed === undefined))
      return this.#refuse('found open index writer - unable to finish backup', request);
    if (!this.#blobs.hasManifest)
      return this.#refuse('unable to update manifest blob - unable to load blob', request);
    if (!this.#p.expected.finishes) this.#add('the recorded client did not finish', request);
    this.#finished = true;
    return value(null);
  }

  async #read(request: Request): Promise<Reply> {
    const { backupTime, previous } = this.#p.expected;
    if (request.path === '/previous_backup_time' && backupTime !== undefined)
      return recordedReply(backupTime, this.#p.readBody);
    if (request.path !== '/previous') return this.#refuse(`Path '${request.path}' not found.`, request, 404);
    const name = request.query.get('archive-name') ?? '';
    const recorded = previous.get(name);
    if (recorded !== undefined && recorded.status !== 200) return recordedReply(recorded, this.#p.readBody);
    const file = recorded?.reply ?? this.#p.baseFile(name);
    if (file === undefined) return this.#refuse('no valid previous backup', request);
    const bytes = await this.#p.readBody(file);
    const known = [...indexChunks(bytes, name)].map(([digest, size]) => this.#known.add(digest, size));
    const onSent = (moment: number): void => {
      for (const each of known) each(moment);
    };
    return { status: 200, contentType: 'application/octet-stream', body: bytes, onSent };
  }

  #add(text: string, request: Request): void {
    this.#p.report.add(`${describe(request)}: ${text}`);
  }

  #refuse(text: string, request: Request, status = 400): Reply {
    this.#add(text, request);
    return refusal(text, status);
  }
}
