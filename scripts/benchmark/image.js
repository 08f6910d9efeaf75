// A sparse image of 10 GiB against a dense file of the data in it.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataTree } from './data.js';
import { measure, run, storedBytes } from './measure.js';
import { restat } from './tools.js';

const CHUNK = 4 * 1024 * 1024;
const SIZE = 10 * 1024 ** 3;
/** Every tenth chunk of the image has data. */
const SPREAD = 10;

/** Writes the data of `dense` into an image of 10 GiB, a chunk here and there. */
function makeSparse(dense, path) {
  writeFileSync(path, '');
  for (let chunk = 0; chunk * SPREAD * CHUNK < SIZE; chunk += 1) {
    const place = [`if=${dense}`, `of=${path}`, `bs=${CHUNK}`, 'count=1', 'conv=notrunc', 'status=none'];
    run(['dd', ...place, `skip=${chunk}`, `seek=${chunk * SPREAD}`]);
  }
  truncateSync(path, SIZE);
}

/** One backup into a new repository, and with `check` a restore that is compared. */
function backUp(directory, image, check) {
  const place = mkdtempSync(join(directory, 'work-'));
  restat.prepare(place);
  const before = storedBytes(restat.stored(place));
  const backup = restat.backup(place, image).map((word) => word.replace('root.pxar:', 'disk.img:'));
  const sample = measure(backup, { directory: place });
  const stored = storedBytes(restat.stored(place)) - before;
  if (check) {
    const target = join(place, 'restored.img');
    run(restat.restore(place, target).map((word) => word.replace('root.pxar', 'disk.img')));
    run(['cmp', image, target]);
  }
  rmSync(place, { recursive: true });
  return { sample, stored };
}

export function image({ directory, runs }) {
  // 1 GiB: a chunk for every tenth one of the image.
  const dense = join(dataTree(directory, 'large'), 'large-0.dat');
  const place = mkdtempSync(join(directory, 'work-'));
  const sparse = join(place, 'sparse.img');
  makeSparse(dense, sparse);
  run(['sh', '-c', 'cat "$1" >/dev/null', 'sh', dense]);
  const samples = { dense: [], sparse: [] };
  const stored = {};
  for (let number = 0; number <= runs; number += 1) {
    for (const [name, path] of Object.entries({ dense, sparse })) {
      const result = backUp(directory, path, number === 0);
      if (number > 0) samples[name].push(result.sample);
      stored[name] = result.stored;
    }
  }
  return Object.keys(samples).map((name) => ({
    label: `image: ${name}`,
    name: restat.name,
    samples: samples[name],
    stored: stored[name],
  }));
}
