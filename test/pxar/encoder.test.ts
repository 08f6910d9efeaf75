import test from 'ava';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import type { Entry } from '../../src/pxar/entry.js';
import { Item, Mode } from '../../src/pxar/format.js';
import { decodeMetadata } from '../../src/pxar/metadata.js';
import { encodeMetadata } from '../../src/pxar/metadata-encoder.js';
import { Collected, CollectedSingle, encodeEntry, hashOf, item, splitFile } from './encoding.js';
import { archiveCases, archiveOf, unpackArchives } from './fixtures.js';
import { metadataOf } from './trees.js';

const archives = unpackArchives();
const PATTERNS = Buffer.from('.pxarexclude-cli');

async function decodeAll(archive: Buffer): Promise<{ entries: Entry[]; prelude: Buffer | undefined }> {
  const decoder = new PxarDecoder(bufferSource(archive), { archive: 'test' });
  const entries: Entry[] = [];
  for (let batch = await decoder.nextBatch(50); batch.length > 0; batch = await decoder.nextBatch(50))
    entries.push(...batch);
  return { entries, prelude: decoder.prelude };
}

for (const { name, archive, payload } of archiveCases().filter((one) => one.payload !== null)) {
  test(`${name}: the metadata stream encodes again to the same bytes`, async (t) => {
    const original = archiveOf(archives, archive);
    const { entries, prelude } = await decodeAll(original);
    const { bytes } = encodeAll(entries, prelude, (body) => body);
    t.true(bytes.equals(original));
  });

  test(`${name}: metadata decoded and encoded again gives the same stream`, async (t) => {
    const original = archiveOf(archives, archive);
    const { entries, prelude } = await decodeAll(original);
    const again = (body: Buffer): Buffer => encodeMetadata(decodeMetadata(body, { archive, position: 0 }));
    t.true(encodeAll(entries, prelude, again).bytes.equals(original));
    t.truthy(payload);
  });
}

function encodeAll(
  entries: readonly Entry[],
  prelude: Buffer | undefined,
  body: (raw: Buffer) => Buffer,
): Collected {
  const collected = new Collected(prelude);
  for (const entry of entries) {
    encodeEntry(
      collected.encoder,
      entry,
      'body' in entry ? body(entry.body) : Buffer.alloc(0),
      splitFile(true),
    );
  }
  return collected;
}

for (const { name, archive } of archiveCases().filter(({ payload }) => payload === null)) {
  test(`${name}: the archive encodes again to the same bytes`, async (t) => {
    const original = archiveOf(archives, archive);
    const { entries } = await decodeAll(original);
    const single = new CollectedSingle();
    for (const entry of entries) {
      const body = 'body' in entry ? entry.body : Buffer.alloc(0);
      encodeEntry(single.encoder, entry, body, (encoder, file) => {
        const at = file.payloadOffset + 16;
        const content = original.subarray(at, at + file.size);
        if (file.name.equals(PATTERNS)) return encoder.lastFile(file.name, hashOf(file.name), body, content);
        const position = encoder.file(
          file.name,
          0,
          file.name.length,
          hashOf(file.name),
          0,
          body,
          0,
          body.length,
          file.size,
        );
        t.is(position, file.position);
        single.put(content);
      });
    }
    t.true(single.bytes.equals(original));
    t.is(single.encoder.position, original.length);
  });
}

test('the bodies of single archives encode again to the same bytes', async (t) => {
  const { entries } = await decodeAll(archiveOf(archives, 'meta.pxar'));
  for (const entry of entries) {
    if (!('body' in entry)) continue;
    const metadata = decodeMetadata(entry.body, { archive: 'meta.pxar', position: entry.position });
    t.true(encodeMetadata(metadata).equals(entry.body));
  }
});

test('the example of the specification comes out byte by byte', (t) => {
  const collected = new Collected();
  const { encoder } = collected;
  const owner = { uid: 1000, gid: 1000 };
  const root = encodeMetadata(
    metadataOf(Mode.DIRECTORY | 0o755, { ...owner, mtime: { seconds: 1700000000, nanoseconds: 500000000 } }),
  );
  const file = encodeMetadata(
    metadataOf(Mode.FILE | 0o644, { ...owner, mtime: { seconds: 1700000000, nanoseconds: 0 } }),
  );
  const name = Buffer.from('a');
  encoder.root(root, 0, root.length);
  t.is(encoder.file(name, 0, 1, hashOf(name), 0, file, 0, file.length, 16, 2, true), 0x50);
  encoder.finish();
  t.is(encoder.position, 250);
  const { bytes } = collected;
  t.is(bytes.subarray(0xb2, 0xc2).toString('hex'), '02000000000000001d73d542a64fec2f');
  t.is(bytes.subarray(0xca, 0xe2).toString('hex'), 'cf7b2c7c06e9260c6a000000000000006c00000000000000');
  t.is(bytes.subarray(0xe2).toString('hex'), '55153e755bed5eefba000000000000004000000000000000');
});

