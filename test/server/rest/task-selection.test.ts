import test from 'ava';
import fc from 'fast-check';
import {
  isSelected,
  RESULTS,
  resultOf,
  type TaskSelection,
} from '../../../src/server/rest/task-selection.js';
import type { TaskState } from '../../../src/server/tasks/task-registry.js';

const ALL: TaskSelection = {
  running: false,
  errors: false,
  user: undefined,
  store: undefined,
  type: undefined,
  since: undefined,
  until: undefined,
  results: undefined,
};

const status = fc.constantFrom(undefined, 'OK', 'WARNINGS: 3', 'unknown', 'no space left');
const stores = fc.constantFrom('store1', 'store10', 'other');
const task: fc.Arbitrary<TaskState> = fc
  .record({
    type: fc.constantFrom('backup', 'prune', 'reader', 'garbage_collection'),
    workerId: fc
      .tuple(stores, fc.constantFrom('', ':host/a', '::host/store1'))
      .map((parts) => parts.join('')),
    authId: fc.constantFrom('ann@pbs', 'ann@pbs!laptop', 'root@pam'),
    startTime: fc.integer({ min: 0, max: 20 }),
    status,
  })
  .map((some) => ({
    upid: 'UPID:',
    endTime: some.status === undefined ? undefined : some.startTime,
    ...some,
  }));

const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined });
const selection: fc.Arbitrary<TaskSelection> = fc.record({
  running: fc.boolean(),
  errors: fc.boolean(),
  user: maybe(fc.constantFrom('ann', 'ann@pbs!', 'nobody')),
  store: maybe(stores),
  type: maybe(fc.constantFrom('back', 'collect', 'e', 'x')),
  since: maybe(fc.integer({ min: 0, max: 20 })),
  until: maybe(fc.integer({ min: 0, max: 20 })),
  results: maybe(fc.subarray([...RESULTS])),
});

/** Each filter said once more, in other words. */
const RULES: readonly ((each: TaskState, wanted: TaskSelection) => boolean)[] = [
  (each, { running }) => !running || each.endTime === undefined,
  ({ status: said }, { errors }) => !errors || said === 'unknown' || said === 'no space left',
  ({ authId }, { user }) => user === undefined || authId.split(user).length > 1,
  ({ workerId }, { store }) => store === undefined || workerId.split(':')[0] === store,
  ({ type }, { type: part }) => part === undefined || type.split(part).length > 1,
  ({ startTime }, { since }) => since === undefined || !(startTime < since),
  ({ startTime }, { until }) => until === undefined || !(startTime > until),
  (each, { results }) => {
    if (results === undefined || results.length === 0) return true;
    const result = resultOf(each);
    return result !== undefined && new Set(results).has(result);
  },
];

test('Without a filter every task is shown.', (t) => {
  t.notThrows(() => fc.assert(fc.property(task, (each) => isSelected(each, ALL))));
});

test('A task is shown if every filter lets it through.', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(task, selection, (each, wanted) => {
        return isSelected(each, wanted) === RULES.every((rule) => rule(each, wanted));
      }),
      { numRuns: 2000 },
    ),
  );
});

test('Every task that has ended has one result, one that runs has none.', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(task, (each) => {
        const shown = RESULTS.filter((result) => isSelected(each, { ...ALL, results: [result] }));
        return shown.length === (each.endTime === undefined ? 0 : 1) && shown[0] === resultOf(each);
      }),
    ),
  );
});
