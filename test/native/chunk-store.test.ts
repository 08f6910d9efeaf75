import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { z } from 'zod';
import { native } from '../../src/native.js';
import { ingest, rows, withChunkDirectory } from '../support/chunk-store.js';
import { bytesOf } from '../support/recipe.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/chunks/', import.meta.url));
const SMALL = { averageSize: 65536 };
const STREAM = bytesOf({ kind: 'quad', seed: 'store', length: 900_000 });

const golden = z.array(
  z.object({
    file: z.string(),
    container: z.enum(['plain', 'zstd', 'encrypted', 'zstd+encrypted']),
    content_bytes: z.number(),
    content_sha256: z.string(),
  }),
);

test('chunk files of the real client are read, and encrypted ones are told apart', async (t) => {
  await withChunkDirectory(async (directory) => {
    for (const chunk of golden.parse(JSON.parse(readFileSync(`${FIXTURES}chunks.json`, 'utf8')))) {
      directory.put(chunk.file, readFileSync(FIXTURES + chunk.file));
      const reading = directory.open().read(Buffer.from(chunk.file, 'hex'));
      if (chunk.container.endsWith('encrypted')) await t.throwsAsync(reading, { code: 'BLOB_ENCRYPTED' });
      else t.is((await reading).length, chunk.content_bytes);
    }
  });
});

test('what was stored is read back, at any place', async (t) => {
  await withChunkDirectory(async (directory) => {
    const store = directory.open('file');
    const { entries } = await ingest(store, STREAM, SMALL);
    const reader = new native.ChunkReader({ store, entries, cacheBytes: 200_000 });
    t.is(reader.size(), STREAM.length);
    for (const [offset, length] of [
      [0, STREAM.length],
      [1, 1],
      [300_000, 250_000],
      [STREAM.length, 0],
    ] as const)
      t.deepEqual(await reader.read(offset, length), STREAM.subarray(offset, offset + length));
  });
});

test('a second stream stores nothing new, and sets the access times', async (t) => {
  await withChunkDirectory(async (directory) => {
    const first = await ingest(directory.open(), STREAM, SMALL);
    t.is(first.stats.newBytes, STREAM.length);
    t.true(first.stats.newEncodedBytes < STREAM.length / 2);
    for (const { digest } of rows(first.entries)) utimesSync(directory.file(digest), 1000, 2000);
    const store = directory.open();
    store.register(first.entries);
    const second = await ingest(store, STREAM, SMALL);
    t.deepEqual(second.entries, first.entries);
    t.is(second.stats.newChunks, 0);
    t.is(second.stats.knownBytes, STREAM.length);
    for (const { digest } of rows(first.entries)) {
      t.true(statSync(directory.file(digest)).atimeMs > 1_000_000);
      t.is(statSync(directory.file(digest)).mtimeMs, 2_000_000);
    }
  });
});

test('a damaged, missing, empty or swapped chunk is an error with a name', async (t) => {
  await withChunkDirectory(async (directory) => {
    const { entries } = await ingest(directory.open(), STREAM, SMALL);
    const [a, b, c, d, e] = rows(entries).map((row) => row.digest);
    directory.damage(a!);
    rmSync(directory.file(b!));
    writeFileSync(directory.file(c!), '');
    directory.put(d!, readFileSync(directory.file(e!)));
    const store = directory.open();
    const reasons = {
      [a!]: 'CHUNK_CORRUPT',
      [b!]: 'CHUNK_MISSING',
      [c!]: 'CHUNK_CORRUPT',
      [d!]: 'CHUNK_CORRUPT',
    };
    for (const [digest, code] of Object.entries(reasons))
      await t.throwsAsync(store.read(Buffer.from(digest, 'hex')), { code, message: new RegExp(digest) });
    const reader = new native.ChunkReader({ store, entries, cacheBytes: 0 });
    await t.throwsAsync(reader.read(0, 1), { code: 'CHUNK_CORRUPT' });
    t.is((await reader.read(STREAM.length - 1, 1)).length, 1);
  });
});

test('chunk files that are not good are replaced when their chunk is stored again', async (t) => {
  await withChunkDirectory(async (directory) => {
    const { entries } = await ingest(directory.open(), STREAM, SMALL);
    const digests = rows(entries).map((row) => row.digest);
    directory.damage(digests[0]!);
    writeFileSync(directory.file(digests[1]!), '');
    directory.put(digests[2]!, readFileSync(directory.file(digests[3]!)));
    const again = await ingest(directory.open(), STREAM, SMALL);
    t.is(again.stats.newChunks, 3);
    t.deepEqual(directory.names().sort(), [...digests].sort());
    const reader = new native.ChunkReader({ store: directory.open(), entries, cacheBytes: 0 });
    t.deepEqual(await reader.read(0, STREAM.length), STREAM);
  });
});

test('registered chunks whose files are missing or empty are stored', async (t) => {
  await withChunkDirectory(async (directory) => {
    const { entries } = await ingest(directory.open(), STREAM, SMALL);
    const digests = rows(entries).map((row) => row.digest);
    rmSync(directory.file(digests[0]!));
    writeFileSync(directory.file(digests[1]!), '');
    const store = directory.open();
    store.register(entries);
    t.is((await ingest(store, STREAM, SMALL)).stats.newChunks, 2);
    for (const digest of digests) await t.notThrowsAsync(store.read(Buffer.from(digest, 'hex')));
  });
});

test('a store without chunk directory, and a chunk whose place is taken, are errors', async (t) => {
  await withChunkDirectory(async (directory) => {
    t.throws(() => new native.ChunkStore({ path: `${directory.path}/none`, sync: 'none', uid: 0, gid: 0 }), {
      code: 'ENOENT',
    });
    const { entries } = await ingest(directory.open(), STREAM, SMALL);
    const { digest } = rows(entries)[0]!;
    rmSync(directory.file(digest));
    mkdirSync(directory.file(digest));
    await t.throwsAsync(ingest(directory.open(), STREAM, SMALL), { code: 'CHUNK_FILE' });
  });
});
