/** A backup that is being written to a server. protocol.md §5. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { NativeChunkSink, NativeServerDigests } from '../../native-chunk.js';
import { MANIFEST_NAME, type ServerName } from '../../snapshot/archive-names.js';
import { encodeBlob } from '../../snapshot/blob.js';
import { DynamicIndex } from '../../snapshot/dynamic-index.js';
import { encodeManifest, type Manifest, type ManifestFile } from '../../snapshot/manifest.js';
import type { SnapshotName } from '../../snapshot/names.js';
import { RepositoryError } from '../errors.js';
import type { BackupSession, FinishedStream, SnapshotReader } from '../repository.js';
import type { Base } from './base.js';
import type { H2Session } from './h2-session.js';
import { isLost } from './server-error.js';
import { UploadStream } from './upload-stream.js';

/** Index entries in one append: far below the server's limit of 512 KiB. §5.4. */
const APPEND_ENTRIES = 512;

export interface PbsSessionParts {
  readonly snapshot: SnapshotName;
  readonly h2: H2Session;
  /** The base snapshot; undefined where the group has none that is usable. */
  readonly base: Base | undefined;
  readonly digests: NativeServerDigests;
  /** Asks the server anew whether the snapshot is there and finished. */
  readonly isStored: () => Promise<boolean>;
  /** Nothing is uploaded, and the server removes what was begun. */
  readonly rehearsal: boolean;
}

export class PbsBackupSession implements BackupSession {
  readonly snapshot: SnapshotName;
  readonly #h2: H2Session;
  readonly #base: Base | undefined;
  readonly #digests: NativeServerDigests;
  readonly #rehearsal: boolean;
  readonly #isStored: () => Promise<boolean>;
  readonly #streams = new Map<ServerName, UploadStream>();
  readonly #files: ManifestFile[] = [];

  constructor({ snapshot, h2, base, digests, rehearsal, isStored }: PbsSessionParts) {
    this.snapshot = snapshot;
    this.#h2 = h2;
    this.#base = base;
    this.#digests = digests;
    this.#rehearsal = rehearsal;
    this.#isStored = isStored;
  }

  get previous(): SnapshotName | undefined {
    return this.#base?.snapshot;
  }

  get failure(): Error | undefined {
    const failed = [...this.#streams.values()].find(({ failure }) => failure !== undefined);
    return failed?.failure ?? this.#h2.failure;
  }

  /** The base, whose indexes are registered as known chunks when they are read. */
  openPrevious(): Promise<SnapshotReader> {
    if (this.#base === undefined)
      return Promise.reject(new RepositoryError('SNAPSHOT_MISSING', 'the group has no previous snapshot'));
    return this.#base.open();
  }

  /** The server has every chunk of an index that it registered, or will say so when it is appended. */
  present(index: DynamicIndex): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(index.count).fill(1));
  }

  async sink(name: ServerName): Promise<NativeChunkSink> {
    await this.#base?.registerKnown(name);
    const writer = await this.#h2.call(
      'POST',
      'dynamic_index',
      { 'archive-name': name },
      z.int().min(1).max(256),
    );
    const stopAll = (): void => {
      for (const each of this.#streams.values()) each.stop();
    };
    const stream = new UploadStream(this.#h2, this.#digests, writer, stopAll);
    this.#streams.set(name, stream);
    return stream.sink;
  }

  async putIndex(name: ServerName, { entries }: FinishedStream): Promise<void> {
    if (this.#rehearsal) return;
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new Error(`${name} was not begun`);
    // A chunk of this archive may have been sent with another one.
    for (const each of this.#streams.values()) await each.drain();
    const index = new DynamicIndex({ uuid: Buffer.alloc(16), ctime: 0, entries }, name);
    for (let first = 0; first < index.count; first += APPEND_ENTRIES)
      await this.#append(stream.writer, index, first, Math.min(index.count, first + APPEND_ENTRIES));
    const csum = index.csum.toString('hex');
    const { count, size } = index;
    await this.#h2.call(
      'POST',
      'dynamic_close',
      { 'chunk-count': count, csum, size, wid: stream.writer },
      z.null(),
    );
    this.#files.push({ filename: name, cryptMode: 'none', size, csum });
  }

  async putBlob(name: ServerName, content: Buffer): Promise<void> {
    const bytes = encodeBlob(content, name, { compress: true });
    await this.#h2.upload('blob', { 'encoded-size': bytes.length, 'file-name': name }, bytes);
    const csum = createHash('sha256').update(bytes).digest('hex');
    this.#files.push({ filename: name, cryptMode: 'none', size: bytes.length, csum });
  }

  async finish(unprotected: Manifest['unprotected']): Promise<void> {
    if (this.#rehearsal) return this.#end();
    const manifest = encodeManifest({
      snapshot: this.snapshot,
      files: this.#files,
      signature: null,
      unprotected,
    });
    await this.#h2.upload('blob', { 'encoded-size': manifest.length, 'file-name': MANIFEST_NAME }, manifest);
    try {
      await this.#h2.call('POST', 'finish', {}, z.null());
    } catch (error) {
      // The snapshot may be there although nobody said so.
      if (!isLost(error) || !(await this.#isStored().catch(() => false))) throw error;
    }
    await this.#end();
  }

  /** Closes the connections: requests that run are rejected. */
  interrupt(): void {
    void this.#end();
  }

  /** The server removes what was begun when the connection ends. §5.8. */
  abort(): Promise<void> {
    return this.#end();
  }

  #append(writer: number, index: DynamicIndex, first: number, last: number): Promise<void> {
    const digests: string[] = [];
    const offsets: number[] = [];
    for (let i = first; i < last; i += 1) {
      digests.push(index.digest(i).toString('hex'));
      offsets.push(index.start(i));
    }
    return this.#h2.put('dynamic_index', { 'digest-list': digests, 'offset-list': offsets, wid: writer });
  }

  async #end(): Promise<void> {
    for (const stream of this.#streams.values()) stream.stop();
    this.#h2.close();
    await this.#base?.close();
  }
}
