/** When a file counts as unchanged (design: what counts as unchanged, 1). Pure. */
import { MATCH } from '../native-detect.js';
import type { Instant } from '../snapshot/run-notes.js';
import { Reason } from './reasons.js';

/** Clocks are coarse and memory-mapped writes are late: files so much older than the reference's run are not racy. */
const MARGIN_SECONDS = 60;

export function isBefore(a: Instant, b: Instant): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}

/** What is needed to judge files: made once per run. */
export interface RacyRule {
  /** From this time on a file is racy … */
  readonly from: Instant;
  /** … except where it is later than this; undefined: no exception. */
  readonly until: Instant | undefined;
}

/** `start` is when the reference's run began, `now` the present. */
export function racyRule(start: Instant, now: Instant): RacyRule {
  // A start of 0 stands for a run that could not name all files that changed: then everything is racy.
  if (start.seconds === 0)
    return { from: { seconds: Number.NEGATIVE_INFINITY, nanoseconds: 0 }, until: undefined };
  const earlier = isBefore(start, now) ? start : now;
  return {
    from: { seconds: earlier.seconds - MARGIN_SECONDS, nanoseconds: earlier.nanoseconds },
    until: isBefore(now, start) ? undefined : now,
  };
}

function isRacy(rule: RacyRule, time: Instant): boolean {
  if (isBefore(time, rule.from)) return false;
  return rule.until === undefined || !isBefore(rule.until, time);
}

/** Times of a file that the reference recorded. */
export interface FileTimes {
  readonly mtime: Instant;
  /** Undefined where the reference does not know it. */
  readonly ctime: Instant | undefined;
}

/** Within a second of the epoch, on either side of it: what is there for want of a time. */
function saysNothing({ seconds, nanoseconds }: Instant): boolean {
  return seconds === 0 || seconds === -1 || (seconds === 1 && nanoseconds === 0);
}

/**
 * The reason to read a file, or `reused` when it is unchanged. `match` are MATCH bits. A ctime, which nobody can set, is the better
 * evidence: where it is known, the mtime need not say anything. File systems that keep no ctimes have it at the epoch, too: then it is
 * as if it were not known.
 */
export function judge(match: number, { mtime, ctime }: FileTimes, rule: RacyRule): Reason {
  if (match === 0) return Reason.new;
  if ((match & MATCH.hardlink) !== 0) return Reason.hardlink;
  if ((match & MATCH.file) === 0) return Reason.type;
  if ((match & MATCH.size) === 0) return Reason.size;
  if ((match & MATCH.mtime) === 0) return Reason.mtime;
  if ((match & MATCH.otherCtime) !== 0) return Reason.ctime;
  const known = ctime !== undefined && !saysNothing(ctime) ? ctime : mtime;
  if (saysNothing(known)) return Reason.noMtime;
  // There are file systems whose ctime is that of creation: a late mtime is late there, too.
  return isRacy(rule, known) || isRacy(rule, mtime) ? Reason.racy : Reason.reused;
}
