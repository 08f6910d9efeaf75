/** One index that a client writes, held against the recorded one. protocol.md §5.4, §5.7. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AppendedChunk, ExpectedWriter, WriterKind } from './expected-backup.js';
import type { KnownChunks } from './known-chunks.js';
import type { Report } from './report.js';
import type { Parameters } from './request.js';
import { type Reply, refusal, value } from './rules.js';

const whole = z.coerce.number().int();

function list<T extends z.ZodType>(element: T): z.ZodType<z.output<T>[]> {
  return z.preprocess((one) => (Array.isArray(one) ? one : [one]), z.array(element));
}

const appendParameters = z.strictObject({
  wid: whole,
  'digest-list': list(z.string()),
  'offset-list': list(whole),
});

const closeParameters = z.strictObject({
  wid: whole,
  'chunk-count': whole,
  size: whole,
  csum: z.string(),
});

export interface WriterParts {
  readonly name: string;
  readonly kind: WriterKind;
  readonly id: number;
  readonly known: KnownChunks;
  readonly report: Report;
  /** Chunks that must come; undefined where the client may choose its own. */
  readonly expected: ExpectedWriter | undefined;
}

export class Writer {
  readonly name: string;
  readonly kind: WriterKind;
  readonly id: number;
  readonly #known: KnownChunks;
  readonly #report: Report;
  readonly #expected: ExpectedWriter | undefined;
  readonly #csum = createHash('sha256');
  readonly #digests: string[] = [];
  #size = 0;
  #differs = false;
  /** When the reply to the last append left; undefined while it has not. */
  #answered: number | undefined = 0;
  #closed: { readonly size: number; readonly csum: string } | undefined;

  constructor({ name, kind, id, known, report, expected }: WriterParts) {
    this.name = name;
    this.kind = kind;
    this.id = id;
    this.#known = known;
    this.#report = report;
    this.#expected = expected;
  }

  /** Size and checksum for the manifest; undefined until it is closed. */
  get closed(): { readonly size: number; readonly csum: string } | undefined {
    return this.#closed;
  }

  /** What was appended so far. */
  get digests(): readonly string[] {
    return this.#digests;
  }

  append(parameters: Parameters, began: number): Reply {
    const { 'digest-list': digests, 'offset-list': offsets } = appendParameters.parse(
      Object.fromEntries(parameters.values),
    );
    this.#checkOrder(began, 'append');
    if (digests.length !== offsets.length) {
      return this.#refuse(`offset list has wrong length (${offsets.length} != ${digests.length})`);
    }
    for (const [i, digest] of digests.entries()) {
      const problem = this.#appendChunk({ digest, offset: offsets[i]! }, began);
      if (problem !== undefined) return this.#refuse(problem);
    }
    this.#answered = undefined;
    return value(null, (moment) => {
      this.#answered = moment;
    });
  }

  close(parameters: Parameters, began: number): Reply {
    const { 'chunk-count': count, size, csum } = closeParameters.parse(Object.fromEntries(parameters.values));
    this.#checkOrder(began, 'close');
    const failed = `${this.kind} writer '${this.name}' close failed`;
    if (count !== this.#digests.length)
      return this.#refuse(`${failed} - unexpected chunk count (${this.#digests.length} != ${count})`);
    if (size !== this.#size)
      return this.#refuse(`${failed} - unexpected file size (${this.#size} != ${size})`);
    const real = this.#csum.copy().digest('hex');
    if (csum !== real) return this.#refuse(`${failed} - got unexpected checksum`);
    const recorded = this.#expected?.chunks.length ?? count;
    if (count < recorded) this.#report.add(`${this.name} was closed after ${count} of ${recorded} chunks`);
    this.#closed = { size, csum };
    return value(null);
  }

  #appendChunk({ digest, offset }: AppendedChunk, began: number): string | undefined {
    const size = this.#known.size(digest);
    if (size === undefined) return `no such chunk ${digest}`;
    if (!this.#known.acknowledgedBefore(digest, began)) {
      this.#report.add(`${this.name}: chunk ${digest} was appended before the server had acknowledged it`);
    }
    if (offset !== this.#size) {
      const failed = `${this.kind} writer '${this.name}' append chunk failed`;
      return `${failed} - got strange chunk offset (${this.#size} != ${offset})`;
    }
    this.#compare(digest);
    this.#size += size;
    this.#digests.push(digest);
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(BigInt(this.#size));
    if (this.kind === 'dynamic') this.#csum.update(end);
    this.#csum.update(digest, 'hex');
    return undefined;
  }

  /** Says the first difference only: after a chunk of another length all others differ. */
  #compare(digest: string): void {
    if (this.#expected === undefined || this.#differs) return;
    const expected = this.#expected.chunks[this.#digests.length];
    this.#differs = expected?.digest !== digest || expected.offset !== this.#size;
    if (!this.#differs) return;
    const recorded = expected === undefined ? 'nothing' : `${expected.digest} at ${expected.offset}`;
    this.#report.add(
      `${this.name}: chunk ${this.#digests.length} is ${digest} at ${this.#size}, recorded was ${recorded}`,
    );
  }

  #checkOrder(began: number, what: string): void {
    if (this.#answered !== undefined && this.#answered < began) return;
    this.#report.add(`${this.name}: ${what} did not wait for the reply to the append before it`);
  }

  #refuse(text: string): Reply {
    this.#report.add(`${this.name}: ${text}`);
    return refusal(text);
  }
}