test('the example of a single archive comes out byte by byte', (t) => {
  const single = new CollectedSingle();
  const { encoder } = single;
  const owner = { uid: 1000, gid: 1000 };
  const at = (nanoseconds: number) => ({ ...owner, mtime: { seconds: 1700000000, nanoseconds } });
  const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755, at(500000000)));
  const file = encodeMetadata(metadataOf(Mode.FILE | 0o644, at(0)));
  const link = Buffer.concat([
    encodeMetadata(metadataOf(Mode.SYMLINK | 0o777, at(0))),
    item(Item.SYMLINK, Buffer.from('a\0')),
  ]);
  const [a, l] = [Buffer.from('a'), Buffer.from('l')];
  encoder.root(root, 0, root.length);
  t.is(encoder.file(a, 0, 1, hashOf(a), 0, file, 0, file.length, 2), 0x38);
  single.put(Buffer.from('hi'));
  encoder.leaf(l, 0, 1, hashOf(l), 0, link, 0, link.length);
  encoder.finish();
  const { bytes } = single;
  t.is(bytes.length, 328);
  t.is(bytes.subarray(0x82, 0x94).toString('hex'), '251a7c0b1b7a142812000000000000006869');
  t.is(bytes.subarray(0x100, 0x118).toString('hex'), '592517c9460472535c000000000000005c00000000000000');
  t.is(bytes.subarray(0x130).toString('hex'), '55153e755bed5eeff0000000000000005800000000000000');
});

test('contents that would make positions inexact are refused', (t) => {
  const { encoder } = new CollectedSingle();
  const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755));
  const body = encodeMetadata(metadataOf(Mode.FILE | 0o644));
  const name = Buffer.from('a');
  encoder.root(root, 0, root.length);
  const before = encoder.position;
  for (const size of [-1, Number.MAX_SAFE_INTEGER, Number.NaN])
    t.throws(() => encoder.file(name, 0, 1, hashOf(name), 0, body, 0, body.length, size), {
      code: 'PXAR_RANGE',
    });
  t.is(encoder.position, before);
});

test('a reused file has only its metadata in the goodbye row', (t) => {
  const collected = new Collected();
  const { encoder } = collected;
  const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755));
  const file = encodeMetadata(metadataOf(Mode.FILE | 0o644));
  const name = Buffer.from('a');
  encoder.root(root, 0, root.length);
  encoder.file(name, 0, 1, hashOf(name), 0, file, 0, file.length, 16, 2, false);
  encoder.finish();
  t.is(collected.bytes.readUInt32LE(0xda), 106);
});

test('blocks are at most 256 KiB and large bodies span them', async (t) => {
  const collected = new Collected();
  const { encoder } = collected;
  const xattrs = Array.from({ length: 9 }, (_, i) => ({
    name: Buffer.from(`user.${i}`),
    value: Buffer.alloc(65000, i),
  }));
  const body = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755, { xattrs }));
  encoder.root(body, 0, body.length);
  encoder.finish();
  t.true(collected.blocks.length > 2);
  t.true(collected.blocks.every((block) => block.length <= 256 * 1024));
  const { entries } = await decodeAll(collected.bytes);
  t.true(entries[0]?.kind === 'directory' && entries[0].body.equals(body));
});

test('what breaks the format is refused with a code and leaves the stream as it was', async (t) => {
  const collected = new Collected();
  const { encoder } = collected;
  const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755));
  const body = encodeMetadata(metadataOf(Mode.FILE | 0o644));
  const put = (name: string, offset: number, size = 0): void => {
    const bytes = Buffer.from(name);
    encoder.file(bytes, 0, bytes.length, hashOf(bytes), 0, body, 0, body.length, offset, size, true);
  };
  t.throws(() => put('early', 16), { code: 'PXAR_STATE' });
  encoder.root(root, 0, root.length);
  put('b', 100);
  const before = encoder.position;
  for (const name of ['', '.', '..', 'a/b', 'a\0b', 'x'.repeat(4097)])
    t.throws(() => put(name, 200), { code: 'PXAR_NAME' });
  for (const name of ['a', 'b', 'Z']) t.throws(() => put(name, 200), { code: 'PXAR_ORDER' });
  t.throws(() => put('c', 100), { code: 'PXAR_PAYLOAD' });
  t.throws(() => put('c', 99), { code: 'PXAR_PAYLOAD' });
  t.throws(() => put('c', 200, Number.MAX_SAFE_INTEGER), { code: 'PXAR_RANGE' });
  t.throws(() => put('c', 200, -1), { code: 'PXAR_RANGE' });
  const name = Buffer.from('link');
  const link = (target: number, path: string): void => {
    encoder.hardlink(name, 0, name.length, hashOf(name), 0, target, Buffer.from(path));
  };
  t.throws(() => link(before, 'b'), { code: 'PXAR_HARDLINK' });
  for (const path of ['', '/b', 'b/', '../b', 'a//b', 'x\0', 'y'.repeat(5000)]) {
    t.throws(() => link(80, path), { code: 'PXAR_HARDLINK' }, path);
  }
  t.throws(() => encoder.leaf(name, 0, name.length, hashOf(name), 0, body, 0, 10), { code: 'PXAR_LIMIT' });
  t.throws(() => encoder.leaveDirectory(), { code: 'PXAR_STATE' });
  t.throws(() => encoder.root(root, 0, root.length), { code: 'PXAR_STATE' });
  t.is(encoder.position, before);
  put('c', 200, 5);
  encoder.finish();
  t.throws(() => encoder.finish(), { code: 'PXAR_STATE' });
  const { entries } = await decodeAll(collected.bytes);
  t.deepEqual(
    entries.map((entry) => `${entry.kind} ${entry.name.toString()}`),
    ['directory ', 'file b', 'file c', 'leave '],
  );
});
