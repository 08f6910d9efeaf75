/** Remembers for a while which secrets were right, so that not every request costs a scrypt computation. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Access } from './access.js';
import type { Clock } from './clock.js';

export interface VerifiedSecretsOptions {
  readonly clock: Clock;
  /** How long a secret is remembered, in milliseconds. */
  readonly lifetime: number;
  /** How many are remembered; the oldest goes first. */
  readonly limit: number;
}

/**
 * Knows secrets by an HMAC whose key lives as long as the object; the secrets themselves are not kept. Everything is forgotten
 * when the access file changes.
 */
export class VerifiedSecrets {
  readonly #o: VerifiedSecretsOptions;
  readonly #key = randomBytes(32);
  /** When what was verified ends, oldest first. */
  readonly #verified = new Map<string, number>();
  readonly #underway = new Map<string, Promise<boolean>>();
  #access: Access | undefined;

  constructor(options: VerifiedSecretsOptions) {
    this.#o = options;
  }

  /** True if this secret of this auth id was verified lately, in this state of the access file. */
  has(access: Access, authId: string, secret: string): boolean {
    this.#follow(access);
    const end = this.#verified.get(this.#mark(authId, secret));
    return end !== undefined && this.#o.clock.elapsed() < end;
  }

  /** Runs `verify`, once for all who ask the same at the same time, and remembers what was right. */
  verify(access: Access, authId: string, secret: string, verify: () => Promise<boolean>): Promise<boolean> {
    this.#follow(access);
    const mark = this.#mark(authId, secret);
    const underway = this.#underway.get(mark);
    if (underway !== undefined) return underway;
    const result = this.#remember(access, mark, verify);
    this.#underway.set(mark, result);
    return result;
  }

  async #remember(access: Access, mark: string, verify: () => Promise<boolean>): Promise<boolean> {
    try {
      const right = await verify();
      if (right && access === this.#access) this.#add(mark);
      return right;
    } finally {
      if (access === this.#access) this.#underway.delete(mark);
    }
  }

  #add(mark: string): void {
    this.#verified.delete(mark);
    this.#verified.set(mark, this.#o.clock.elapsed() + this.#o.lifetime);
    for (const [oldest, end] of this.#verified) {
      if (this.#verified.size <= this.#o.limit && this.#o.clock.elapsed() < end) return;
      this.#verified.delete(oldest);
    }
  }

  #follow(access: Access): void {
    if (access === this.#access) return;
    this.#access = access;
    this.#verified.clear();
    this.#underway.clear();
  }

  #mark(authId: string, secret: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([authId, secret]))
      .digest('base64');
  }
}
