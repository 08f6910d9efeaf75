/** Prune decisions against the specification (snapshot-manifest.md §11). */
import test from 'ava';
import fc from 'fast-check';
import { localPeriods } from '../../src/maintenance/periods.js';
import { decidePrune, type PruneCandidate } from '../../src/maintenance/prune.js';
import type { KeepOptions } from '../../src/repository/management.js';
import { type BackupTime, backupTime } from '../../src/snapshot/names.js';
import { naivePrune } from '../support/naive-prune.js';
import { recordedPrunes } from '../support/recorded-manage.js';

/** Finished snapshots at local times. */
function finished(...times: string[]): PruneCandidate[] {
  return times.map((text) => ({
    time: backupTime(Date.parse(text) / 1000),
    finished: true,
    protected: false,
  }));
}

/** `2024-01-01T12:00:00` in local time, whatever the time zone of the tests is. */
function localText(time: BackupTime): string {
  const date = new Date(time * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** Local times of what stays. */
function kept(candidates: readonly PruneCandidate[], keep: KeepOptions): string[] {
  const decisions = decidePrune(candidates, keep);
  return candidates.filter((_, i) => decisions[i]).map(({ time }) => localText(time));
}

test('without a keep option everything stays, unfinished snapshots too', (t) => {
  const [a, b, c] = finished('2024-01-01T12:00:00', '2024-01-02T12:00:00', '2024-01-03T12:00:00');
  t.deepEqual(decidePrune([{ ...a!, finished: false }, b!, c!], {}), [true, true, true]);
});

test('the newest snapshot stands for its period', (t) => {
  const days = finished(
    '2024-01-01T08:00:00',
    '2024-01-01T12:00:00',
    '2024-01-02T08:00:00',
    '2024-01-02T12:00:00',
  );
  t.deepEqual(kept(days, { daily: 5 }), ['2024-01-01T12:00:00', '2024-01-02T12:00:00']);
});

test('a period that an earlier option covers does not count for a later one', (t) => {
  const days = finished('2024-01-01T12:00:00', '2024-01-02T12:00:00', '2024-01-03T12:00:00');
  t.deepEqual(kept(days, { last: 1, daily: 1 }), ['2024-01-02T12:00:00', '2024-01-03T12:00:00']);
});

test('what a kept week has given up is not rescued by its month', (t) => {
  const days = finished('2024-01-31T12:00:00', '2024-02-02T12:00:00');
  t.deepEqual(kept(days, { weekly: 1, monthly: 5 }), ['2024-02-02T12:00:00']);
  t.deepEqual(kept(days, { monthly: 5 }), ['2024-01-31T12:00:00', '2024-02-02T12:00:00']);
});

test('protected snapshots stay and do not count', (t) => {
  const [a, b, c] = finished('2024-01-01T12:00:00', '2024-01-02T12:00:00', '2024-01-03T12:00:00');
  t.deepEqual(decidePrune([a!, b!, { ...c!, protected: true }], { last: 1 }), [false, true, true]);
});

test('only the newest unfinished snapshot stays, and only if no finished one is newer', (t) => {
  const [a, b, c] = finished('2024-01-01T12:00:00', '2024-01-02T12:00:00', '2024-01-03T12:00:00');
  const partial = (candidate: PruneCandidate): PruneCandidate => ({ ...candidate, finished: false });
  t.deepEqual(decidePrune([a!, partial(b!), partial(c!)], { last: 1 }), [true, false, true]);
  t.deepEqual(decidePrune([partial(a!), partial(b!), c!], { last: 1 }), [false, false, true]);
});

test('ISO weeks: the last days of a year may belong to the first week of the next', (t) => {
  const week = (text: string): string => localPeriods.weekly(backupTime(Date.parse(text) / 1000));
  t.is(week('2024-12-29T12:00:00'), '2024/52');
  t.is(week('2024-12-30T12:00:00'), '2025/1');
  t.is(week('2021-01-03T12:00:00'), '2020/53');
  t.is(week('2021-01-04T12:00:00'), '2021/1');
});

test('periods of the local time zone', (t) => {
  const time = backupTime(new Date(2024, 1, 29, 23, 59, 59).getTime() / 1000);
  t.is(localPeriods.hourly(time), '2024/2/29/23');
  t.is(localPeriods.daily(time), '2024/2/29');
  t.is(localPeriods.monthly(time), '2024/2');
  t.is(localPeriods.yearly(time), '2024');
});

for (const { name, candidates, keep, expected } of recordedPrunes()) {
  test(`a server decided the same: ${name}`, (t) => {
    t.deepEqual(decidePrune(candidates, keep), expected);
  });
}

/** Two years of snapshots, some of them close to each other. */
const candidates = fc
  .uniqueArray(
    fc.record({
      time: fc.oneof(
        fc.integer({ min: 1_700_000_000, max: 1_763_000_000 }),
        // A week that lies in two months.
        fc.integer({ min: 1_706_500_000, max: 1_707_000_000 }),
      ),
      finished: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
      protected: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
    { selector: ({ time }) => time, maxLength: 40 },
  )
  .map((all): PruneCandidate[] => all.map((each) => ({ ...each, time: backupTime(each.time) })));

const count = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
const keepOptions = fc
  .record({ last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count })
  .map((all): KeepOptions => Object.fromEntries(Object.entries(all).filter(([, n]) => n !== undefined)));

test('decisions are those of the specification’s procedure, step by step', (t) => {
  fc.assert(
    fc.property(candidates, keepOptions, (all, keep) => {
      t.deepEqual(decidePrune(all, keep), naivePrune(all, keep));
    }),
    { numRuns: 1000 },
  );
});

test('the order of the list does not matter', (t) => {
  fc.assert(
    fc.property(candidates, keepOptions, (all, keep) => {
      const reversed = decidePrune(all.toReversed(), keep);
      t.deepEqual(reversed.toReversed(), decidePrune(all, keep));
    }),
  );
});

test('a larger keep-last never keeps less', (t) => {
  fc.assert(
    fc.property(candidates, fc.integer({ min: 1, max: 10 }), (all, last) => {
      const [fewer, more] = [decidePrune(all, { last }), decidePrune(all, { last: last + 1 })];
      t.true(fewer.every((stays, i) => !stays || more[i]));
    }),
  );
});
