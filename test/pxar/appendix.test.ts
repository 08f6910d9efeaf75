import test from 'ava';
import fc from 'fast-check';
import { native } from '../../src/native.js';
import { PxarAccessor } from '../../src/pxar/accessor.js';
import { appendixContent } from '../../src/pxar/appendix.js';
import { bufferSource } from '../../src/pxar/byte-source.js';
import { PxarDecoder } from '../../src/pxar/decoder.js';
import type { Entry, FileEntry } from '../../src/pxar/entry.js';
import {
  APPENDIX_TAIL_HIGH,
  APPENDIX_TAIL_LOW,
  Item,
  Mode,
  TYPE_HIGH,
  TYPE_LOW,
} from '../../src/pxar/format.js';
import { encodeMetadata } from '../../src/pxar/metadata-encoder.js';
import { AppendedArchive, encodeAppended, withAppendix } from './appended.js';
import { hashOf, item } from './encoding.js';
import { archiveOf, expectedListing, unpackArchives } from './fixtures.js';
import { flatten, readRandomly, readSequentially } from './flat.js';
import { type Described, listRandomly, listSequentially } from './listing.js';
import { appended, closingTable, type RawChild, referredFile } from './raw.js';
import { directoryTree, metadataOf, type Tree } from './trees.js';

const NAME = 'appendix.pxar';
const ENTRY = 'efac88e5746495d53800000000000000';

/** Root 0700, file `a` with "hi" in the appendix, file `l` with "x" in the tree. */
const EXAMPLE = [
  '0da416df756c0f731800000000000000 0300000000000000', // 0x00 FORMAT_VERSION
  `${ENTRY} c0410000000000000000000000000000 00000000000000000000000000000000 0000000000000000`, // 0x18
  'b3173906211170161200000000000000 6100', // 0x50 FILENAME
  `${ENTRY} a4810000000000000000000000000000 00000000000000000000000000000000 0000000000000000`, // 0x62
  '8e4f23e0174a9b842000000000000000 0300000000000000 0200000000000000', // 0x9a APPENDIX_REF
  'b3173906211170161200000000000000 6c00', // 0xba FILENAME
  `${ENTRY} a4810000000000000000000000000000 00000000000000000000000000000000 0000000000000000`, // 0xcc
  '251a7c0b1b7a14281100000000000000 78', // 0x104 PAYLOAD
  '1d73d542a64fec2f5800000000000000', // 0x115 GOODBYE
  '592517c946047253 5b00000000000000 5b00000000000000', // l: 0x115 - 0xba
  'cf7b2c7c06e9260c c500000000000000 6a00000000000000', // a: 0x115 - 0x50, only its own span
  '55153e755bed5eef 1501000000000000 5800000000000000', // tail: leads to byte 0
  '8db3647850c9f69f2700000000000000', // 0x16d APPENDIX, 39 bytes
  'eeeeee 251a7c0b1b7a14281200000000000000 6869 eeee', // a gap of 3 bytes, PAYLOAD, a gap of 2
  '1d73d542a64fec2f4000000000000000', // 0x194 closing GOODBYE
  'f154e47abb9a1b5b 2700000000000000 2700000000000000', // appendix: 0x194 - 0x16d
  '55153e755bed5eef 7c01000000000000 4000000000000000', // root: 0x194 - 0x18
];
const example = Buffer.from(EXAMPLE.join('').replaceAll(' ', ''), 'hex');

async function decode(bytes: Buffer): Promise<{ decoder: PxarDecoder; entries: Entry[] }> {
  const decoder = new PxarDecoder(bufferSource(bytes), { archive: NAME });
  const entries: Entry[] = [];
  for (let batch = await decoder.nextBatch(3); batch.length > 0; batch = await decoder.nextBatch(3))
    entries.push(...batch);
  return { decoder, entries };
}

const isFile = (entry: Entry): entry is FileEntry => entry.kind === 'file';
const place = ({ name, inline, payloadOffset, size }: FileEntry): unknown[] => [
  name.toString(),
  inline,
  payloadOffset,
  size,
];

