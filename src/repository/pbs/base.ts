/** The base of a backup session: the newest finished snapshot of the group, as the server offers it. protocol.md §5.6. */
import type { NativeServerDigests } from '../../native-chunk.js';
import type { ServerName } from '../../snapshot/archive-names.js';
import { incompleteName, isCheckpoint } from '../../snapshot/checkpoint.js';
import type { DynamicIndex } from '../../snapshot/dynamic-index.js';
import type { SnapshotName } from '../../snapshot/names.js';
import type { Seal } from '../seal.js';
import type { H2Session } from './h2-session.js';
import type { ReaderSession } from './reader-session.js';
import { type FileSource, PbsSnapshotReader } from './snapshot-reader.js';

export class Base {
  readonly snapshot: SnapshotName;
  readonly #source: FileSource;
  readonly #chunks: ReaderSession;
  readonly #registered = new Set<ServerName>();
  #reader: Promise<PbsSnapshotReader> | undefined;

  /** `chunks` is a reader session on the base: the backup session gives no chunks. */
  constructor(snapshot: SnapshotName, h2: H2Session, digests: NativeServerDigests, chunks: ReaderSession) {
    this.snapshot = snapshot;
    this.#chunks = chunks;
    this.#source = {
      // An index that is downloaded like this makes its chunks known to the server's session.
      download: (name, limit) => h2.download('previous', { 'archive-name': name }, limit),
      onIndex: (name: ServerName, index: DynamicIndex) => {
        digests.register(index.entries);
        this.#registered.add(name);
      },
    };
  }

  /** The base with its manifest, whoever signed it; chunks that are encrypted cannot be read. Throws as PbsSnapshotReader.open. */
  open(): Promise<PbsSnapshotReader> {
    this.#reader ??= PbsSnapshotReader.open(this.snapshot, this.#source, this.#chunks, { separate: true });
    return this.#reader;
  }

  /** The base as a backup with this seal may refer to it. Throws as PbsSnapshotReader.open. */
  async openFor({ keys }: Seal): Promise<PbsSnapshotReader> {
    const reader = await this.open();
    return keys === undefined ? reader : reader.unlocked(keys);
  }

  /** True if the base is a checkpoint of an unfinished backup; false where its manifest cannot be read. */
  async isCheckpoint(): Promise<boolean> {
    const reader = await this.open().catch(() => undefined);
    return reader !== undefined && isCheckpoint(reader.manifest);
  }

  /** Makes the chunks of an archive of the base known. Throws as SnapshotReader.index. */
  async register(name: ServerName): Promise<DynamicIndex> {
    return (await this.open()).index(name);
  }

  /**
   * Makes the chunks of the base's archive of this name known, where it has one that can be read, with chunks of the backup's class.
   * Whatever is wrong with it: its chunks are uploaded again.
   */
  async registerKnown(name: ServerName, seal: Seal): Promise<void> {
    try {
      const { manifest } = await this.open();
      const wanted = isCheckpoint(manifest) ? incompleteName(name) : name;
      const entry = manifest.files.find(({ filename }) => filename === wanted);
      if (entry !== undefined && seal.shares(entry.cryptMode) && !this.#registered.has(wanted))
        await this.register(wanted);
    } catch {
      // A connection that is gone says so at the next request.
    }
  }

  close(): Promise<void> {
    return this.#chunks.close();
  }
}
