// A second backup in mode metadata of a tree that did not change, against the least that walking it can cost.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataTree } from './data.js';
import { measure, run, warm } from './measure.js';
import { restat } from './tools.js';

const NATIVE = resolve(dirname(fileURLToPath(import.meta.url)), '../../native');
/** Seconds that the clock is moved on for each run, so that no file is racy. */
const HOUR = 3600;

/** Compiles native/test/scan_floor.cc into `place`. */
function scanFloor(place) {
  const program = join(place, 'scan-floor');
  const source = join(NATIVE, 'test/scan_floor.cc');
  run(['c++', '-std=c++20', '-O2', '-D_GNU_SOURCE', '-pthread', source, '-o', program]);
  return program;
}

/** The best time of the floor for any number of threads, as a sample. */
function floorSample(program, tree) {
  const best = /best: ([\d.]+) s/.exec(run([program, '--open', '--runs', '3', tree]));
  return { wall: Number(best[1]), cpu: Number.NaN, memory: Number.NaN };
}

export function unchanged({ directory, runs }) {
  const tree = dataTree(directory, 'standard');
  warm(tree);
  const place = mkdtempSync(join(directory, 'work-'));
  mkdirSync(join(place, 'bin'));
  const floor = scanFloor(join(place, 'bin'));
  restat.prepare(place);
  const backup = [...restat.backup(place, tree), '--change-detection-mode', 'metadata'];
  const samples = { run: [], start: [], floor: [] };
  for (let number = 0; number <= runs + 1; number += 1) {
    const env = { RESTAT_CLOCK_OFFSET: String((number + 1) * HOUR) };
    const sample = measure(backup, { directory: place, env });
    const start = measure(restat.version, { directory: place });
    // The first run reads everything, the second writes the metadata stream anew.
    if (number < 2) continue;
    samples.run.push(sample);
    samples.start.push(start);
    samples.floor.push(floorSample(floor, tree));
  }
  return [
    { label: 'unchanged: backup', name: restat.name, samples: samples.run },
    { label: 'unchanged: process start', name: restat.name, samples: samples.start },
    { label: 'unchanged: floor', name: 'scan-floor', samples: samples.floor },
  ];
}
