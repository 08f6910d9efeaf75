/** What one connection of a backup session writes: indexes, blobs, the manifest. protocol.md §5. */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { IndexEntries } from '../../native-chunk.js';
import { indexOf, isFixed } from '../../snapshot/archive-index.js';
import { MANIFEST_NAME, type ServerName } from '../../snapshot/archive-names.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import { encodeManifest, type Manifest, type ManifestFile } from '../../snapshot/manifest.js';
import type { Seal } from '../seal.js';
import type { H2Session } from './h2-session.js';
import { isLost } from './server-error.js';

/** Index entries in one append: far below the server's limit of 512 KiB. §5.4. */
const APPEND_ENTRIES = 512;

/** The two kinds of indexes, as the calls of their writers begin. */
export type WriterKind = 'dynamic' | 'fixed';

export function writerKind(name: ServerName): WriterKind {
  return isFixed(name) ? 'fixed' : 'dynamic';
}

/** All methods throw ServerError. */
export class SessionCalls {
  readonly h2: H2Session;
  readonly #seal: Seal;
  readonly #writers = new Map<ServerName, Promise<number>>();

  constructor(h2: H2Session, seal: Seal) {
    this.h2 = h2;
    this.#seal = seal;
  }

  /** Whether an index was begun, for which there are or will be chunks. */
  get isBegun(): boolean {
    return this.#writers.size > 0;
  }

  /**
   * The server's number of an index, which is begun when it is first asked for: that of an image with its size in bytes, where it is
   * known. An index that was begun has to be put.
   */
  writer(name: ServerName, size?: number): Promise<number> {
    const begun = this.#writers.get(name);
    if (begun !== undefined) return begun;
    const kind = writerKind(name);
    const query = kind === 'fixed' && size !== undefined ? { size } : {};
    const number = z.int().min(1).max(256);
    const writer = this.h2.call('POST', `${kind}_index`, { 'archive-name': name, ...query }, number);
    this.#writers.set(name, writer);
    return writer;
  }

  /** Writes an index whose chunks the server has. */
  async putIndex(name: ServerName, entries: IndexEntries): Promise<ManifestFile> {
    const index = indexOf({ uuid: Buffer.alloc(16), ctime: 0, entries }, name);
    const wid = await this.writer(name, index.size);
    const kind = writerKind(name);
    for (let first = 0; first < index.count; first += APPEND_ENTRIES) {
      const last = Math.min(index.count, first + APPEND_ENTRIES);
      await this.h2.put(`${kind}_index`, { ...appended(index, first, last), wid });
    }
    const csum = index.csum.toString('hex');
    const { count, size } = index;
    await this.h2.call('POST', `${kind}_close`, { 'chunk-count': count, csum, size, wid }, z.null());
    return { filename: name, cryptMode: this.#seal.mode, size, csum };
  }

  async putBlob(name: ServerName, bytes: Buffer): Promise<ManifestFile> {
    await this.h2.upload('blob', { 'encoded-size': bytes.length, 'file-name': name }, bytes);
    const csum = createHash('sha256').update(bytes).digest('hex');
    return { filename: name, cryptMode: this.#seal.mode, size: bytes.length, csum };
  }

  /** Makes the snapshot complete. `isStored` asks the server anew whether it is there, where its answer is lost. */
  async finish(parts: Omit<Manifest, 'signature'>, isStored: () => Promise<boolean>): Promise<void> {
    const bytes = encodeManifest(this.#seal.manifest(parts));
    await this.h2.upload('blob', { 'encoded-size': bytes.length, 'file-name': MANIFEST_NAME }, bytes);
    try {
      await this.h2.call('POST', 'finish', {}, z.null());
    } catch (error) {
      // The snapshot may be there although nobody said so.
      if (!isLost(error) || !(await isStored().catch(() => false))) throw error;
    }
  }
}

/** The part of an append that names chunks. */
function appended(
  index: DynamicIndex,
  first: number,
  last: number,
): { readonly 'digest-list': string[]; readonly 'offset-list': number[] } {
  const digests: string[] = [];
  const offsets: number[] = [];
  for (let i = first; i < last; i += 1) {
    digests.push(index.digest(i).toString('hex'));
    offsets.push(index.start(i));
  }
  return { 'digest-list': digests, 'offset-list': offsets };
}
