/** Archives of a backup session by their bytes, wherever they were cut. */
import { createHash } from 'node:crypto';
import { contentOf } from './container.js';
import type { RecordedKey } from './recorded-key.js';
import type { RecordedBody } from './recording.js';
import type { ReadBody } from './rules.js';

export class ArchiveContent {
  readonly #uploaded = new Map<string, Buffer>();
  readonly #recorded: (digest: string) => RecordedBody | undefined;
  readonly #readBody: ReadBody;
  readonly #key: RecordedKey | undefined;

  /** `recorded` finds chunks that other sessions uploaded; `key` opens those that are encrypted. */
  constructor(
    recorded: (digest: string) => RecordedBody | undefined,
    readBody: ReadBody,
    key: RecordedKey | undefined,
  ) {
    this.#recorded = recorded;
    this.#readBody = readBody;
    this.#key = key;
  }

  /** Remembers the container of a chunk that was uploaded. */
  add(digest: string, container: Buffer): void {
    this.#uploaded.set(digest, container);
  }

  /** SHA-256 of the archive behind an index. Throws for chunks that nobody has and for encrypted ones without key. */
  async digest(chunks: readonly string[]): Promise<string> {
    const hash = createHash('sha256');
    for (const chunk of chunks) hash.update(await this.#plain(chunk));
    return hash.digest('hex');
  }

  async #plain(digest: string): Promise<Buffer> {
    const body = this.#recorded(digest);
    const container =
      this.#uploaded.get(digest) ?? (body === undefined ? undefined : await this.#readBody(body));
    if (container === undefined) throw new Error(`nobody has the content of chunk ${digest}`);
    const plain = contentOf(container, digest, this.#key);
    if (plain === undefined) throw new Error(`the content of chunk ${digest} is encrypted`);
    return plain;
  }
}
