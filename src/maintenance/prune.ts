/** Which snapshots of a group stay. snapshot-manifest.md §11. */
import { RepositoryError } from '../repository/errors.js';
import type { KeepOptions, PruneDecision } from '../repository/management.js';
import type { LockWait, Repository, SnapshotInfo } from '../repository/repository.js';
import { MANIFEST_NAME } from '../snapshot/archive-names.js';
import { type BackupTime, formatTime, type GroupName, type Namespace } from '../snapshot/names.js';
import { localPeriods, type Periods } from './periods.js';

/** What the decision depends on. */
export interface PruneCandidate {
  readonly time: BackupTime;
  readonly finished: boolean;
  readonly protected: boolean;
}

type Mark = 'keep' | 'keep-partial' | 'remove' | 'protected';

/** In the order in which they are applied. */
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** The newest unfinished snapshot stays while no finished one is newer: it may still be written. §11 a. */
function markUnfinished(newestFirst: readonly PruneCandidate[], marks: Map<PruneCandidate, Mark>): void {
  let pending = true;
  for (const candidate of newestFirst) {
    if (!candidate.finished) marks.set(candidate, pending ? 'keep-partial' : 'remove');
    pending = false;
  }
}

/** Keeps the newest snapshots of `count` periods that no earlier option has covered. §11 b. */
function select(
  newestFirst: readonly PruneCandidate[],
  marks: Map<PruneCandidate, Mark>,
  count: number,
  period: (time: BackupTime) => string,
): void {
  const covered = new Set(newestFirst.filter((s) => marks.get(s) === 'keep').map(({ time }) => period(time)));
  const taken = new Set<string>();
  for (const candidate of newestFirst) {
    if (marks.has(candidate)) continue;
    if (candidate.protected) {
      marks.set(candidate, 'protected');
      continue;
    }
    const id = period(candidate.time);
    if (covered.has(id)) continue;
    if (taken.has(id)) {
      marks.set(candidate, 'remove');
    } else {
      if (taken.size >= count) return;
      taken.add(id);
      marks.set(candidate, 'keep');
    }
  }
}

/**
 * Decides for each snapshot of one group, in any order, whether it stays: true in the same order. Without any keep option all
 * stay. `periods` names the periods that times lie in; the time zone is its business.
 */
export function decidePrune(
  candidates: readonly PruneCandidate[],
  keep: KeepOptions,
  periods: Periods = localPeriods,
): boolean[] {
  if (Object.values(keep).every((count) => count === undefined)) return candidates.map(() => true);
  const newestFirst = candidates.toSorted((a, b) => b.time - a.time);
  const marks = new Map<PruneCandidate, Mark>();
  markUnfinished(newestFirst, marks);
  if (keep.last !== undefined) select(newestFirst, marks, keep.last, formatTime);
  for (const period of PERIODS) {
    const count = keep[period];
    if (count !== undefined) select(newestFirst, marks, count, periods[period]);
  }
  return candidates.map((candidate) => {
    if (candidate.protected) return true;
    const mark = marks.get(candidate) ?? 'remove';
    return mark !== 'remove';
  });
}

/** A snapshot with a damaged manifest was finished, too. */
function candidateOf(info: SnapshotInfo): PruneCandidate {
  const finished = info.files.some(({ filename }) => filename === MANIFEST_NAME);
  return { time: info.snapshot.time, finished, protected: info.protected };
}

export interface PruneOptions extends LockWait {
  /** Decide only. */
  readonly dryRun: boolean;
}

/**
 * Deletes what the keep options do not keep of a group, oldest first. Returns what was decided for each snapshot, oldest first.
 * A server does that by itself, in its own time zone. Throws RepositoryError; GROUP_MISSING where there is no snapshot.
 */
export async function prune(
  repository: Repository,
  namespace: Namespace,
  group: GroupName,
  keep: KeepOptions,
  { dryRun, ...wait }: PruneOptions,
): Promise<PruneDecision[]> {
  const management = repository.management();
  if (management.pruneGroup !== undefined) return management.pruneGroup(namespace, group, keep, { dryRun });
  const infos = await repository.snapshots(namespace, group);
  if (infos.length === 0)
    throw new RepositoryError('GROUP_MISSING', `group ${group.type}/${group.id} has no snapshot`);
  const kept = decidePrune(infos.map(candidateOf), keep);
  const decisions = infos.map((info, i) => ({
    snapshot: info.snapshot,
    keep: kept[i] === true,
    protected: info.protected,
  }));
  if (!dryRun) for (const decision of decisions) await carryOut(repository, namespace, decision, wait);
  return decisions;
}

async function carryOut(
  repository: Repository,
  namespace: Namespace,
  { snapshot, keep }: PruneDecision,
  wait: LockWait,
): Promise<void> {
  if (keep) return;
  try {
    await repository.forget(namespace, snapshot, wait);
  } catch (error) {
    // Somebody else was faster.
    if (!(error instanceof RepositoryError) || error.code !== 'SNAPSHOT_MISSING') throw error;
  }
}
