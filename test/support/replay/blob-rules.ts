/** Blobs of a backup session: their content is the recorded one, and the manifest is the last. protocol.md §5.2. */
import { z } from 'zod';
import { sameContent } from './container.js';
import { MANIFEST, manifestProblems } from './manifest-check.js';
import type { RecordedKey } from './recorded-key.js';
import type { Exchange } from './recording.js';
import type { Report } from './report.js';
import { describe, type Request } from './request.js';
import { type ReadBody, type Reply, recordedReply } from './rules.js';
import type { Writer } from './writer.js';

const parameters = z.strictObject({
  'file-name': z.string().endsWith('.blob'),
  'encoded-size': z.coerce.number().int(),
});

export interface BlobParts {
  /** By file name. */
  readonly expected: ReadonlyMap<string, Exchange>;
  readonly report: Report;
  /** What the recorded client encrypted and signed with. */
  readonly key: RecordedKey | undefined;
  readonly readBody: ReadBody;
}

export class BlobRules {
  readonly #p: BlobParts;
  readonly #blobs = new Map<string, Buffer>();

  constructor(parts: BlobParts) {
    this.#p = parts;
  }

  get hasManifest(): boolean {
    return this.#blobs.has(MANIFEST);
  }

  /** `writers` are those of the session so far. Throws what the server would refuse. */
  async upload(request: Request, writers: readonly Writer[]): Promise<Reply> {
    const { 'file-name': name, 'encoded-size': encoded } = parameters.parse(
      Object.fromEntries(request.query),
    );
    const { body } = request;
    if (encoded !== body.length)
      throw new Error(`got blob with unexpected length (${encoded} != ${body.length})`);
    const exchange = this.#p.expected.get(name);
    if (exchange === undefined) throw new Error('the recording has no such blob');
    const recorded = await this.#p.readBody(exchange.body);
    const problems =
      name === MANIFEST ? this.#manifest(recorded, body, writers) : this.#blob(recorded, body, name);
    if (this.#blobs.has(name)) problems.push('it came before');
    for (const problem of problems) this.#p.report.add(`${describe(request)}: ${problem}`);
    this.#blobs.set(name, body);
    return recordedReply(exchange, this.#p.readBody);
  }

  missing(): string[] {
    return [...this.#p.expected.keys()]
      .filter((name) => !this.#blobs.has(name))
      .map((name) => `${name} never came`);
  }

  #blob(recorded: Buffer, sent: Buffer, name: string): string[] {
    const isSame = sameContent(recorded, sent, name, this.#p.key);
    const problems = isSame ? [] : ['its content is not the recorded one'];
    return this.hasManifest ? [...problems, 'it came after the manifest'] : problems;
  }

  #manifest(recorded: Buffer, sent: Buffer, writers: readonly Writer[]): string[] {
    const open = writers
      .filter(({ closed }) => closed === undefined)
      .map(({ name }) => `${name} is not closed yet`);
    const indexes = new Map(writers.flatMap(({ name, closed }) => (closed ? [[name, closed] as const] : [])));
    return [...open, ...manifestProblems(recorded, sent, { indexes, blobs: this.#blobs }, this.#p.key)];
  }
}
