/** Indexes of a snapshot that were held against its manifest, and how their chunks are read. indexes-blobs-chunks.md §4.3, §5.2. */
import { createHash } from 'node:crypto';
import type { EncryptionKey } from '../keys/encryption-key.js';
import type { NativeCryptKey } from '../native-chunk.js';
import type { ServerName } from '../snapshot/archive-names.js';
import type { DynamicIndex } from '../snapshot/dynamic-index.js';
import type { Manifest } from '../snapshot/manifest.js';
import { keyOf, manifestEntry } from './stored-files.js';

export class OpenIndexes {
  readonly #manifest: Manifest;
  readonly #key: EncryptionKey | undefined;
  readonly #names = new WeakMap<DynamicIndex, ServerName>();

  /** `key`: the snapshot's, where it has one. */
  constructor(manifest: Manifest, key: EncryptionKey | undefined) {
    this.#manifest = manifest;
    this.#key = key;
  }

  /** The index is that of the file in the manifest. */
  add(index: DynamicIndex, name: ServerName): void {
    this.#names.set(index, name);
  }

  name(index: DynamicIndex): ServerName {
    const name = this.#names.get(index);
    if (name === undefined) throw new Error('an index of this snapshot is needed');
    return name;
  }

  /** What the chunks of an index are decrypted with; undefined: they are plain. */
  key(index: DynamicIndex): NativeCryptKey | undefined {
    return this.#keyOf(index)?.toNative();
  }

  /** What a chunk with these plain data is called in an index. */
  digest(index: DynamicIndex, plain: Buffer): Buffer {
    const key = this.#keyOf(index);
    return key === undefined ? createHash('sha256').update(plain).digest() : key.chunkDigest(plain);
  }

  #keyOf(index: DynamicIndex): EncryptionKey | undefined {
    return keyOf(manifestEntry(this.#manifest, this.name(index)), this.#key);
  }
}
