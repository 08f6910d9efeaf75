/** What happens in a backup session. protocol.md §5. */
import type { FileHandle } from 'node:fs/promises';
import { uuid4 } from '../../repository/local/session.js';
import type { GrowingIndex } from '../../repository/local/session-index.js';
import type { ReceivedSession } from '../../repository/local/session-received.js';
import { parseServerName, type ServerName } from '../../snapshot/archive-names.js';
import type { Clock } from '../access/clock.js';
import { CallError } from '../http/call-error.js';
import { BackupBase } from './backup-base.js';
import { type AnnouncedChunk, ChunkIntake } from './chunk-intake.js';
import { DynamicWriter } from './dynamic-writer.js';
import { finalManifest } from './final-manifest.js';
import { FixedWriter } from './fixed-writer.js';
import type { Announced, IndexWriter } from './index-writer.js';
import { type ChunkClass, KnownChunks } from './known-chunks.js';
import type { Upload } from './session-endpoint.js';
import { fixedDigests } from './stored-index.js';
import { Turns } from './turns.js';
import { UploadStatistics } from './upload-statistics.js';
import { checkedUpload } from './uploaded-blob.js';
import { Writers } from './writers.js';

export interface BackupParts {
  readonly session: ReceivedSession;
  readonly clock: Clock;
  /** Nothing of it is kept. */
  readonly benchmark: boolean;
  readonly log: (text: string) => void;
}

/** An image that is begun. */
export interface FixedRequest {
  readonly name: string;
  readonly size: number | undefined;
  /** Begin as a copy of the base's index with this checksum. */
  readonly reuseCsum: string | undefined;
}

type Kind = IndexWriter['kind'];

const EXTENSION = { dynamic: '.didx', fixed: '.fidx' } as const;

function archiveName(kind: Kind, name: string): ServerName {
  if (name.endsWith(EXTENSION[kind])) return parseServerName(name);
  throw new CallError(400, `wrong archive extension: '${name}'`);
}

export class BackupCalls {
  readonly #parts: BackupParts;
  readonly #known = new KnownChunks();
  readonly #intake: ChunkIntake;
  readonly #base: BackupBase;
  readonly #writers = new Writers();
  readonly #statistics = new UploadStatistics();
  /** Of the archives that are complete. */
  readonly #classes = new Map<string, ChunkClass>();
  /** Whatever changes the session comes one after the other; only chunks are stored at the same time. */
  readonly #turns = new Turns();
  #files = 0;
  #state: 'open' | 'finishing' | 'finished' = 'open';

  constructor(parts: BackupParts) {
    this.#parts = parts;
    this.#intake = new ChunkIntake(parts.session.chunks, this.#known);
    this.#base = new BackupBase(parts.session.base, this.#known);
  }

  get finished(): boolean {
    return this.#state === 'finished';
  }

  /** Seconds; null where there is no base. */
  get previousTime(): number | null {
    return this.#base.time;
  }

  previous(name: string): Promise<FileHandle> {
    this.#requireOpen();
    this.#parts.log(`download '${name}' from previous backup.`);
    return this.#base.open(name);
  }

  /** Resolves to the writer's number. */
  createDynamic(text: string): Promise<number> {
    const name = archiveName('dynamic', text);
    return this.#create(
      (index) => new DynamicWriter({ name, index, uuid: uuid4(), now: this.#parts.clock.now() }),
    );
  }

  /** Resolves to the writer's number. */
  createFixed({ name: text, size, reuseCsum }: FixedRequest): Promise<number> {
    const name = archiveName('fixed', text);
    return this.#create(async (index, wid) => {
      const reused = await this.#reuse(index, name, size, reuseCsum);
      return new FixedWriter({ name, index, uuid: uuid4(), now: this.#parts.clock.now(), wid, size, reused });
    });
  }

  async storeChunk(kind: Kind, wid: number, chunk: AnnouncedChunk, upload: Upload): Promise<void> {
    this.#requireOpen();
    await upload.read(chunk.encodedSize, async (body) => {
      this.#writers.get(kind, wid);
      const duplicate = await this.#intake.store(chunk, body);
      this.#requireOpen();
      this.#writers.get(kind, wid).register(chunk.size, chunk.encodedSize, duplicate);
    });
  }

  append(kind: Kind, wid: number, digests: readonly string[], offsets: readonly number[]): Promise<void> {
    if (offsets.length !== digests.length)
      throw new CallError(400, `offset list has wrong length (${offsets.length} != ${digests.length})`);
    return this.#change(async () => {
      await this.#intake.refresh(digests);
      const known = digests.map((digest, i) => ({ digest, offset: offsets[i]! }));
      const unknown = known.findIndex(({ digest }) => !this.#intake.knows(digest));
      const usable = unknown < 0 ? known : known.slice(0, unknown);
      const placed = usable.map(({ digest, offset }) => ({
        ...{ digest: Buffer.from(digest, 'hex'), offset },
        chunk: this.#intake.require(digest),
      }));
      if (placed.length > 0) await this.#writers.get(kind, wid).append(placed);
      if (unknown >= 0) this.#intake.require(digests[unknown]!);
    });
  }

