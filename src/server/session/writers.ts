/** The writers of a session by their numbers: one counter for both kinds, from 1. protocol.md §5.1. */
import { CallError } from '../http/call-error.js';
import type { IndexWriter } from './index-writer.js';
import { MAX_OPEN_WRITERS, MAX_WRITERS } from './session-limits.js';

export class Writers {
  readonly #open = new Map<number, IndexWriter>();
  #last = 0;

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** The number that the next writer will have. Throws CallError when there are too many. */
  get next(): number {
    if (this.#last >= MAX_WRITERS) throw new CallError(400, `too many index writers (${MAX_WRITERS})`);
    if (this.#open.size >= MAX_OPEN_WRITERS)
      throw new CallError(400, `too many open index writers (${MAX_OPEN_WRITERS})`);
    return this.#last + 1;
  }

  /** `wid` is `next`. */
  add(wid: number, writer: IndexWriter): void {
    this.#last = wid;
    this.#open.set(wid, writer);
  }

  /** Throws CallError where there is none of this kind. */
  get(kind: IndexWriter['kind'], wid: number): IndexWriter {
    const writer = this.#open.get(wid);
    if (writer?.kind === kind) return writer;
    throw new CallError(400, `${kind} writer '${wid}' not registered`);
  }

  /** It was closed. */
  remove(wid: number): void {
    this.#open.delete(wid);
  }
}
