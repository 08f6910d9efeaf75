/** A reader session: everything may be read any number of times, chunks only of indexes that were read. protocol.md §6. */
import { indexChunks } from './index-chunks.js';
import type { Exchange, RecordedBody } from './recording.js';
import type { Report } from './report.js';
import { describe, type Request, recordedRequest } from './request.js';
import { type Call, type ReadBody, type Reply, recordedReply, refusal, type SessionRules } from './rules.js';

export interface ReaderParts {
  readonly streams: readonly Exchange[];
  readonly report: Report;
  readonly readBody: ReadBody;
  /** A file of the snapshot that only another session downloaded. */
  readonly file: (name: string) => RecordedBody | undefined;
  readonly chunk: (digest: string) => RecordedBody | undefined;
}

function key(request: Request): string {
  return `${request.path} ${request.query.get('file-name') ?? request.query.get('digest') ?? ''}`;
}

export class ReaderRules implements SessionRules {
  readonly #p: ReaderParts;
  readonly #recorded: ReadonlyMap<string, Exchange>;
  readonly #allowed = new Set<string>();

  constructor(parts: ReaderParts) {
    this.#p = parts;
    this.#recorded = new Map(parts.streams.map((each) => [key(recordedRequest(each)), each]));
  }

  async answer({ request }: Call): Promise<Reply> {
    if (request.method === 'GET' && request.path === '/download') return this.#download(request);
    if (request.method === 'GET' && request.path === '/chunk') return this.#chunk(request);
    return this.#refuse(`Path '${request.path}' not found.`, request, 404);
  }

  missing(): string[] {
    return [];
  }

  async #download(request: Request): Promise<Reply> {
    const name = request.query.get('file-name') ?? '';
    const reply = await this.#stored(request, this.#p.file(name));
    if (reply === undefined) return this.#refuse(`open file "${name}" failed - not found`, request, 404);
    if (reply.status === 200) for (const [digest] of indexChunks(reply.body, name)) this.#allowed.add(digest);
    return reply;
  }

  async #chunk(request: Request): Promise<Reply> {
    const digest = request.query.get('digest') ?? '';
    if (!this.#allowed.has(digest)) return this.#refuse(`download chunk ${digest} not allowed`, request, 401);
    const reply = await this.#stored(request, this.#p.chunk(digest));
    return reply ?? this.#refuse('nobody has recorded this chunk', request);
  }

  async #stored(request: Request, elsewhere: RecordedBody | undefined): Promise<Reply | undefined> {
    const recorded = this.#recorded.get(key(request));
    if (recorded !== undefined) return recordedReply(recorded, this.#p.readBody);
    if (elsewhere === undefined) return undefined;
    return { status: 200, contentType: 'application/octet-stream', body: await this.#p.readBody(elsewhere) };
  }

  #refuse(text: string, request: Request, status = 400): Reply {
    this.#p.report.add(`${describe(request)}: ${text}`);
    return refusal(text, status);
  }
}
