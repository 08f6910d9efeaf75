import { createHash } from 'node:crypto';
import test from 'ava';
import { ENTRY_SIZE } from '../../src/snapshot/dynamic-index.js';
import { IndexError } from '../../src/snapshot/errors.js';
import {
  decodeFixedHeader,
  decodeFixedIndex,
  encodeFixedHeader,
  encodeFixedIndex,
  FIXED_CHUNK_SIZE,
  FIXED_ENTRY_SIZE,
  FIXED_HEADER_SIZE,
  fixedCount,
} from '../../src/snapshot/fixed-index.js';

/** The worked example of the specification: an image of one zero chunk and "hello". */
const HEADER = {
  uuid: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
  ctime: 1_700_000_000,
  csum: Buffer.from('1d77917af4c67365bbe8f89816b464912c59b4261bbe4ee0b7243f2ab57ef1'.padEnd(64, '0'), 'hex'),
  size: 4_194_309,
  chunkSize: 4_194_304,
};
const LENGTH = FIXED_HEADER_SIZE + 2 * 32;

test('a header is encoded as the specification shows', (t) => {
  const bytes = encodeFixedHeader(HEADER);
  t.is(bytes.length, FIXED_HEADER_SIZE);
  t.is(bytes.toString('hex', 0, 32), '2f7f41ed91fd0fcd000102030405060708090a0b0c0d0e0f00f1536500000000');
  t.is(bytes.toString('hex', 64, 80), '05004000000000000000400000000000');
  t.true(bytes.subarray(80).every((byte) => byte === 0));
  t.deepEqual(decodeFixedHeader(bytes, LENGTH, 'x.fidx'), HEADER);
  t.is(fixedCount(HEADER), 2);
});

test('what is no header of a file of that length is refused', (t) => {
  const change = (at: number, value: bigint): Buffer => {
    const bytes = encodeFixedHeader(HEADER);
    bytes.writeBigUInt64LE(value, at);
    return bytes;
  };
  const refused: readonly (readonly [string, Buffer, number])[] = [
    ['INDEX_MAGIC', change(0, 0n), LENGTH],
    ['INDEX_MAGIC', encodeFixedHeader(HEADER).subarray(0, 100), LENGTH],
    ['INDEX_LENGTH', encodeFixedHeader(HEADER), LENGTH + 1],
    ['INDEX_LENGTH', change(64, 4_194_304n), LENGTH],
    ['INDEX_ENTRY', change(64, 0n), LENGTH],
    ['INDEX_ENTRY', change(64, 2n ** 63n), LENGTH],
    ['INDEX_ENTRY', change(72, 0n), LENGTH],
    ['INDEX_ENTRY', change(72, 3n), LENGTH],
    ['INDEX_ENTRY', change(72, 2n ** 52n + 1n), FIXED_HEADER_SIZE + FIXED_ENTRY_SIZE],
  ];
  for (const [code, bytes, length] of refused)
    t.throws(() => decodeFixedHeader(bytes, length, 'x.fidx'), { code });
});

/** Entries whose chunks end there. */
function entriesOf(ends: readonly number[]): Buffer {
  const entries = Buffer.alloc(ends.length * ENTRY_SIZE, 7);
  for (const [i, end] of ends.entries()) entries.writeBigUInt64LE(BigInt(end), i * ENTRY_SIZE);
  return entries;
}

test('an index of any length is encoded and decoded', (t) => {
  for (const size of [1, FIXED_CHUNK_SIZE - 1, FIXED_CHUNK_SIZE, 3 * FIXED_CHUNK_SIZE + 5, 2 ** 33 + 1]) {
    const count = Math.ceil(size / FIXED_CHUNK_SIZE);
    const ends = Array.from({ length: count }, (_, i) => Math.min((i + 1) * FIXED_CHUNK_SIZE, size));
    const parts = { uuid: HEADER.uuid, ctime: 5, entries: entriesOf(ends) };
    const bytes = encodeFixedIndex(parts, 'x.fidx');
    t.is(bytes.length, FIXED_HEADER_SIZE + 32 * count);
    const index = decodeFixedIndex(bytes, 'x.fidx');
    t.true(index.entries.equals(parts.entries), String(size));
    t.is(index.size, size);
    const sum = createHash('sha256').update(bytes.subarray(FIXED_HEADER_SIZE)).digest();
    t.deepEqual(index.csum, sum);
    t.deepEqual(bytes.subarray(32, 64), sum);
  }
});

test('chunks of other sizes are no fixed index', (t) => {
  for (const ends of [[5, 10], [FIXED_CHUNK_SIZE + 1], [FIXED_CHUNK_SIZE - 1, 2 * FIXED_CHUNK_SIZE], []]) {
    const parts = { uuid: HEADER.uuid, ctime: 5, entries: entriesOf(ends) };
    t.throws(() => encodeFixedIndex(parts, 'x.fidx'), { instanceOf: IndexError }, String(ends));
  }
});

test('a fixed index of another chunk size is decoded', (t) => {
  const header = encodeFixedHeader({ ...HEADER, size: 150_000, chunkSize: 65_536 });
  const index = decodeFixedIndex(Buffer.concat([header, Buffer.alloc(3 * 32, 9)]), 'x.fidx');
  t.deepEqual([index.end(0), index.end(1), index.end(2)], [65_536, 131_072, 150_000]);
});