test('the types of the appendix are the hashes of their labels', (t) => {
  const typeOf = (label: string): bigint => native.nameHash(Buffer.from(`__PROXMOX_FORMAT_${label}__`));
  const words = (low: number, high: number): bigint =>
    (BigInt.asUintN(32, BigInt(high)) << 32n) | BigInt.asUintN(32, BigInt(low));
  t.is(typeOf('PXAR_APPENDIX_REF'), words(TYPE_LOW[Item.APPENDIX_REF]!, TYPE_HIGH[Item.APPENDIX_REF]!));
  t.is(typeOf('APPENDIX'), words(TYPE_LOW[Item.APPENDIX]!, TYPE_HIGH[Item.APPENDIX]!));
  t.is(typeOf('APPENDIX_TAIL'), words(APPENDIX_TAIL_LOW, APPENDIX_TAIL_HIGH));
});

test('an archive of version 3 made by hand is decoded', async (t) => {
  t.is(example.length, 0x1d4);
  const { decoder, entries } = await decode(example);
  t.deepEqual(
    entries.map(({ kind, name }) => `${kind} ${name.toString()}`),
    ['directory ', 'file a', 'file l', 'leave '],
  );
  t.deepEqual(entries.filter(isFile).map(place), [
    ['a', false, 0x180, 2],
    ['l', true, 0x104, 1],
  ]);
  t.is(decoder.version, 3);
  t.is(decoder.prelude, undefined);
  t.deepEqual(decoder.appendix, { start: 0x16d, size: 39 });
  t.is(decoder.end, 0x16d);
  t.is(entries.at(-1)?.position, 0x18);
});

test('an archive of version 3 made by hand is read by random access', async (t) => {
  const accessor = await PxarAccessor.open(bufferSource(example), { archive: NAME });
  t.is(accessor.version, 3);
  const root = await accessor.root();
  t.deepEqual([root.entry.position, root.end], [0x18, 0x16d]);
  const found = (await accessor.readDirectory(root)).map(({ entry }) => entry);
  t.deepEqual(found.filter(isFile).map(place), [
    ['a', false, 0x180, 2],
    ['l', true, 0x104, 1],
  ]);
  const node = await accessor.lookupPath(Buffer.from('a'));
  t.deepEqual([node?.entry.position, node?.end], [0x50, 0xba]);
});

test('the encoder writes the archive made by hand', (t) => {
  const archive = new AppendedArchive();
  const { encoder } = archive;
  const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o700));
  const body = encodeMetadata(metadataOf(Mode.FILE | 0o644));
  const [a, l] = [Buffer.from('a'), Buffer.from('l')];
  t.is(encoder.position, 0x18);
  encoder.root(root, 0, root.length);
  t.is(encoder.reference(a, 0, 1, hashOf(a), 0, body, 0, body.length, 3, 2), 0x50);
  t.is(archive.inline({ name: l, body, content: Buffer.from('x') }), 0xba);
  encoder.finish();
  t.is(encoder.position, 0x16d);
  archive.single.append(example.subarray(0x17d, 0x194));
  t.is(encoder.appendixStart, 0x16d);
  t.is(appendixContent(encoder.appendixStart), 0x17d);
  t.is(encoder.position, example.length);
  t.is(archive.single.bytes.toString('hex'), example.toString('hex'));
});

test('an archive without references has an empty appendix', async (t) => {
  const archive = new AppendedArchive();
  const root = encodeMetadata(metadataOf(Mode.DIRECTORY | 0o755));
  archive.encoder.root(root, 0, root.length);
  archive.encoder.finish();
  archive.single.append(Buffer.alloc(0));
  const { bytes } = archive.single;
  t.is(bytes.length, 24 + 56 + 40 + 16 + 64);
  const { decoder, entries } = await decode(bytes);
  t.is(entries.length, 2);
  t.deepEqual(decoder.appendix, { start: 120, size: 16 });
  const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: NAME });
  t.deepEqual(await accessor.readDirectory(await accessor.root()), []);
});

