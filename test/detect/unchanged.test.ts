/** When a file counts as unchanged: every bit of the comparison, every corner of the racy rule (design §4, 1). */
import test from 'ava';
import fc from 'fast-check';
import { Reason } from '../../src/detect/reasons.js';
import { isBefore, judge, type RacyRule, racyRule } from '../../src/detect/unchanged.js';
import { MATCH } from '../../src/native-detect.js';

type Instant = RacyRule['from'];

const SAME = MATCH.file | MATCH.size | MATCH.mtime;
const START = at(1_700_000_000, 500);
const NOW = at(1_700_003_600, 0);
const OLD_TIMES = { mtime: at(1_600_000_000), ctime: undefined };

function at(seconds: number, nanoseconds = 0): Instant {
  return { seconds, nanoseconds };
}

function verdict(mtime: Instant, start = START, now = NOW): Reason {
  return judge(SAME, { mtime, ctime: undefined }, racyRule(start, now));
}

test('a file needs an entry of its own, its size and its time', (t) => {
  const rule = racyRule(START, NOW);
  t.is(judge(0, OLD_TIMES, rule), Reason.new);
  t.is(judge(MATCH.hardlink, OLD_TIMES, rule), Reason.hardlink);
  t.is(judge(MATCH.other, OLD_TIMES, rule), Reason.type);
  t.is(judge(MATCH.file | MATCH.mtime, OLD_TIMES, rule), Reason.size);
  t.is(judge(MATCH.file | MATCH.size, OLD_TIMES, rule), Reason.mtime);
  t.is(judge(SAME, OLD_TIMES, rule), Reason.reused);
});

test('where the reference knows it, the ctime is compared, too', (t) => {
  const rule = racyRule(START, NOW);
  const times = { mtime: at(1_600_000_000), ctime: at(1_650_000_000) };
  t.is(judge(SAME, times, rule), Reason.reused);
  t.is(judge(SAME | MATCH.otherCtime, times, rule), Reason.ctime);
  t.is(judge(MATCH.file | MATCH.size | MATCH.otherCtime, times, rule), Reason.mtime);
});

test('a known ctime decides what is racy, unless the mtime is late, too', (t) => {
  const rule = racyRule(START, NOW);
  const late = at(START.seconds - 60, START.nanoseconds);
  const early = at(START.seconds - 60, START.nanoseconds - 1);
  for (const mtime of [at(0), at(1), at(1_600_000_000), at(NOW.seconds + 1000)]) {
    t.is(judge(SAME, { mtime, ctime: late }, rule), Reason.racy);
    t.is(judge(SAME, { mtime, ctime: early }, rule), Reason.reused);
  }
  for (const mtime of [late, NOW]) t.is(judge(SAME, { mtime, ctime: early }, rule), Reason.racy);
});

test('a ctime at the epoch is none: then the mtime must say something', (t) => {
  const rule = racyRule(START, NOW);
  for (const ctime of [at(0), at(0, 5), at(1), at(-1, 5)]) {
    for (const mtime of [at(0), at(0, 7), at(1), at(-1)])
      t.is(judge(SAME, { mtime, ctime }, rule), Reason.noMtime);
    t.is(judge(SAME, { mtime: at(1_600_000_000), ctime }, rule), Reason.reused);
    t.is(judge(SAME, { mtime: START, ctime }, rule), Reason.racy);
  }
});

test('owner, mode and attributes do not matter for the contents', (t) => {
  t.is(judge(SAME | MATCH.metadata, OLD_TIMES, racyRule(START, NOW)), Reason.reused);
  t.is(judge(SAME, OLD_TIMES, racyRule(START, NOW)), Reason.reused);
});

test('a file is racy from a minute before the start of the reference run on, to the nanosecond', (t) => {
  t.is(verdict(at(START.seconds - 60, START.nanoseconds - 1)), Reason.reused);
  t.is(verdict(at(START.seconds - 60, START.nanoseconds)), Reason.racy);
  t.is(verdict(START), Reason.racy);
  t.is(verdict(at(START.seconds + 60)), Reason.racy);
});

test('a file is racy up to the present, and beyond it only what a stopped clock cannot explain', (t) => {
  t.is(verdict(NOW), Reason.racy);
  t.is(verdict(at(NOW.seconds, 1)), Reason.reused);
  t.is(verdict(at(NOW.seconds + 1_000_000)), Reason.reused);
});

test('a reference from the future makes everything racy from a minute before now on', (t) => {
  const [start, now] = [NOW, START];
  t.is(verdict(at(now.seconds - 60, now.nanoseconds - 1), start, now), Reason.reused);
  t.is(verdict(at(now.seconds - 60, now.nanoseconds), start, now), Reason.racy);
  t.is(verdict(at(start.seconds + 1_000_000), start, now), Reason.racy);
});

test('a reference of this very moment is not from the future', (t) => {
  t.is(verdict(at(START.seconds, START.nanoseconds + 1), START, START), Reason.reused);
  t.is(verdict(START, START, START), Reason.racy);
});

test('after a start of 0 every file is racy, however old or new', (t) => {
  for (const seconds of [
    -2_000_000_000,
    -61,
    -2,
    2,
    1_000_000,
    START.seconds,
    NOW.seconds,
    NOW.seconds + 1e6,
  ])
    t.is(verdict(at(seconds), at(0)), Reason.racy, String(seconds));
});

test('a time within a second of the epoch is no evidence', (t) => {
  for (const mtime of [at(-1), at(-1, 999_999_999), at(0), at(0, 1), at(1, 0)])
    t.is(verdict(mtime), Reason.noMtime, JSON.stringify(mtime));
  for (const mtime of [at(-2, 999_999_999), at(1, 1), at(2), at(-86_400)])
    t.is(verdict(mtime), Reason.reused, JSON.stringify(mtime));
});

const instant = fc.record({
  seconds: fc.integer({ min: -1000, max: 1000 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});

test('instants are ordered as numbers of nanoseconds are', (t) => {
  const number = ({ seconds, nanoseconds }: Instant): bigint =>
    BigInt(seconds) * 10n ** 9n + BigInt(nanoseconds);
  fc.assert(fc.property(instant, instant, (a, b) => isBefore(a, b) === number(a) < number(b)));
  t.pass();
});

test('no file that was modified after the reference run began counts as unchanged while clocks go on', (t) => {
  const positive = instant.map(({ seconds, nanoseconds }) => at(seconds + 1_000_000, nanoseconds));
  fc.assert(
    fc.property(positive, positive, positive, (start, mtime, now) => {
      fc.pre(!isBefore(now, start) && !isBefore(mtime, start) && !isBefore(now, mtime));
      return verdict(mtime, start, now) === Reason.racy;
    }),
  );
  t.pass();
});
