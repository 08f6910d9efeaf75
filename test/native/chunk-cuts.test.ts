import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { z } from 'zod';
import { ingest, rows, withChunkDirectory } from '../support/chunk-store.js';
import { bytesOf, recipe } from '../support/recipe.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/chunker/', import.meta.url));

const golden = z.object({
  input: recipe,
  stream_prefix: z.string(),
  stream_suffix: z.string(),
  stream_sha256: z.string(),
  average: z.number(),
  index_csum: z.string(),
  chunks: z.array(z.tuple([z.number(), z.string()])),
});

/** Streams by their digest: each is cut with several average sizes. */
const streams = new Map<string, Buffer>();

function streamOf(vector: z.infer<typeof golden>): Buffer {
  const known = streams.get(vector.stream_sha256);
  if (known !== undefined) return known;
  const prefix = Buffer.from(vector.stream_prefix, 'hex');
  const suffix = Buffer.from(vector.stream_suffix, 'hex');
  const stream = Buffer.concat([prefix, bytesOf(vector.input), suffix]);
  streams.set(vector.stream_sha256, stream);
  return stream;
}

for (const name of readdirSync(FIXTURES)) {
  test(`${name}: chunks, digests and checksum are those of the real client`, async (t) => {
    const vector = golden.parse(JSON.parse(readFileSync(FIXTURES + name, 'utf8')));
    const stream = streamOf(vector);
    t.is(createHash('sha256').update(stream).digest('hex'), vector.stream_sha256);
    await withChunkDirectory(async (directory) => {
      const summary = await ingest(directory.open(), stream, { averageSize: vector.average });
      const expected = vector.chunks.map(([end, digest]) => ({ end, digest }));
      t.deepEqual(rows(summary.entries), expected);
      t.is(summary.csum.toString('hex'), vector.index_csum);
      t.is(summary.size, stream.length);
      t.is(summary.chunks, expected.length);
    });
  });
}

test('the same bytes in pieces of any size give the same index', async (t) => {
  const bytes = bytesOf({ kind: 'drbg', seed: 'pieces', length: 1_500_000 });
  await withChunkDirectory(async (directory) => {
    const whole = await ingest(directory.open(), bytes, { averageSize: 65536, piece: bytes.length });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2000, max: 300_000 }), async (piece) => {
        const pieces = await ingest(directory.open(), bytes, { averageSize: 65536, piece });
        t.deepEqual(pieces.entries, whole.entries);
      }),
      { numRuns: 12 },
    );
  });
});