  closeIndex(kind: Kind, wid: number, announced: Announced): Promise<void> {
    return this.#change(async () => {
      const writer = this.#writers.get(kind, wid);
      await writer.close(announced);
      this.#writers.remove(wid);
      this.#files += 1;
      this.#statistics.add(writer.statistics);
      if (writer.chunkClass !== undefined) this.#classes.set(writer.name, writer.chunkClass);
      const { csum, count: chunks, size } = announced;
      for (const line of writer.statistics.lines(writer.name, { csum, chunks, size })) this.#parts.log(line);
      this.#parts.log(`successfully closed ${kind} index ${wid}`);
    });
  }

  async putBlob(name: string, announced: number, upload: Upload): Promise<void> {
    this.#requireOpen();
    await upload.read(announced, async (body) => {
      const bytes = checkedUpload(name, announced, body);
      await this.#change(async () => {
        await this.#parts.session.putBlob(parseServerName(name), bytes);
        this.#files += 1;
        this.#statistics.addBlob(bytes.length);
        this.#parts.log(`add blob '${name}' (${bytes.length} bytes)`);
      });
    });
  }

  /** The snapshot appears, unless the session is a benchmark. */
  finish(): Promise<void> {
    return this.#change(async () => {
      const { session, benchmark, log } = this.#parts;
      if (this.#writers.anyOpen)
        throw new CallError(400, 'found open index writer - unable to finish backup');
      if (this.#files === 0)
        throw new CallError(400, 'backup does not contain valid files (file count == 0)');
      if (!(await session.baseIsThere())) throw new CallError(400, 'the base snapshot was removed');
      // From here on nothing can be repaired, as with the reference server.
      this.#state = 'finishing';
      const manifest = await finalManifest(session, this.#classes, this.#statistics);
      await (benchmark ? session.abort() : session.finish(manifest));
      this.#state = 'finished';
      log('successfully finished backup');
    });
  }

  /** The connection has ended, and no call runs: what is not finished goes. */
  async end(): Promise<void> {
    await this.#parts.session.abort();
  }

  #requireOpen(): void {
    if (this.#state === 'finished') throw new CallError(400, 'backup already marked as finished.');
    if (this.#state === 'finishing')
      throw new CallError(400, 'backup is already in the process of finishing.');
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      this.#requireOpen();
      return work();
    });
  }

  #create(make: (index: GrowingIndex, wid: number) => IndexWriter | Promise<IndexWriter>): Promise<number> {
    return this.#change(async () => {
      const wid = this.#writers.next;
      const { session, log } = this.#parts;
      const index = await session.createIndex();
      try {
        const writer = await make(index, wid);
        this.#writers.add(wid, writer);
        log(`created new ${writer.kind} index ${wid} ('${writer.name}')`);
      } catch (error) {
        await session.dropIndex(index);
        throw error;
      }
      return wid;
    });
  }

  /** Copies the base's entries; resolves to their class, undefined where nothing is to be copied. */
  async #reuse(
    index: GrowingIndex,
    name: string,
    size: number | undefined,
    csum: string | undefined,
  ): Promise<ChunkClass | undefined> {
    if (csum === undefined) return undefined;
    if (size === undefined) throw new CallError(400, 'cannot reuse index without a size');
    const { file, chunkClass } = await this.#base.reuse(name, { csum, size });
    try {
      let at = 0;
      for await (const piece of fixedDigests(file)) {
        await index.write(piece, at);
        at += piece.length;
      }
    } finally {
      await file.close();
    }
    return chunkClass;
  }
}
