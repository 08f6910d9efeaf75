/** A whole backup: session, archives one after the other, manifest. */
import { native } from '../native.js';
import type { IngestSummary } from '../native-chunk.js';
import type { BackupSession, Repository } from '../repository/repository.js';
import type { Seal } from '../repository/seal.js';
import { CATALOG_NAME, ENCRYPTED_KEY_NAME } from '../snapshot/archive-names.js';
import { encodeBlob } from '../snapshot/blob.js';
import type { BackupTime, GroupName, Namespace, SnapshotName } from '../snapshot/names.js';
import { encodeRunNotes, type Instant, type RunNotes } from '../snapshot/run-notes.js';
import { type ArchiveOptions, type ArchiveProgress, type ArchiveSummary, backupArchive } from './archive.js';
import { backupBlob } from './blob-source.js';
import { type DetectionWishes, type Layout, RunDetection } from './detection.js';
import { UNTRUSTED_MAX } from './file-doubts.js';
import { backupImage } from './image.js';
import type { WalkOptions } from './options.js';
import { type ReasonCounts, Report, type Totals, type Warning, type WarningKind } from './report.js';
import { RunCatalog } from './run-catalog.js';
import { refuseOwn, type Source, sourceKind } from './sources.js';

export interface BackupRequest {
  readonly repository: Repository;
  readonly namespace: Namespace;
  readonly group: GroupName;
  readonly time: BackupTime;
  readonly sources: readonly Source[];
  readonly walk: Omit<WalkOptions, 'storedEmpty'>;
  readonly averageSize: number;
  readonly skipE2bigXattr: boolean;
  readonly owner: string;
  readonly seal: Seal;
  /** The seal's key, encrypted for a master key: kept with the snapshot, as it is. */
  readonly encryptedKey?: Buffer | undefined;
  readonly lockWaitSeconds: number;
  /** How often the progress of a group's first backup is kept, in milliseconds; undefined: never. */
  readonly checkpointMs?: number | undefined;
  readonly temporaryDirectory: string;
  /** Read just before the first directory is opened: the run's start S. */
  readonly clock: () => { readonly seconds: number; readonly nanoseconds: number };
  readonly signal: AbortSignal;
  readonly detection: DetectionWishes;
  readonly layout: Layout;
  /** Compare and count, but read no contents and store nothing. */
  readonly dryRun: boolean;
  /** Gets each file that is stored, with the number of its Reason; undefined: nobody asks. */
  readonly onFile?: ((path: Buffer, reason: number, size: number) => void) | undefined;
  readonly onMessage: (message: string) => void;
  readonly onStart: (session: BackupSession) => void;
  readonly onArchive: (source: Source) => void;
  readonly onWarning: (warning: Warning) => void;
  readonly onProgress: (progress: ArchiveProgress) => void;
}

export interface BackupSummary {
  readonly snapshot: SnapshotName;
  readonly seal: Seal;
  readonly archives: readonly ArchiveSummary[];
  /** Undefined where the run has none. */
  readonly catalog: IngestSummary | undefined;
  readonly totals: Totals;
  readonly warnings: ReadonlyMap<WarningKind, number>;
  readonly reasons: ReasonCounts;
  /** Some files are missing or may not be as they were. */
  readonly incomplete: boolean;
}

/** What is noted of a run (design: what counts as unchanged). */
function notesOf(start: Instant, generation: number, archives: readonly ArchiveSummary[]): RunNotes {
  const tooMany = archives.some(({ untrustedCount }) => untrustedCount > UNTRUSTED_MAX);
  const untrusted = archives.filter((archive) => archive.untrusted.length > 0 && !tooMany);
  return {
    start: tooMany ? { seconds: 0, nanoseconds: 0 } : start,
    generation,
    untrusted: Object.fromEntries(untrusted.map((each) => [each.archive, each.untrusted])),
    padding: Object.fromEntries(
      archives.flatMap(({ archive, padding }) =>
        padding === undefined ? [] : [[archive, { dead: padding.dead, duplicate: padding.duplicate }]],
      ),
    ),
  };
}

/** Writes one source as what its archive's name says. */
async function writeArchive(
  source: Source,
  options: Omit<ArchiveOptions, 'detection'>,
  request: BackupRequest,
  session: BackupSession,
  detection: RunDetection,
): Promise<ArchiveSummary> {
  switch (sourceKind(source)) {
    case 'directory':
      return backupArchive(
        source,
        { ...options, detection: await detection.archive(source.archive) },
        session,
      );
    case 'image':
      return backupImage(source, { ...options, onMessage: request.onMessage }, session);
    case 'config file':
    case 'log file':
      return backupBlob(source, options, session);
  }
}

/** What a run has written. */
interface Written {
  readonly archives: readonly ArchiveSummary[];
  readonly catalog: IngestSummary | undefined;
}

