import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { decodeDynamicIndex, ENTRY_SIZE, encodeDynamicIndex } from '../../src/snapshot/dynamic-index.js';
import { IndexError } from '../../src/snapshot/errors.js';
import { decodeManifest } from '../../src/snapshot/manifest.js';
import { datastoreFiles } from './fixtures.js';

const files = datastoreFiles();
const indexes = [...files].filter(([path]) => path.endsWith('.didx'));

/** Entries with these ends; digests are made up. */
function entriesOf(ends: readonly number[]): Buffer {
  const entries = Buffer.alloc(ends.length * ENTRY_SIZE);
  ends.forEach((end, i) => {
    entries.writeBigUInt64LE(BigInt(end), i * ENTRY_SIZE);
    createHash('sha256')
      .update(`${i}`)
      .digest()
      .copy(entries, i * ENTRY_SIZE + 8);
  });
  return entries;
}

const uuid = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

test('indexes of a real datastore decode, agree with their manifest and encode to the same bytes', (t) => {
  t.true(indexes.length > 20);
  for (const [path, bytes] of indexes) {
    const index = decodeDynamicIndex(bytes, path);
    t.true(index.csum.equals(bytes.subarray(32, 64)), path);
    const [, directory, name] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    const manifest = decodeManifest(files.get(`${directory}/index.json.blob`) ?? Buffer.alloc(0));
    const listed = manifest.files.find(({ filename }) => filename === name);
    t.notThrows(() => index.verify(listed?.csum ?? '', listed?.size ?? 0), path);
    t.true(encodeDynamicIndex(index, path).equals(bytes), path);
  }
});

test('the example of the specification comes out byte by byte', (t) => {
  const entries = Buffer.alloc(80);
  entries.writeUInt32LE(5, 0);
  createHash('sha256').update('hello').digest().copy(entries, 8);
  entries.writeUInt32LE(105, 40);
  createHash('sha256').update(Buffer.alloc(100)).digest().copy(entries, 48);
  const bytes = encodeDynamicIndex({ uuid, ctime: 1700000000, entries }, 'example.didx');
  t.is(
    bytes.subarray(0, 64).toString('hex'),
    '1c914ea519bab3cd000102030405060708090a0b0c0d0e0f00f1536500000000' +
      '692df8e03bcb3990d1a185b159b78197b9d018ab1aa70230be059c5238bcf56a',
  );
  t.is(bytes.length, 4096 + 80);
  t.true(bytes.subarray(64, 4096).every((byte) => byte === 0));
});

test('any index is decoded as it was encoded, and each offset is found in its chunk', (t) => {
  const lengths = fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { maxLength: 60 });
  fc.assert(
    fc.property(lengths, fc.nat(), (sizes, ctime) => {
      let end = 0;
      const ends = sizes.map((size) => (end += size));
      const index = decodeDynamicIndex(
        encodeDynamicIndex({ uuid, ctime, entries: entriesOf(ends) }, 'x.didx'),
        'x.didx',
      );
      t.deepEqual([index.count, index.size, index.ctime], [ends.length, end, ctime]);
      t.true(index.uuid.equals(uuid));
      ends.forEach((chunkEnd, i) => {
        t.is(index.end(i), chunkEnd);
        t.is(index.chunkAt(index.start(i)), i);
        t.is(index.chunkAt(chunkEnd - 1), i);
        t.true(index.digest(i).equals(createHash('sha256').update(`${i}`).digest()));
      });
    }),
  );
});

test('an empty index has no bytes', (t) => {
  const index = decodeDynamicIndex(
    encodeDynamicIndex({ uuid, ctime: 1, entries: Buffer.alloc(0) }, 'e.didx'),
    'e.didx',
  );
  t.deepEqual([index.count, index.size], [0, 0]);
  t.throws(() => index.chunkAt(0), { code: 'INDEX_OFFSET' });
});

test('damaged indexes are refused with file and offset', (t) => {
  const good = encodeDynamicIndex({ uuid, ctime: 1, entries: entriesOf([10, 20, 30]) }, 'good.didx');
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  const refused = (bytes: Buffer, code: string, offset: number): void => {
    const error = t.throws(() => decodeDynamicIndex(bytes, 'bad.didx'), { instanceOf: IndexError, code });
    t.deepEqual([error.file, error.offset], ['bad.didx', offset]);
  };
  refused(Buffer.alloc(0), 'INDEX_MAGIC', 0);
  refused(
    changed((bytes) => bytes.writeUInt8(0, 0)),
    'INDEX_MAGIC',
    0,
  );
  refused(good.subarray(0, 4000), 'INDEX_LENGTH', 4000);
  refused(good.subarray(0, -1), 'INDEX_LENGTH', good.length - 1);
  refused(
    changed((bytes) => bytes.writeUInt8(10, 4096 + ENTRY_SIZE)),
    'INDEX_ENTRY',
    4096 + ENTRY_SIZE,
  );
  refused(
    changed((bytes) => bytes.writeUInt8(0, 4096)),
    'INDEX_ENTRY',
    4096,
  );
  refused(
    changed((bytes) => bytes.writeUInt8(0xff, 4096 + 2 * ENTRY_SIZE + 7)),
    'INDEX_ENTRY',
    4096 + 2 * ENTRY_SIZE,
  );
});

test('a header with a false checksum does not matter, a changed entry does', (t) => {
  const good = encodeDynamicIndex({ uuid, ctime: 1, entries: entriesOf([10, 20]) }, 'a.didx');
  const csum = decodeDynamicIndex(good, 'a.didx').csum.toString('hex');
  const header = Buffer.from(good);
  header.fill(0, 32, 64);
  t.notThrows(() => decodeDynamicIndex(header, 'a.didx').verify(csum, 20));
  const entry = Buffer.from(good);
  entry[4096 + 9]! ^= 1;
  t.throws(() => decodeDynamicIndex(entry, 'a.didx').verify(csum, 20), { code: 'INDEX_MISMATCH' });
  t.throws(() => decodeDynamicIndex(good, 'a.didx').verify(csum, 21), { code: 'INDEX_MISMATCH' });
});
