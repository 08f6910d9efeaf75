/** Where reused files come to lie in the new payload stream, and which old chunks go there. */
import type { DynamicIndex } from '../snapshot/dynamic-index.js';
import { ENTRY_SIZE } from '../snapshot/dynamic-index.js';
import type { LastInjected, PayloadMap } from './payload-map.js';

const PAYLOAD_HEADER = 16;
const DIGEST = 8;
/** Chunks handed on in one request. */
const REQUEST = 128;

export class Injection {
  readonly #map: PayloadMap;
  readonly #index: DynamicIndex;
  #requests: Buffer[] = [];
  #open: Buffer = Buffer.alloc(REQUEST * ENTRY_SIZE);
  #openCount = 0;
  #last: LastInjected | undefined;
  /** Where its entry begins in the new stream. */
  #lastStart = 0;
  #position = 0;

  constructor(map: PayloadMap, index: DynamicIndex) {
    this.#map = map;
    this.#index = index;
  }

  /** Length of the payload stream behind what was placed last. */
  get position(): number {
    return this.#position;
  }

  /** Places an old payload at the end of the stream, which is `position` bytes long; returns where its PAYLOAD header will stand. */
  place(offset: number, size: number, position: number): number {
    const first = this.#map.entryAt(offset);
    const last = this.#map.entryAt(offset + PAYLOAD_HEADER + size - 1);
    const shares = this.#map.follows(first, offset, this.#last);
    const start = shares ? this.#lastStart : position;
    this.#position = position;
    for (let entry = shares ? first + 1 : first; entry <= last; entry += 1) {
      this.#lastStart = this.#position;
      this.#add(entry);
      this.#position += this.#map.length(entry);
    }
    this.#last = { entry: last, offset };
    return start + offset - this.#map.start(first);
  }

  /** Ends a run of reused files: what comes next in the stream is something else. Returns the chunks since the last call. */
  take(): Buffer[] {
    if (this.#openCount > 0) this.#requests.push(this.#open.subarray(0, this.#openCount * ENTRY_SIZE));
    const requests = this.#requests;
    this.#requests = [];
    this.#open = Buffer.alloc(REQUEST * ENTRY_SIZE);
    this.#openCount = 0;
    this.#last = undefined;
    return requests;
  }

  /** True if there are chunks to hand on. */
  get isPending(): boolean {
    return this.#requests.length > 0 || this.#openCount > 0;
  }

  #add(entry: number): void {
    if (this.#openCount === REQUEST) {
      this.#requests.push(this.#open);
      this.#open = Buffer.alloc(REQUEST * ENTRY_SIZE);
      this.#openCount = 0;
    }
    const at = this.#openCount * ENTRY_SIZE;
    const length = this.#map.length(entry);
    this.#open.writeUInt32LE(length, at);
    this.#index.digest(entry).copy(this.#open, at + DIGEST);
    this.#openCount += 1;
  }
}
