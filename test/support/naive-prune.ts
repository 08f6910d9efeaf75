/**
 * The pruning rules once more, another way: each option is asked of each snapshot, with calendar text from Intl. Slow, and
 * written from the specification's consequences rather than its procedure. snapshot-manifest.md §11.
 */
import type { PruneCandidate } from '../../src/maintenance/prune.js';
import type { KeepOptions } from '../../src/repository/management.js';

const OPTIONS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
type Option = (typeof OPTIONS)[number];

const calendar = new Intl.DateTimeFormat('en-CA', {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  hourCycle: 'h23',
});

/** Number of days since 1970 of a calendar day. */
function dayNumber(year: string, month: string, day: string): number {
  return Date.parse(`${year}-${month}-${day}T00:00:00Z`) / 86_400_000;
}

function periodOf(option: Option, { time }: PruneCandidate): string {
  const parts = new Map(calendar.formatToParts(time * 1000).map(({ type, value }) => [type, value]));
  const [year, month, day, hour] = (['year', 'month', 'day', 'hour'] as const).map(
    (type) => parts.get(type) ?? '',
  );
  // Weeks begin on Mondays; 1970-01-05 was one. Same week number, same ISO week.
  const week = Math.floor((dayNumber(year!, month!, day!) - 4) / 7);
  const texts: Record<Option, string> = {
    last: String(time),
    hourly: `${year}${month}${day}${hour}`,
    daily: `${year}${month}${day}`,
    weekly: String(week),
    monthly: `${year}${month}`,
    yearly: `${year}`,
  };
  return texts[option];
}

/** For each candidate whether it stays. */
export function naivePrune(candidates: readonly PruneCandidate[], keep: KeepOptions): boolean[] {
  const given = OPTIONS.filter((option) => keep[option] !== undefined);
  if (given.length === 0) return candidates.map(() => true);
  const countable = candidates
    .filter((each) => each.finished && !each.protected)
    .sort((a, b) => b.time - a.time);
  const kept = new Set<PruneCandidate>();
  const lost = new Set<PruneCandidate>();
  for (const option of given) {
    const sameAs = (one: PruneCandidate) => (other: PruneCandidate) =>
      periodOf(option, one) === periodOf(option, other);
    const before = [...kept];
    // Periods that this option can take: of undecided snapshots, where nothing was kept before; newest first.
    const open = countable.filter((each) => !kept.has(each) && !lost.has(each) && !before.some(sameAs(each)));
    const heads = open.filter((each, i) => open.findIndex(sameAs(each)) === i).slice(0, keep[option]);
    const taken = open.filter((each) => heads.some(sameAs(each)));
    // The walk stops at the first snapshot of one period too many.
    const end = open.findIndex((each) => !heads.some(sameAs(each)));
    for (const each of taken) {
      if (heads.includes(each)) kept.add(each);
      else if (end < 0 || open.indexOf(each) < end) lost.add(each);
    }
  }
  const newest = candidates.toSorted((a, b) => b.time - a.time)[0];
  return candidates.map((each) => each.protected || kept.has(each) || (each === newest && !each.finished));
}
