/** What progress displays show, without a clock. */
import test from 'ava';
import { barWords } from '../../src/cli/output/bar.js';
import { type ProgressState, progressFigures, progressJson } from '../../src/cli/output/progress.js';
import { progressLine } from '../../src/cli/output/reporter.js';

const MIB = 2 ** 20;
const unknown: ProgressState = {
  archive: 'root.pxar',
  bytes: 10 * MIB,
  files: 7,
  total: undefined,
  path: '/d/\xc3\xa4',
};
const known: ProgressState = { ...unknown, total: { bytes: 40 * MIB, files: 28 } };

test('there is no percent and no time left while the total is unknown', (t) => {
  t.deepEqual(progressFigures(unknown, 5), {
    bytesPerSecond: 2 * MIB,
    percent: undefined,
    secondsLeft: undefined,
  });
  t.like(barWords(unknown, 5), { percent: '', left: '?', done: '10 MiB', rate: '2 MiB', path: '/d/ä' });
});

test('percent and time left follow from the total and the average rate', (t) => {
  t.deepEqual(progressFigures(known, 5), { bytesPerSecond: 2 * MIB, percent: 25, secondsLeft: 15 });
  t.like(barWords(known, 5), { percent: '25%', left: '15.0 s' });
});

test('a tree that grew stays at 100 percent', (t) => {
  const state = { ...known, bytes: 50 * MIB };
  t.like(progressFigures(state, 5), { percent: 100, secondsLeft: 0 });
  t.like(progressFigures({ ...known, bytes: 0, total: { bytes: 0, files: 0 } }, 0), {
    percent: 100,
    secondsLeft: 0,
  });
});

test('nothing read yet says nothing of the time left', (t) => {
  t.like(progressFigures({ ...known, bytes: 0 }, 1), { percent: 0, secondsLeft: undefined });
});

test('lines say how much was done, in which time and how fast', (t) => {
  t.is(progressLine(known, 61), 'root.pxar: processed 10 MiB, 7 files in 1:01 (167.869 KiB/s)');
});

test('objects have a null where nothing is known', (t) => {
  const base = {
    type: 'progress',
    archive: 'root.pxar',
    bytes: 10 * MIB,
    files: 7,
    path: '/d/ä',
    seconds: 5,
  };
  const rate = { 'bytes-per-second': 2 * MIB };
  t.deepEqual(progressJson(unknown, 5), {
    ...base,
    ...rate,
    'total-bytes': null,
    'total-files': null,
    percent: null,
    'seconds-left': null,
  });
  t.deepEqual(progressJson(known, 5), {
    ...base,
    ...rate,
    'total-bytes': 40 * MIB,
    'total-files': 28,
    percent: 25,
    'seconds-left': 15,
  });
});
