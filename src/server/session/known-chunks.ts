/** The chunks that a session may refer to, or read: a table that stays small where an index has millions. */
import { randomBytes } from 'node:crypto';
import { CallError } from '../http/call-error.js';
import { MAX_KNOWN } from './session-limits.js';

/** How chunks are stored; an archive has one class. indexes-blobs-chunks.md §4.3. */
export type ChunkClass = 'plain' | 'encrypted';

export interface KnownChunk {
  /** Plain length in bytes, 1 to 16 MiB. */
  readonly size: number;
  readonly class: ChunkClass;
  /** Stored by this session; others are listed by an index, and their files may be gone. */
  readonly own: boolean;
}

const DIGEST_SIZE = 32;
const FIRST_SLOTS = 1024;
/** A slot's note: the size, and two flags above it. 0 is an empty slot; a forgotten chunk keeps a flag only. */
const SIZE_MASK = 0x1ff_ffff;
const ENCRYPTED = 1 << 25;
const OWN = 1 << 26;
const USED = 1 << 27;

export class KnownChunks {
  /** Secret: clients choose digests, and must not be able to choose collisions. */
  readonly #key: readonly number[];
  #digests = Buffer.alloc(FIRST_SLOTS * DIGEST_SIZE);
  #notes = new Uint32Array(FIRST_SLOTS);
  #count = 0;

  constructor() {
    const bytes = randomBytes(DIGEST_SIZE + 4);
    this.#key = Array.from({ length: DIGEST_SIZE / 4 + 1 }, (_, i) => bytes.readInt32LE(4 * i) | 1);
  }

  /** `digest` has 32 bytes. */
  get(digest: Buffer): KnownChunk | undefined {
    const note = this.#notes[this.#slot(digest, 0)]!;
    const size = note & SIZE_MASK;
    if (size === 0) return undefined;
    return { size, class: (note & ENCRYPTED) === 0 ? 'plain' : 'encrypted', own: (note & OWN) !== 0 };
  }

  /** What the session stored itself is not changed by what an index says of it. Throws CallError when there are too many. */
  add(digest: Buffer, { size, class: kind, own }: KnownChunk): void {
    if (4 * this.#count >= 3 * this.#notes.length) this.#grow();
    const slot = this.#slot(digest, 0);
    const before = this.#notes[slot]!;
    if (before === 0) {
      if (this.#count >= MAX_KNOWN) throw new CallError(400, 'too many chunks in one session');
      this.#count += 1;
      digest.copy(this.#digests, slot * DIGEST_SIZE, 0, DIGEST_SIZE);
    }
    if (!own && (before & OWN) !== 0) return;
    this.#notes[slot] = USED | size | (kind === 'encrypted' ? ENCRYPTED : 0) | (own ? OWN : 0);
  }

  /** The chunk's file is gone. */
  forget(digest: Buffer): void {
    const slot = this.#slot(digest, 0);
    if (this.#notes[slot] !== 0) this.#notes[slot] = USED;
  }

  /** Where the digest that begins at `at` is, or would be put. */
  #slot(bytes: Buffer, at: number): number {
    let hash = this.#key[DIGEST_SIZE / 4]!;
    for (let i = 0; i < DIGEST_SIZE / 4; i += 1) {
      hash = Math.imul(hash ^ bytes.readInt32LE(at + 4 * i), this.#key[i]!);
      hash ^= hash >>> 15;
    }
    const mask = this.#notes.length - 1;
    let slot = hash & mask;
    while (this.#notes[slot] !== 0 && !this.#isAt(slot, bytes, at)) slot = (slot + 1) & mask;
    return slot;
  }

  #isAt(slot: number, bytes: Buffer, at: number): boolean {
    const from = slot * DIGEST_SIZE;
    return this.#digests.compare(bytes, at, at + DIGEST_SIZE, from, from + DIGEST_SIZE) === 0;
  }

  #grow(): void {
    const [digests, notes] = [this.#digests, this.#notes];
    this.#digests = Buffer.alloc(2 * digests.length);
    this.#notes = new Uint32Array(2 * notes.length);
    for (let i = 0; i < notes.length; i += 1) {
      if (notes[i] === 0) continue;
      const slot = this.#slot(digests, i * DIGEST_SIZE);
      digests.copy(this.#digests, slot * DIGEST_SIZE, i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
      this.#notes[slot] = notes[i]!;
    }
  }
}
