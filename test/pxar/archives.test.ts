import test from 'ava';
import { PxarAccessor } from '../../src/pxar/accessor.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import { checkStartMarker } from '../../src/pxar/payload.js';
import { archiveCases, archiveOf, expectedListing, unpackArchives } from './fixtures.js';
import { listRandomly, listSequentially } from './listing.js';

const archives = unpackArchives();

for (const { name, archive, payload, format_version: version, prelude } of archiveCases()) {
  const bytes = {
    archive: archiveOf(archives, archive),
    payload: payload === null ? undefined : archiveOf(archives, payload),
  };
  const options = { archive, ...(bytes.payload === undefined ? {} : { payloadSize: bytes.payload.length }) };

  test(`the decoder reads all metadata, positions and contents of ${name}`, async (t) => {
    const decoder = new PxarDecoder(bufferSource(bytes.archive), options);
    t.deepEqual(await listSequentially(decoder, bytes), expectedListing(name));
    t.is(decoder.version, version === 1 ? 1 : 2);
    t.is(decoder.prelude?.toString(), prelude);
    t.is(decoder.end, bytes.archive.length);
  });

  test(`the accessor reads the same of ${name} as the decoder`, async (t) => {
    const accessor = await PxarAccessor.open(bufferSource(bytes.archive), options);
    t.deepEqual(await listRandomly(accessor, bytes), expectedListing(name));
    t.is(accessor.version, version === 1 ? 1 : 2);
    t.is(accessor.prelude?.toString(), prelude);
  });

  test(`batches of one entry deliver ${name} completely`, async (t) => {
    const decoder = new PxarDecoder(bufferSource(bytes.archive), options);
    t.deepEqual(await listSequentially(decoder, bytes, 1), expectedListing(name));
    t.is(await decoder.next(), undefined);
  });
}

test('payload archives begin with a start marker', (t) => {
  for (const { payload } of archiveCases()) {
    if (payload !== null)
      t.notThrows(() => checkStartMarker(archiveOf(archives, payload).subarray(0, 16), payload));
  }
});

test('paths are found, and paths that lead nowhere are not', async (t) => {
  const accessor = await PxarAccessor.open(bufferSource(archiveOf(archives, 'meta.pxar')), {
    archive: 'meta.pxar',
  });
  for (const { path, filename_at: position } of expectedListing('meta-v1')) {
    const node = await accessor.lookupPath(Buffer.from(String(path), 'hex'));
    t.is(node?.entry.position, position === undefined ? 0 : Number(position));
  }
  for (const path of ['nothing', 'hello.txt/below', 'acl/', '/acl', 'acl//named', '../acl', 'acl/./named']) {
    t.is(await accessor.lookupPath(Buffer.from(path)), undefined, path);
  }
});
