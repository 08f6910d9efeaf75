import test from 'ava';
import { native } from '../../src/native.js';
import { byteSource } from '../../src/restore/archive-source.js';
import { ingest, withChunkDirectory } from '../support/chunk-store.js';
import { bytesOf } from '../support/recipe.js';

test('reads longer than one call may be are joined from several', async (t) => {
  const stream = bytesOf({ kind: 'quad', seed: 'joined', length: 300_000 });
  await withChunkDirectory(async (directory) => {
    const store = directory.open();
    const { entries } = await ingest(store, stream, { averageSize: 65536 });
    const reader = new native.ChunkReader({ store, entries, cacheBytes: 1_000_000 });
    const source = byteSource(reader, 1000);
    t.is(source.size, stream.length);
    for (const [offset, length] of [
      [0, stream.length],
      [5, 999],
      [5, 1000],
      [5, 1001],
      [299_000, 1000],
      [123, 20_000],
      [7, 0],
    ] as const)
      t.deepEqual(await source.read(offset, length), stream.subarray(offset, offset + length));
    await t.throwsAsync(async () => source.read(299_000, 2000), { instanceOf: RangeError });
  });
});
