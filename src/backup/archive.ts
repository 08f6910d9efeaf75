/** One source: opens the tree, runs the two streams of its split archive, hands the indexes to the session. */

import type { Detector } from '../detect/detector.js';
import type { Injection } from '../detect/injection.js';
import type { PaddingTotals } from '../detect/padding.js';
import { native } from '../native.js';
import type { ArchiveStream, IngestOptions, IngestProgress, IngestSummary } from '../native-chunk.js';
import { type CancelFlag, type NativeTree, STAT } from '../native-scan.js';
import { MetadataEncoder } from '../pxar/encoder.js';
import type { BackupSession } from '../repository/repository.js';
import { type ServerName, splitNames } from '../snapshot/archive-names.js';
import { ArchiveWriter } from './archive-writer.js';
import { detectParts } from './detect-parts.js';
import { DryStream } from './dry-stream.js';
import { errnoOf, errnoText } from './entry-errors.js';
import { BackupError } from './errors.js';
import { HardlinkTable } from './hardlinks.js';
import type { WalkOptions } from './options.js';
import { encodePrelude } from './prelude.js';
import { ahead, readRuns } from './read-runs.js';
import type { Report } from './report.js';
import { RestableStream } from './running-stream.js';
import { ScanAhead } from './scan-ahead.js';
import type { ScannedDirectory } from './scanned-directory.js';
import type { Source } from './sources.js';
import { isVirtualFileSystem } from './virtual-file-systems.js';
import { walkParts } from './walk-parts.js';

export interface ArchiveOptions {
  readonly walk: WalkOptions;
  /** Average chunk size in bytes. */
  readonly averageSize: number;
  readonly skipE2bigXattr: boolean;
  /** Where unnamed temporary files are made. */
  readonly temporaryDirectory: string;
  readonly report: Report;
  /** What files are compared with; undefined: everything is read. */
  readonly detection: ArchiveDetection | undefined;
  /** Compare only: no contents are read, nothing is stored. */
  readonly dryRun: boolean;
  readonly cancel: CancelFlag;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ArchiveProgress) => void;
}

/** Change detection of one archive: made for its reference, used once. */
export interface ArchiveDetection {
  readonly detector: Detector;
  readonly injection: Injection;
}

/** How far an archive is. */
export interface ArchiveProgress {
  readonly archive: string;
  /** Path inside the archive, latin1. */
  readonly path: string;
  readonly payload: IngestProgress;
  readonly files: number;
}

export interface ArchiveSummary {
  readonly archive: string;
  /** The contents, or all there is of an archive of one stream. */
  readonly payload: IngestSummary;
  /** Of a split archive. */
  readonly metadata: IngestSummary | undefined;
  /** Payload offsets that the next run must not trust, and how many there were in all. */
  readonly untrusted: readonly number[];
  readonly untrustedCount: number;
  /** What was put in from the reference; undefined where there was none. */
  readonly padding: PaddingTotals | undefined;
}

type SplitSummary = ArchiveSummary & { readonly metadata: IngestSummary };

/** Runs ahead of the one that is written, each with up to 4 MiB of contents. */
const RUNS_AHEAD = 3;
const PROGRESS_MS = 200;
const PAYLOAD_START = Buffer.from('d24e4a19c2684c831000000000000000', 'hex');
const PAYLOAD_TAIL = Buffer.from('b5814c988bb7726c1000000000000000', 'hex');
const PAYLOAD_RING = 40 * 1024 * 1024;
const METADATA_RING = 32 * 1024 * 1024;

/** Blocks of the metadata stream on their way into the ingest. */
class MetadataQueue {
  readonly #ingest: ArchiveStream;
  #pending: Promise<void>[] = [];

  constructor(ingest: ArchiveStream) {
    this.#ingest = ingest;
  }

  push(block: Buffer): void {
    const written = this.#ingest.write(block);
    // The error is seen by `drain`, or by nobody when the run has failed elsewhere.
    written.catch(() => undefined);
    this.#pending.push(written);
  }

  async drain(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
  }
}

function openTree(source: Source, options: ArchiveOptions): NativeTree {
  try {
    return new native.Tree(source.path, options.skipE2bigXattr, options.cancel);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError('BACKUP_UNREADABLE', `unable to access '${source.path}': ${reason}`, { cause });
  }
}

/** The two streams of an archive. */
interface Streams {
  readonly metadata: ArchiveStream;
  readonly payload: ArchiveStream;
}

/** A stream into the session. */
async function beginStream(
  session: BackupSession,
  name: ServerName,
  options: Omit<IngestOptions, 'store'>,
): Promise<ArchiveStream> {
  const ingest = new native.Ingest({ store: await session.sink(name), ...options });
  if (session.checkpoints === undefined) return ingest;
  const stream = new RestableStream(ingest);
  session.checkpoints.follow(name, stream);
  return stream;
}

/** They go nowhere in a dry run. */
async function beginStreams(
  session: BackupSession,
  { archive }: Source,
  { dryRun, averageSize }: ArchiveOptions,
): Promise<Streams> {
  if (dryRun) return { metadata: new DryStream(), payload: new DryStream() };
  const names = splitNames(archive);
  const metadata = { averageSize, payload: false, ringBytes: METADATA_RING };
  const payload = { averageSize, payload: true, ringBytes: PAYLOAD_RING };
  return {
    metadata: await beginStream(session, names.metadata, metadata),
    payload: await beginStream(session, names.payload, payload),
  };
}

