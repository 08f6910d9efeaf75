/** Who has most of something, without looking at everybody. */

export class UserRanks {
  readonly #counts = new Map<string, number>();
  /** Users by how many they have; nobody's set is empty. */
  readonly #ranks = new Map<number, Set<string>>();
  #most = 0;

  /** One of those who have most; undefined where nobody has anything. */
  first(): string | undefined {
    const [user] = this.#ranks.get(this.#most) ?? [];
    return user;
  }

  /** A user has one more. */
  more(user: string): void {
    const count = (this.#counts.get(user) ?? 0) + 1;
    this.#move(user, count);
    this.#most = Math.max(this.#most, count);
  }

  /** A user has one less, of at least one. */
  less(user: string): void {
    const count = (this.#counts.get(user) ?? 1) - 1;
    this.#move(user, count);
    // Who had most is now the next one below, or shares the place with others.
    if (!this.#ranks.has(this.#most)) this.#most = count;
  }

  #move(user: string, count: number): void {
    this.#leave(user, this.#counts.get(user) ?? 0);
    if (count === 0) {
      this.#counts.delete(user);
      return;
    }
    this.#counts.set(user, count);
    this.#ranks.set(count, (this.#ranks.get(count) ?? new Set()).add(user));
  }

  #leave(user: string, count: number): void {
    const equals = this.#ranks.get(count);
    equals?.delete(user);
    if (equals?.size === 0) this.#ranks.delete(count);
  }
}