test('any bytes may stand in the appendix, also what looks like the end of an archive', async (t) => {
  const inner = Buffer.concat([item(Item.APPENDIX, Buffer.alloc(0)), closingTable(100, 16)]);
  const bytes = appended([], Buffer.concat([inner, example, inner]));
  const { decoder, entries } = await decode(bytes);
  t.is(entries.length, 2);
  t.is(decoder.appendix?.start, 120);
  const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: NAME });
  t.is((await accessor.root()).end, 120);
});

test('readers take references in any order, and several to one place', async (t) => {
  const content = Buffer.concat([
    item(Item.PAYLOAD, Buffer.from('one')),
    item(Item.PAYLOAD, Buffer.from('two')),
  ]);
  const children: RawChild[] = [
    { name: 'a', content: referredFile(19, 3) },
    { name: 'b', content: referredFile(0, 3) },
    { name: 'c', content: referredFile(0, 3) },
  ];
  const { decoder, entries } = await decode(appended(children, content));
  const first = (decoder.appendix?.start ?? 0) + 16;
  t.deepEqual(
    entries.filter(isFile).map(({ payloadOffset }) => payloadOffset - first),
    [19, 0, 0],
  );
});

test('versions 1 and 2 have no appendix', async (t) => {
  const archives = unpackArchives();
  for (const name of ['meta.pxar', 'meta.mpxar']) {
    const decoder = new PxarDecoder(bufferSource(archiveOf(archives, name)), { archive: name });
    await decoder.next();
    t.is(decoder.appendix, undefined);
  }
});

/** The same tree with files of at most 300 bytes. */
function small(tree: Tree): Tree {
  if (tree.kind === 'file') return { ...tree, size: tree.size % 301 };
  if (tree.kind !== 'directory') return tree;
  return { ...tree, children: new Map([...tree.children].map(([name, child]) => [name, small(child)])) };
}

test('any tree with references that is encoded is decoded as it was, by both readers', async (t) => {
  await fc.assert(
    fc.asyncProperty(directoryTree.map(small), async (tree) => {
      const { bytes, contents } = encodeAppended(tree);
      const expected = flatten(tree, '');
      t.deepEqual(await readSequentially(bytes), expected);
      const accessor = await PxarAccessor.open(bufferSource(bytes), { archive: NAME });
      t.deepEqual(await readRandomly(accessor), expected);
      const files = (await decode(bytes)).entries.filter(isFile);
      const payloads = files.map(({ payloadOffset: at, size }) => bytes.subarray(at, at + 16 + size));
      t.deepEqual(
        payloads,
        contents.map((content) => item(Item.PAYLOAD, content)),
      );
    }),
    { numRuns: 150 },
  );
});

/** Fields that say where something is. */
const POSITIONS = new Set([
  'filename_at',
  'entry_at',
  'item_at',
  'payload_at',
  'ref_at',
  'goodbye_at',
  'back',
]);

function withoutPositions(entries: readonly Described[]): Described[] {
  return entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).filter(([field]) => !POSITIONS.has(field))),
  );
}

test('a real archive whose files are moved to an appendix still has all metadata and contents', async (t) => {
  const archive = await withAppendix(archiveOf(unpackArchives(), 'meta.pxar'));
  const bytes = { archive, payload: undefined };
  const sequential = await listSequentially(new PxarDecoder(bufferSource(archive), { archive: NAME }), bytes);
  t.true(sequential.filter((entry) => 'ref_at' in entry).length > 5);
  t.true(sequential.some(({ type }) => type === 'hardlink'));
  t.deepEqual(withoutPositions(sequential), withoutPositions(expectedListing('meta-v1')));
  const accessor = await PxarAccessor.open(bufferSource(archive), { archive: NAME });
  t.deepEqual(await listRandomly(accessor, bytes), sequential);
});
