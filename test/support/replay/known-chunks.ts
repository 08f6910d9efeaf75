/** Chunks that a backup session may append: uploaded in it, or in an index that it downloaded. protocol.md §5.3, §5.6. */

interface Known {
  /** Plain length in bytes. */
  readonly size: number;
  /** When the client could first know; undefined until the reply has left. */
  acknowledged: number | undefined;
}

export class KnownChunks {
  readonly #chunks = new Map<string, Known>();

  /** Makes a chunk known; returns what is to be called when the reply that says so leaves. */
  add(digest: string, size: number): (moment: number) => void {
    const known = this.#chunks.get(digest) ?? { size, acknowledged: undefined };
    this.#chunks.set(digest, known);
    return (moment) => {
      known.acknowledged ??= moment;
    };
  }

  /** Plain length; undefined for a chunk that the server does not know. */
  size(digest: string): number | undefined {
    return this.#chunks.get(digest)?.size;
  }

  /** Whether a request that began at `moment` can rely on the chunk. */
  acknowledgedBefore(digest: string, moment: number): boolean {
    const acknowledged = this.#chunks.get(digest)?.acknowledged;
    return acknowledged !== undefined && acknowledged < moment;
  }
}
