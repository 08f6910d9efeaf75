import { createHash } from 'node:crypto';
import test from 'ava';
import { z } from 'zod';
import { PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import { PxarError } from '../../src/pxar/errors.js';
import { checkStartMarker } from '../../src/pxar/payload.js';
import { archiveOf, expectedListing, fixture, unpackArchives } from './fixtures.js';
import { type ArchiveBytes, type Described, listRandomly, listSequentially } from './listing.js';

const edit = z.discriminatedUnion('op', [
  z.object({ op: z.literal('truncate'), length: z.number() }),
  z.object({ op: z.literal('write'), offset: z.number(), hex: z.string() }),
  z.object({ op: z.literal('splice'), offset: z.number(), remove: z.number(), hex: z.string() }),
]);
const damaged = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      base: z.enum(['meta.pxar', 'meta.mpxar', 'meta.ppxar']),
      edits: z.array(edit),
      sha256: z.string(),
      list: z.object({ exit: z.number() }),
      extract_strict: z.object({ exit: z.number() }),
    }),
  ),
});

const archives = unpackArchives();
const { cases } = damaged.parse(JSON.parse(fixture('damaged.json').toString()));

function apply(bytes: Buffer, change: z.infer<typeof edit>): Buffer {
  if (change.op === 'truncate') return bytes.subarray(0, change.length);
  const inserted = Buffer.from(change.hex, 'hex');
  const removed = change.op === 'write' ? inserted.length : change.remove;
  return Buffer.concat([bytes.subarray(0, change.offset), inserted, bytes.subarray(change.offset + removed)]);
}

/** What a reader saw of content and metadata, without positions, or the PxarError it ended with. */
type Outcome = PxarError | Described[];

function withoutPositions(entries: readonly Described[]): Described[] {
  const positions = new Set(['filename_at', 'entry_at', 'item_at', 'payload_at', 'ref_at', 'goodbye_at']);
  return entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).filter(([field]) => !positions.has(field))),
  );
}

async function outcome(read: () => Promise<Described[]>): Promise<Outcome> {
  try {
    return withoutPositions(await read());
  } catch (error) {
    if (error instanceof PxarError) return error;
    throw error;
  }
}

function readers(bytes: ArchiveBytes): {
  decoder: () => Promise<Described[]>;
  accessor: () => Promise<Described[]>;
} {
  const { payload } = bytes;
  const options = { archive: 'damaged', ...(payload === undefined ? {} : { payloadSize: payload.length }) };
  const check = (): void => {
    if (payload !== undefined) checkStartMarker(payload.subarray(0, 16), 'damaged');
  };
  return {
    async decoder() {
      check();
      return listSequentially(new PxarDecoder(bufferSource(bytes.archive), options), bytes);
    },
    async accessor() {
      check();
      return listRandomly(await PxarAccessor.open(bufferSource(bytes.archive), options), bytes);
    },
  };
}

/** Refers to an earlier payload of the same size. Only a reader that streams the payload archive can see it; random access cannot. */
const OTHER_CONTENT = new Set(['ref-offset-backwards']);

for (const { name, base, edits, sha256, list, extract_strict: extract } of cases) {
  test(`damage "${name}" never passes for other content`, async (t) => {
    const bytes = edits.reduce(apply, archiveOf(archives, base));
    t.is(createHash('sha256').update(bytes).digest('hex'), sha256);
    const split = base !== 'meta.pxar';
    const archive = base === 'meta.ppxar' ? archiveOf(archives, 'meta.mpxar') : bytes;
    const payload = base === 'meta.ppxar' ? bytes : archiveOf(archives, 'meta.ppxar');
    const { decoder, accessor } = readers({ archive, payload: split ? payload : undefined });
    const undamaged = withoutPositions(expectedListing(split ? 'meta-split' : 'meta-v1'));
    const sequential = await outcome(decoder);
    const random = await outcome(accessor);
    if (OTHER_CONTENT.has(name)) {
      t.is(Array.isArray(sequential) ? sequential.length : 0, undamaged.length);
      return;
    }
    if (list.exit !== 0 || extract.exit !== 0)
      t.true(sequential instanceof PxarError, 'the real reader refuses it');
    if (Array.isArray(sequential)) t.deepEqual(sequential, undamaged);
    if (Array.isArray(random)) t.deepEqual(random, undamaged);
  });
}

test('what is legal though unusual is read', async (t) => {
  const bytes = (name: string): Buffer => {
    const found = cases.find((one) => one.name === name);
    return (found?.edits ?? []).reduce(apply, archiveOf(archives, found?.base ?? ''));
  };
  const undamaged = withoutPositions(expectedListing('meta-v1'));
  const version1 = readers({ archive: bytes('explicit-version-1'), payload: undefined });
  t.deepEqual(await outcome(version1.decoder), undamaged);
  t.deepEqual(await outcome(version1.accessor), undamaged);
  const trailing = readers({ archive: bytes('trailing-bytes'), payload: undefined });
  t.deepEqual(await outcome(trailing.decoder), undamaged);
  t.true((await outcome(trailing.accessor)) instanceof PxarError);
});