async function putCatalog(
  catalog: RunCatalog | undefined,
  session: BackupSession,
): Promise<IngestSummary | undefined> {
  const summary = await catalog?.finish();
  if (summary !== undefined) await session.putIndex(CATALOG_NAME, summary);
  return summary;
}

async function putEncryptedKey(
  { encryptedKey, dryRun }: BackupRequest,
  session: BackupSession,
): Promise<void> {
  if (encryptedKey === undefined || dryRun) return;
  await session.putBlob(
    ENCRYPTED_KEY_NAME,
    encodeBlob(encryptedKey, ENCRYPTED_KEY_NAME, { compress: false }),
  );
}

async function writeArchives(
  request: BackupRequest,
  session: BackupSession,
  detection: RunDetection,
  report: Report,
): Promise<Written> {
  const cancel = native.cancelFlag();
  const { dryRun, layout } = request;
  const extended = request.detection.archives.size > 0;
  const catalog = layout === 'single' ? new RunCatalog({ session, dryRun }, extended) : undefined;
  const onAbort = (): void => {
    native.cancel(cancel);
    // It may rest for a checkpoint, after which nobody lets it go on.
    catalog?.abort();
  };
  request.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const own = await request.repository.ownDirectories();
    await refuseOwn(request.sources, own);
    const walk = { ...request.walk, storedEmpty: own };
    const { averageSize, skipE2bigXattr, temporaryDirectory, signal, onProgress } = request;
    const limits = { walk, averageSize, skipE2bigXattr, temporaryDirectory };
    const options = { ...limits, report, catalog, dryRun, cancel, signal, onProgress };
    const archives: ArchiveSummary[] = [];
    for (const source of request.sources) {
      signal.throwIfAborted();
      request.onArchive(source);
      archives.push(await writeArchive(source, options, request, session, detection));
    }
    const written = { archives, catalog: await putCatalog(catalog, session) };
    await putEncryptedKey(request, session);
    return written;
  } catch (error) {
    catalog?.abort();
    throw error;
  } finally {
    request.signal.removeEventListener('abort', onAbort);
  }
}

async function detectAndWrite(
  request: BackupRequest,
  session: BackupSession,
  report: Report,
  now: Instant,
): Promise<Written & { readonly generation: number }> {
  const { layout, averageSize, temporaryDirectory, onMessage } = request;
  const context = { session, layout, averageSize, temporaryDirectory, now, say: onMessage };
  const detection = new RunDetection(request.detection, context);
  try {
    await detection.begin();
    const written = await writeArchives(request, session, detection, report);
    return { ...written, generation: detection.generation };
  } finally {
    await detection.close();
  }
}

/**
 * Calls `onStop` when the run is interrupted: at once, or where a session keeps the progress of an unfinished backup, when it has. The
 * returned function ends that.
 */
function stopWhenAborted(
  { signal, onMessage }: BackupRequest,
  { checkpoints }: BackupSession,
  onStop: () => void,
): () => void {
  const onAbort = (): void => {
    if (checkpoints?.keeps !== true) {
      onStop();
      return;
    }
    onMessage('Interrupted; what is stored so far becomes a checkpoint (interrupt again to end at once)');
    checkpoints.preserve().then(onStop, (error: unknown) => {
      onMessage(`No checkpoint: ${error instanceof Error ? error.message : String(error)}`);
      onStop();
    });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

/** Runs a backup. On any error nothing of the snapshot remains. Throws what its parts throw, AbortError when aborted. */
export async function runBackup(request: BackupRequest): Promise<BackupSummary> {
  const { repository, namespace, group, time, seal, signal } = request;
  const clock = (): number => request.clock().seconds;
  const { checkpointMs } = request;
  const session = request.dryRun
    ? await repository.rehearse(namespace, group, time, { seal, signal })
    : await repository.begin(namespace, group, time, {
        owner: request.owner,
        waitSeconds: request.lockWaitSeconds,
        signal,
        now: clock(),
        seal,
        checkpoints: checkpointMs === undefined ? undefined : { intervalMs: checkpointMs, clock },
        say: request.onMessage,
      });
  const report = new Report(request);
  const stop = new AbortController();
  const endStop = stopWhenAborted(request, session, () => {
    session.interrupt();
    stop.abort(signal.reason);
  });
  try {
    request.onStart(session);
    const start = request.clock();
    const { archives, catalog, generation } = await detectAndWrite(
      { ...request, signal: stop.signal },
      session,
      report,
      start,
    );
    signal.throwIfAborted();
    await session.finish({ restat: encodeRunNotes(notesOf(start, generation, archives)) });
    return {
      snapshot: session.snapshot,
      seal,
      archives,
      catalog,
      totals: report.totals,
      warnings: report.counts,
      reasons: report.reasons,
      incomplete: report.incomplete,
    };
  } catch (error) {
    const { failure } = session;
    // What went wrong first matters more than what cannot be cleared away: the next run of the group does that.
    await session.abort().catch(() => undefined);
    signal.throwIfAborted();
    throw failure ?? error;
  } finally {
    endStop();
  }
}
