import test from 'ava';
import {
  decodeFixedHeader,
  encodeFixedHeader,
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
  ];
  for (const [code, bytes, length] of refused)
    t.throws(() => decodeFixedHeader(bytes, length, 'x.fidx'), { code });
});
