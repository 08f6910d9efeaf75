import test from 'ava';
import fc from 'fast-check';
import { isDirectory, type Node, PxarAccessor } from '../../src/pxar/accessor.js';
import type { ByteSource } from '../../src/pxar/byte-source.js';
import { type DecoderOptions, PxarDecoder } from '../../src/pxar/decoder.js';
import { PxarError } from '../../src/pxar/errors.js';
import { decodeMetadata } from '../../src/pxar/metadata.js';
import { withAppendix } from './appended.js';
import { archiveOf, unpackArchives } from './fixtures.js';

const archives = unpackArchives();
archives.set('meta-appendix.pxar', await withAppendix(archiveOf(archives, 'meta.pxar')));
const MOST_ENTRIES = 10_000;

/** A source that refuses reads outside its bytes and counts what was asked for. */
function strictSource(bytes: Buffer): ByteSource & { asked: number } {
  return {
    size: bytes.length,
    asked: 0,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length)
        throw new RangeError('read outside the archive');
      this.asked += length;
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
}

/** Reads everything; what stops it must be a PxarError. Returns whether it was stopped. */
async function refused(read: () => Promise<void>): Promise<boolean> {
  try {
    await read();
    return false;
  } catch (error) {
    if (error instanceof PxarError) return true;
    throw error;
  }
}

async function decodeAll(bytes: Buffer, options: DecoderOptions): Promise<void> {
  const source = strictSource(bytes);
  const decoder = new PxarDecoder(source, options);
  let count = 0;
  for (let batch = await decoder.nextBatch(64); batch.length > 0; batch = await decoder.nextBatch(64)) {
    count += batch.length;
    if (count > MOST_ENTRIES || source.asked > 20 * bytes.length)
      throw new Error('the decoder does not come to an end');
    for (const entry of batch)
      if ('body' in entry) decodeMetadata(entry.body, { archive: 'fuzz', position: entry.position });
  }
}

async function visit(accessor: PxarAccessor, node: Node): Promise<number> {
  const { entry } = node;
  if (entry.kind === 'hardlink') await accessor.resolveLink(entry);
  if (!isDirectory(node)) return 1;
  let count = 1;
  for (const child of await accessor.readDirectory(node)) {
    count += await visit(accessor, child);
    if (count > MOST_ENTRIES) throw new Error('the accessor does not come to an end');
  }
  return count;
}

async function accessAll(bytes: Buffer, options: DecoderOptions): Promise<void> {
  const accessor = await PxarAccessor.open(strictSource(bytes), options);
  await visit(accessor, await accessor.root());
}

const flips = fc.array(fc.tuple(fc.nat({ max: 2 ** 31 - 1 }), fc.integer({ min: 1, max: 255 })), {
  minLength: 1,
  maxLength: 4,
});

for (const name of ['meta.pxar', 'meta.mpxar', 'meta-exclude.mpxar', 'meta-appendix.pxar']) {
  const original = archiveOf(archives, name);
  // A version 3 that has a payload archive is refused at once.
  const payload = name === 'meta-appendix.pxar' ? {} : { payloadSize: 6498 };
  const options = { archive: 'fuzz', ...payload };

  test(`changed bytes in ${name} end in a PxarError or in nothing worse`, async (t) => {
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const bytes = Buffer.from(original);
        for (const [at, mask] of changes) bytes[at % bytes.length]! ^= mask;
        await refused(() => decodeAll(bytes, options));
        await refused(() => accessAll(bytes, options));
      }),
      { numRuns: 1000 },
    );
    t.pass();
  });

  test(`every truncation of ${name} is refused`, async (t) => {
    for (let length = 0; length < original.length; length += length < 600 ? 1 : 37) {
      t.true(await refused(() => decodeAll(original.subarray(0, length), options)), `${length}`);
      t.true(await refused(() => accessAll(original.subarray(0, length), options)), `${length}`);
    }
  });

  test(`bytes of ${name} moved elsewhere end in a PxarError or in nothing worse`, async (t) => {
    const piece = fc.tuple(fc.nat({ max: 1e6 }), fc.nat({ max: 1e6 }), fc.nat({ max: 300 }));
    await fc.assert(
      fc.asyncProperty(piece, async ([from, to, length]) => {
        const bytes = Buffer.from(original);
        original.copy(bytes, to % bytes.length, from % bytes.length, (from % bytes.length) + length);
        await refused(() => decodeAll(bytes, options));
        await refused(() => accessAll(bytes, options));
      }),
      { numRuns: 300 },
    );
    t.pass();
  });
}
