/** One source: opens the tree, writes it in the layout of the run, hands the indexes to the session. */

import type { Detector } from '../detect/detector.js';
import type { Injection } from '../detect/injection.js';
import type { PaddingTotals } from '../detect/padding.js';
import { native } from '../native.js';
import type { IngestProgress, IngestSummary } from '../native-chunk.js';
import { type CancelFlag, type NativeTree, STAT } from '../native-scan.js';
import type { BackupSession } from '../repository/repository.js';
import type { ArchiveOutput } from './archive-output.js';
import { ArchiveWriter } from './archive-writer.js';
import { detectParts } from './detect-parts.js';
import { errnoOf, errnoText } from './entry-errors.js';
import { BackupError } from './errors.js';
import { HardlinkTable } from './hardlinks.js';
import type { WalkOptions } from './options.js';
import { ahead, readRuns } from './read-runs.js';
import type { Report } from './report.js';
import type { RunCatalog } from './run-catalog.js';
import { ScanAhead } from './scan-ahead.js';
import type { ScannedDirectory } from './scanned-directory.js';
import { SingleOutput } from './single-output.js';
import type { Source } from './sources.js';
import { SplitOutput } from './split-output.js';
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
  /** The catalog of the run, whose archives are single then; undefined: they are split. */
  readonly catalog: RunCatalog | undefined;
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

/** Runs ahead of the one that is written, each with up to 4 MiB of contents. */
const RUNS_AHEAD = 3;
const PROGRESS_MS = 200;
const NO_DOUBTS = { untrusted: [], untrustedCount: 0 };

function openTree(source: Source, options: ArchiveOptions): NativeTree {
  try {
    return new native.Tree(source.path, options.skipE2bigXattr, options.cancel);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError('BACKUP_UNREADABLE', `unable to access '${source.path}': ${reason}`, { cause });
  }
}

/** Begins what the archive is written to. */
function beginOutput(
  session: BackupSession,
  { archive }: Source,
  { averageSize, walk: { excludes }, detection, catalog, dryRun }: ArchiveOptions,
): Promise<ArchiveOutput> {
  const target = { session, dryRun };
  const options = { archive, averageSize, excludes, injection: detection?.injection };
  return catalog === undefined
    ? SplitOutput.begin(target, options)
    : SingleOutput.begin(target, { ...options, catalog });
}

class ArchiveRun {
  readonly #source: Source;
  readonly #o: ArchiveOptions;
  readonly #tree: NativeTree;
  readonly #session: BackupSession;
  readonly #output: ArchiveOutput;
  readonly #links: HardlinkTable;
  readonly #scan: ScanAhead;
  #path = '';

  constructor(
    source: Source,
    options: ArchiveOptions,
    parts: { readonly session: BackupSession; readonly tree: NativeTree; readonly output: ArchiveOutput },
  ) {
    this.#source = source;
    this.#o = options;
    this.#session = parts.session;
    this.#tree = parts.tree;
    this.#output = parts.output;
    this.#links = new HardlinkTable(native.openUnnamed(options.temporaryDirectory));
    this.#scan = new ScanAhead(this.#tree, { ...options.walk, reservedName: parts.output.reservedName });
  }

  async run(): Promise<ArchiveSummary> {
    // A large file takes long, and says nothing between its beginning and its end.
    const timer = setInterval(() => this.#progress(), PROGRESS_MS);
    // A stream that takes a large file ends at once, not behind it.
    const abort = (): void => this.#output.abort();
    this.#o.signal.addEventListener('abort', abort, { once: true });
    try {
      return await this.#write();
    } catch (error) {
      this.#output.abort();
      throw error;
    } finally {
      this.#o.signal.removeEventListener('abort', abort);
      clearInterval(timer);
      this.#scan.stop();
      this.#links.close();
    }
  }

  async #write(): Promise<ArchiveSummary> {
    if (isVirtualFileSystem(await this.#tree.magic(0))) {
      throw new BackupError('BACKUP_VIRTUAL_ROOT', `'${this.#source.path}' is on a virtual file system`);
    }
    const root = this.#tree.root();
    await this.#output.begin(root.subarray(STAT.size));
    this.#o.report.totals.directories += 1;
    const writer = this.#writer();
    await this.#writeTree(root.subarray(0, STAT.size), writer);
    const { payload, metadata, files } = await this.#output.finish();
    for (const { name, stream } of files) await this.#session.putIndex(name, stream);
    this.#progress();
    // A plain catalog does not say where contents are: no later run refers to them.
    const { untrusted, untrustedCount } = this.#o.catalog?.extended === false ? NO_DOUBTS : writer.doubts;
    const padding = this.#o.detection?.detector.padding.totals();
    return { archive: this.#source.archive, payload, metadata, untrusted, untrustedCount, padding };
  }

  #writer(): ArchiveWriter {
    return new ArchiveWriter({
      tree: this.#tree,
      output: this.#output,
      links: this.#links,
      scan: this.#scan,
      report: this.#o.report,
      dryRun: this.#o.dryRun,
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
      payload: this.#output.progress(),
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
  const tree = openTree(source, options);
  const output = await beginOutput(session, source, options);
  return new ArchiveRun(source, options, { session, tree, output }).run();
}
