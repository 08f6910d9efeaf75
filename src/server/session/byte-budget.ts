/** Memory that all sessions share: who wants more than there is waits, and callers take turns, so that a slow one holds up itself. */

export interface ByteBudgetOptions {
  /** Bytes in all. */
  readonly limit: number;
  /** The most of it that one caller gets, in bytes; less where there are many. */
  readonly share: number;
}

/** Gives back what was taken; only the first call counts. */
export type GiveBack = () => void;

/** What one caller may take from. */
export interface Room {
  /** Resolves when the bytes are taken. Rejects with the signal's reason when that is aborted before. */
  take(bytes: number, signal: AbortSignal): Promise<GiveBack>;
}

interface Waiter {
  readonly bytes: number;
  /** Called when its turn has come. */
  readonly enter: () => void;
}

/** A caller that has taken something or waits. */
interface Holder {
  taken: number;
  readonly waiting: Waiter[];
}

export class ByteBudget {
  readonly #limit: number;
  readonly #share: number;
  /** Whose turn comes next stands first. */
  readonly #holders = new Map<string, Holder>();
  #taken = 0;

  constructor({ limit, share }: ByteBudgetOptions) {
    this.#limit = limit;
    this.#share = share;
  }

  /** Bytes that are taken now. */
  get taken(): number {
    return this.#taken;
  }

  /** The caller's part. More than the share, or the limit, is taken by who holds, or when there is, nothing else. */
  of(caller: string): Room {
    return {
      take: async (bytes, signal) => {
        signal.throwIfAborted();
        await this.#wait(caller, bytes, signal);
        let held = true;
        return () => {
          if (held) this.#giveBack(caller, bytes);
          held = false;
        };
      },
    };
  }

  #holder(caller: string): Holder {
    const known = this.#holders.get(caller);
    if (known !== undefined) return known;
    const holder = { taken: 0, waiting: [] };
    this.#holders.set(caller, holder);
    return holder;
  }

  #wait(caller: string, bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const { waiting } = this.#holder(caller);
      const leave = (): void => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(signal.reason);
        this.#letIn();
      };
      const waiter: Waiter = {
        bytes,
        enter: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.push(waiter);
      this.#letIn();
    });
  }

  #giveBack(caller: string, bytes: number): void {
    this.#holder(caller).taken -= bytes;
    this.#taken -= bytes;
    this.#letIn();
  }

  /** Lets in, in turn, whose own share has room, until the next of them does not fit: it is not passed over by smaller ones. */
  #letIn(): void {
    this.#forgetIdle();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [caller, holder] = next;
      const { bytes } = holder.waiting[0]!;
      if (this.#taken > 0 && this.#taken + bytes > this.#limit) return;
      const waiter = holder.waiting.shift()!;
      holder.taken += bytes;
      this.#taken += bytes;
      this.#holders.delete(caller);
      this.#holders.set(caller, holder);
      waiter.enter();
    }
  }

  #next(): [caller: string, holder: Holder] | undefined {
    const share = Math.min(this.#share, this.#limit / this.#holders.size);
    for (const [caller, holder] of this.#holders) {
      const [waiter] = holder.waiting;
      if (waiter === undefined) continue;
      if (holder.taken === 0 || holder.taken + waiter.bytes <= share) return [caller, holder];
    }
    return undefined;
  }

  #forgetIdle(): void {
    for (const [caller, { taken, waiting }] of this.#holders)
      if (taken === 0 && waiting.length === 0) this.#holders.delete(caller);
  }
}
