/** A reference that is spooled from chunks of which some cannot be read. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { Spool } from '../../src/detect/spool.js';
import type { NativeChunkReader } from '../../src/native-chunk.js';
import type { DynamicIndex } from '../../src/snapshot/dynamic-index.js';
import { indexOf } from '../support/plan-cost.js';

/** A stream whose bytes all say in which chunk they are; chunks for which `fails` is true are missing. */
function readerOf(
  index: DynamicIndex,
  fails: (chunk: number) => boolean,
): NativeChunkReader & { asked: number } {
  return {
    asked: 0,
    size: () => index.size,
    read(offset, length) {
      this.asked += 1;
      const chunk = index.chunkAt(offset);
      return fails(chunk)
        ? Promise.reject(new Error(`chunk ${chunk} is missing`))
        : Promise.resolve(Buffer.alloc(length, chunk));
    },
  };
}

async function withSpool(
  index: DynamicIndex,
  fails: (chunk: number) => boolean,
  use: (spool: Spool, asked: () => number) => Promise<void>,
): Promise<void> {
  const reader = readerOf(index, fails);
  const spool = new Spool(reader, index, tmpdir());
  try {
    await spool.complete();
    await use(spool, () => reader.asked);
  } finally {
    await spool.close();
  }
}

test('what is missing is a hole, and all others are there', async (t) => {
  await withSpool(
    indexOf([10, 20, 30, 40]),
    (chunk) => chunk === 1 || chunk === 3,
    async (spool) => {
      t.is(spool.available, 100);
      t.deepEqual(
        spool.holes.map(({ start, end }) => [start, end]),
        [
          [10, 30],
          [60, 100],
        ],
      );
      const { read } = spool.source();
      t.true((await read(30, 30)).equals(Buffer.alloc(30, 2)));
      await t.throwsAsync(read(29, 2), { message: 'chunk 1 is missing' });
      await t.throwsAsync(read(59, 2), { message: 'chunk 3 is missing' });
    },
  );
});

test('where no file can be as long as the reference none stays open', async (t) => {
  const index = indexOf([2 ** 52]);
  const before = readdirSync('/proc/self/fd').length;
  let spool: Spool | undefined;
  try {
    spool = new Spool(
      readerOf(index, () => true),
      index,
      tmpdir(),
    );
  } catch (error) {
    t.like(error, { code: 'EFBIG' });
  }
  t.is(readdirSync('/proc/self/fd').length, before + (spool === undefined ? 0 : 1));
  await spool?.close();
});

test('an index that names any number of missing chunks costs no more than a thousand of them', async (t) => {
  const count = 20_000;
  const index = indexOf(Array.from({ length: count }, () => 2));
  await withSpool(
    index,
    (chunk) => chunk % 2 === 1,
    async (spool, asked) => {
      t.is(spool.available, 2 * count);
      t.true(spool.holes.length <= 1001 && asked() < 2100, `${spool.holes.length}, ${asked()}`);
      t.is(spool.holes.at(-1)?.end, spool.size);
      const { read } = spool.source();
      t.true((await read(0, 2)).equals(Buffer.alloc(2, 0)));
      await t.throwsAsync(read(spool.size - 4, 2), { message: /is missing$/ });
    },
  );
});
