// The trees that are backed up: the same bytes in every run, partly compressible, without repetitions.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const POOL = 16 * 1024 * 1024;
const BLOCK = 4096;

/** Numbers from 0 to 2^32 − 1, the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  };
}

/** Bytes to cut contents from: in each 64 KiB one quarter is text-like, the rest does not compress. */
function makePool() {
  const next = random(1);
  const pool = Buffer.alloc(POOL);
  for (let at = 0; at < POOL; at += 4) pool.writeUInt32LE(next(), at);
  const words = Array.from({ length: 256 }, () => next().toString(36));
  for (let at = 0; at < POOL; at += 65536) {
    let text = '';
    while (text.length < 16384) text += `${words[next() & 255]} `;
    pool.write(text.slice(0, 16384), at, 'latin1');
  }
  return pool;
}

/** Sizes of small files: half of them below 3 KiB, a few up to 64 KiB, about 7 KiB in the mean. */
function smallSize(next) {
  const kind = next() % 16;
  if (kind < 8) return next() % 3072;
  return kind < 15 ? next() % 16384 : next() % 65536;
}

function makeFiles(root, { directories, perDirectory, seed, sizeOf }) {
  const pool = makePool();
  const next = random(seed);
  for (let d = 0; d < directories; d += 1) {
    const directory = join(root, `group-${String(Math.floor(d / 100)).padStart(3, '0')}`, `directory-${d}`);
    mkdirSync(directory, { recursive: true });
    for (let i = 0; i < perDirectory; i += 1) {
      const size = sizeOf(next);
      const from = next() % (POOL - 65536);
      const content = Buffer.from(pool.subarray(from, from + size));
      // A number of its own makes the file unlike all others.
      if (size >= 8) content.writeUInt32LE(d * perDirectory + i, 0);
      writeFileSync(join(directory, `file-${i}.dat`), content);
    }
  }
}

function makeLarge(root) {
  const pool = makePool();
  const next = random(4);
  mkdirSync(root, { recursive: true });
  for (let file = 0; file < 4; file += 1) {
    const fd = openSync(join(root, `large-${file}.dat`), 'w');
    for (let written = 0; written < 1024 ** 3; written += POOL) {
      for (let at = 0; at < POOL; at += BLOCK) pool.writeUInt32LE(next(), at);
      writeSync(fd, pool);
    }
    closeSync(fd);
  }
}

const TREES = {
  small: (root) => makeFiles(root, { directories: 1000, perDirectory: 100, seed: 2, sizeOf: smallSize }),
  standard: (root) => makeFiles(root, { directories: 2000, perDirectory: 100, seed: 6, sizeOf: smallSize }),
  large: makeLarge,
  million: (root) =>
    makeFiles(root, { directories: 10_000, perDirectory: 100, seed: 3, sizeOf: (next) => next() % 301 }),
  wide: (root) =>
    makeFiles(root, { directories: 10, perDirectory: 100_000, seed: 5, sizeOf: (next) => next() % 301 }),
};

/** The path of a tree, which is made unless it is there. */
export function dataTree(directory, name) {
  const root = join(directory, `data-${name}`);
  if (existsSync(root)) return root;
  process.stderr.write(`making the ${name} data …\n`);
  const unfinished = `${root}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  TREES[name](unfinished);
  renameSync(unfinished, root);
  return root;
}
