/** What a session gets of its base snapshot: files, and chunks that it may refer to. protocol.md §5.6. */
import type { FileHandle } from 'node:fs/promises';
import type { ReceivedBase } from '../../repository/local/session-received.js';
import type { ManifestFile } from '../../snapshot/manifest.js';
import { CallError } from '../http/call-error.js';
import type { ChunkClass, KnownChunks } from './known-chunks.js';
import { closedOnFailure, kindOf, openStoredFile } from './stored-file.js';
import { scanIndex } from './stored-index.js';

/** The class that the manifest gives the chunks of an archive. */
export function classOf({ cryptMode }: ManifestFile): ChunkClass {
  return cryptMode === 'encrypt' ? 'encrypted' : 'plain';
}

function listedIn(base: ReceivedBase, name: string): ManifestFile | undefined {
  return base.manifest.files.find(({ filename }) => filename === name);
}

/** An index of the base, open. */
export interface ReusedIndex {
  readonly file: FileHandle;
  readonly chunkClass: ChunkClass;
}

export class BackupBase {
  readonly #base: ReceivedBase | undefined;
  readonly #known: KnownChunks;

  constructor(base: ReceivedBase | undefined, known: KnownChunks) {
    this.#base = base;
    this.#known = known;
  }

  /** Seconds; null where there is no base. */
  get time(): number | null {
    return this.#base?.snapshot.time ?? null;
  }

  /**
   * A file of the base, open; the chunks of an index become known if the manifest lists it with its checksum and size. Throws CallError
   * and IndexError.
   */
  async open(name: string): Promise<FileHandle> {
    const base = this.#base;
    if (base === undefined) throw new CallError(400, 'no valid previous backup');
    const isBlob = kindOf(name) === 'blob';
    const file = await openStoredFile(base.directory, name);
    const listed = listedIn(base, name);
    if (isBlob || listed === undefined) return file;
    return closedOnFailure(file, () => this.#register(file, listed));
  }

  /**
   * A fixed index of the base, for one that begins as its copy. Throws CallError unless the base has it with this checksum and size.
   */
  async reuse(
    name: string,
    expected: { readonly csum: string; readonly size: number },
  ): Promise<ReusedIndex> {
    const listed = this.#base === undefined ? undefined : listedIn(this.#base, name);
    if (listed === undefined)
      throw new CallError(400, 'cannot reuse index - no valid previous backup exists');
    const { csum, size } = listed;
    if (csum !== expected.csum) {
      const problem = `expected csum (${expected.csum}) doesn't match last backup's (${csum})`;
      throw new CallError(400, `${problem}, cannot do incremental backup`);
    }
    if (size !== expected.size)
      throw new CallError(400, `expected size (${expected.size}) doesn't match last backup's (${size})`);
    return { file: await this.open(name), chunkClass: classOf(listed) };
  }

  /** The first pass only looks whether the index is what the manifest says: nobody vouches for another one. */
  async #register(file: FileHandle, listed: ManifestFile): Promise<void> {
    const { csum, size } = await scanIndex(file, listed.filename, () => undefined);
    if (csum !== listed.csum || size !== listed.size) return;
    const chunkClass = classOf(listed);
    await scanIndex(file, listed.filename, ({ digest, size: length }) =>
      this.#known.add(digest, { size: length, class: chunkClass, own: false }),
    );
  }
}
