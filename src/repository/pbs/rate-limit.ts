/** A connection that keeps to a rate, the same for each direction. protocol.md §2. */
import { Duplex } from 'node:stream';

export interface RateLimit {
  /** Bytes per second. */
  readonly rate: number;
  /** Bytes that may go at once after a pause. */
  readonly burst: number;
}

/** Time as the limit sees it; tests bring their own. */
export interface RateClock {
  /** Milliseconds from some fixed point. */
  now(): number;
  /** Calls back after so many milliseconds; the returned function takes that back. */
  after(ms: number, call: () => void): () => void;
}

export const systemRateClock: RateClock = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

export class TokenBucket {
  readonly #limit: RateLimit;
  readonly #now: () => number;
  #tokens: number;
  #filled: number;

  /** Starts full. */
  constructor(limit: RateLimit, now: () => number) {
    this.#limit = limit;
    this.#now = now;
    this.#tokens = limit.burst;
    this.#filled = now();
  }

  /** Takes tokens, on credit if need be; milliseconds until the credit is paid back. */
  take(bytes: number): number {
    const { rate, burst } = this.#limit;
    const now = this.#now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filled) * rate) / 1000) - bytes;
    this.#filled = now;
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / rate;
  }
}

/** The buckets of all connections to one server. */
export interface RateBuckets {
  readonly read: TokenBucket;
  readonly write: TokenBucket;
  readonly clock: RateClock;
}

export function rateBuckets(limit: RateLimit, clock: RateClock): RateBuckets {
  const bucket = (): TokenBucket => new TokenBucket(limit, clock.now);
  return { read: bucket(), write: bucket(), clock };
}

/** Passes everything on to `under`, no faster than the buckets allow. */
export class RateLimitedStream extends Duplex {
  readonly #under: Duplex;
  readonly #buckets: RateBuckets;
  readonly #waits = new Set<() => void>();
  /** What was read and waits for its turn. */
  #held: Buffer | undefined;
  #ended = false;

  constructor(under: Duplex, buckets: RateBuckets) {
    super();
    this.#under = under;
    this.#buckets = buckets;
    under.on('data', (part: Buffer) => this.#hold(part));
    under.pause();
    under.on('end', () => {
      this.#ended = true;
      if (this.#held === undefined) this.push(null);
    });
    under.on('error', (error) => this.destroy(error));
    under.on('close', () => {
      if (!this.#ended) this.destroy();
    });
  }

  override _read(): void {
    if (this.#held === undefined) this.#under.resume();
  }

  override _write(part: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#wait(this.#buckets.write.take(part.length), () => {
      this.#under.write(part, done);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#under.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    for (const cancel of this.#waits) cancel();
    this.#waits.clear();
    this.#under.destroy();
    done(error);
  }

  #hold(part: Buffer): void {
    this.#under.pause();
    this.#held = part;
    this.#wait(this.#buckets.read.take(part.length), () => {
      this.#held = undefined;
      const more = this.push(part);
      if (this.#ended) this.push(null);
      else if (more) this.#under.resume();
    });
  }

  #wait(ms: number, then: () => void): void {
    if (ms === 0) {
      then();
      return;
    }
    const cancel = this.#buckets.clock.after(ms, () => {
      this.#waits.delete(cancel);
      then();
    });
    this.#waits.add(cancel);
  }
}