class ArchiveRun {
  readonly #source: Source;
  readonly #o: ArchiveOptions;
  readonly #tree: NativeTree;
  readonly #payload: ArchiveStream;
  readonly #metadata: ArchiveStream;
  readonly #blocks: MetadataQueue;
  readonly #links: HardlinkTable;
  readonly #scan: ScanAhead;
  #path = '';

  constructor(source: Source, tree: NativeTree, options: ArchiveOptions, { metadata, payload }: Streams) {
    this.#source = source;
    this.#o = options;
    this.#tree = tree;
    this.#payload = payload;
    this.#metadata = metadata;
    this.#blocks = new MetadataQueue(this.#metadata);
    this.#links = new HardlinkTable(native.openUnnamed(options.temporaryDirectory));
    this.#scan = new ScanAhead(this.#tree, options.walk);
  }

  async run(): Promise<SplitSummary> {
    // A large file takes long, and says nothing between its beginning and its end.
    const timer = setInterval(() => this.#progress(), PROGRESS_MS);
    // A stream that takes a large file ends at once, not behind it.
    const abort = (): void => this.#abort();
    this.#o.signal.addEventListener('abort', abort, { once: true });
    try {
      return await this.#write();
    } catch (error) {
      this.#abort();
      throw error;
    } finally {
      this.#o.signal.removeEventListener('abort', abort);
      clearInterval(timer);
      this.#scan.stop();
      this.#links.close();
    }
  }

  #abort(): void {
    this.#payload.abort();
    this.#metadata.abort();
  }

  async #write(): Promise<SplitSummary> {
    if (isVirtualFileSystem(await this.#tree.magic(0))) {
      throw new BackupError('BACKUP_VIRTUAL_ROOT', `'${this.#source.path}' is on a virtual file system`);
    }
    const root = this.#tree.root();
    const prelude = encodePrelude(this.#o.walk.excludes);
    const encoder = new MetadataEncoder({
      onBlock: (block) => this.#blocks.push(block),
      archive: this.#source.archive,
      ...(prelude === undefined ? {} : { prelude }),
    });
    encoder.root(root, STAT.size, root.length);
    this.#o.report.totals.directories += 1;
    const writer = this.#writer(encoder);
    await this.#payload.write(PAYLOAD_START);
    await this.#writeTree(root.subarray(0, STAT.size), writer);
    encoder.finish();
    await this.#blocks.drain();
    await this.#payload.write(PAYLOAD_TAIL);
    const [payload, metadata] = await Promise.all([this.#payload.finish(), this.#metadata.finish()]);
    this.#progress();
    return {
      archive: this.#source.archive,
      // A dry run hands no contents on.
      payload: this.#o.dryRun ? { ...payload, size: writer.payloadPosition + PAYLOAD_TAIL.length } : payload,
      metadata,
      untrusted: writer.doubts.untrusted,
      untrustedCount: writer.doubts.untrustedCount,
      padding: this.#o.detection?.detector.padding.totals(),
    };
  }

  #writer(encoder: MetadataEncoder): ArchiveWriter {
    return new ArchiveWriter({
      tree: this.#tree,
      encoder,
      payload: this.#payload,
      links: this.#links,
      scan: this.#scan,
      report: this.#o.report,
      injection: this.#o.detection?.injection,
      dryRun: this.#o.dryRun,
      payloadStart: PAYLOAD_START.length,
      onPath: (path) => {
        this.#path = path;
      },
    });
  }

  async #writeTree(self: Buffer, writer: ArchiveWriter): Promise<void> {
    const root = await this.#scanRoot(self);
    writer.reportScan(root);
    const walked = walkParts(this.#scan, this.#links, root);
    const detector = this.#o.detection?.detector;
    const parts = detector === undefined ? walked : detectParts(walked, detector);
    for await (const run of ahead(readRuns(this.#o.dryRun ? undefined : this.#tree, parts), RUNS_AHEAD)) {
      await writer.writeRun(run);
      await this.#blocks.drain();
      this.#progress();
    }
    await writer.finish();
  }

  async #scanRoot(self: Buffer): Promise<ScannedDirectory> {
    try {
      return await this.#scan.root(self);
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno === undefined) throw cause;
      const message = `unable to read the source '${this.#source.path}': ${errnoText(errno)}`;
      throw new BackupError('BACKUP_SOURCE', message, { cause });
    }
  }

  #progress(): void {
    this.#o.onProgress({
      archive: this.#source.archive,
      path: this.#path,
      payload: this.#payload.progress(),
      files: this.#o.report.totals.files,
    });
  }
}

/** Writes one source into the session. Throws BackupError and what scanning or storing throws. */
export async function backupArchive(
  source: Source,
  options: ArchiveOptions,
  session: BackupSession,
): Promise<ArchiveSummary> {
  const names = splitNames(source.archive);
  const tree = openTree(source, options);
  const streams = await beginStreams(session, source, options);
  const summary = await new ArchiveRun(source, tree, options, streams).run();
  await session.putIndex(names.payload, summary.payload);
  await session.putIndex(names.metadata, summary.metadata);
  return summary;
}
