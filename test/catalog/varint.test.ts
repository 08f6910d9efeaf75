import test from 'ava';
import fc from 'fast-check';
import { isI, isU, sizeOfU, VarintReader, writeI, writeU } from '../../src/catalog/varint.js';
import { hex } from './catalogs.js';

type Value = number | bigint;

const UNSIGNED: readonly (readonly [Value, string])[] = [
  [0, '00'],
  [127, '7f'],
  [128, '80 01'],
  [300, 'ac 02'],
  [16384, '80 80 01'],
  [2 ** 32, '80 80 80 80 10'],
  [2n ** 64n - 1n, 'ff ff ff ff ff ff ff ff ff 01'],
];

const SIGNED: readonly (readonly [Value, string])[] = [
  [0, '00'],
  [1, '01'],
  [-1, '81 00'],
  [-127, 'ff 00'],
  [-128, '80 81 00'],
  [-300, 'ac 82 00'],
  [1700000000, '80 e2 cf aa 06'],
  [-305112600, '98 cc be 91 81 00'],
  [2n ** 63n - 1n, 'ff ff ff ff ff ff ff ff 7f'],
  [-(2n ** 63n), '80 80 80 80 80 80 80 80 80 81 00'],
];

function written(write: typeof writeU | typeof writeI, value: Value): Buffer {
  const bytes = Buffer.alloc(16, 0xee);
  const end = write(bytes, 2, value);
  return bytes.subarray(2, end);
}

/** What is read from between other bytes, and where it ends. */
function read(kind: 'u' | 'i', bytes: Buffer): { value: Value | undefined; length: number } {
  const reader = new VarintReader();
  const all = Buffer.concat([Buffer.from([0x80, 0x80]), bytes, Buffer.from([0x05])]);
  const value = reader[kind](all, 2, 2 + bytes.length);
  return { value, length: reader.next - 2 };
}

test('unsigned numbers are the bytes of the table', (t) => {
  for (const [value, text] of UNSIGNED) {
    t.deepEqual(written(writeU, value), hex(text), `${value}`);
    t.deepEqual(read('u', hex(text)), { value, length: hex(text).length }, `${value}`);
  }
});

test('signed numbers are the bytes of the table', (t) => {
  for (const [value, text] of SIGNED) {
    t.deepEqual(written(writeI, value), hex(text), `${value}`);
    t.deepEqual(read('i', hex(text)), { value, length: hex(text).length }, `${value}`);
  }
});

test('a negative time that an old writer stored as unsigned is read as that time', (t) => {
  t.is(read('i', written(writeU, 2n ** 64n - 1n)).value, -1);
  t.is(read('i', written(writeU, 2n ** 64n - 1_700_000_000n)).value, -1_700_000_000);
  t.is(read('i', written(writeU, 2n ** 63n)).value, -(2n ** 63n));
});

test('zero is never negative', (t) => {
  for (const text of ['00', '80 00', '80 80 80 80 80 80 80 80 00']) t.is(read('i', hex(text)).value, 0, text);
});

test('numbers that do not end, or that 64 bits cannot hold, are none', (t) => {
  const none = (kind: 'u' | 'i', text: string): boolean => t.is(read(kind, hex(text)).value, undefined, text);
  const nines = 'ff '.repeat(9);
  for (const kind of ['u', 'i'] as const) {
    for (const text of ['', '80', 'ff ff', 'ff '.repeat(7), nines]) none(kind, text);
    none(kind, `${nines} 02`);
    none(kind, `${nines} 7f`);
  }
  none('u', `${nines} 80 01`);
  none('u', `${'80 '.repeat(10)} 00`);
  none('i', `${nines} 80 01`);
  none('i', `${'80 '.repeat(11)} 00`);
  none('i', `${'80 '.repeat(9)} 82 00`);
  none('i', `81 ${'80 '.repeat(8)} 81 00`);
});

test('what cannot be written is told before', (t) => {
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53, -1n, 2n ** 64n]) t.false(isU(value), `${value}`);
  for (const value of [0, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n]) t.true(isU(value), `${value}`);
  for (const value of [0.5, Number.NaN, 2 ** 53, -(2 ** 53), 2n ** 63n, -(2n ** 63n) - 1n])
    t.false(isI(value), `${value}`);
  for (const value of [-1, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n)]) t.true(isI(value), `${value}`);
});

/** All magnitudes alike: as many numbers of 3 bits as of 60. */
function wide(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  return fc
    .tuple(fc.bigInt(min, max), fc.integer({ min: 0, max: 63 }))
    .map(([value, shift]) => (value < 0n ? -(-value >> BigInt(shift)) : value >> BigInt(shift)));
}

function natural(value: bigint): Value {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

test('every unsigned number is read back, as short as it can be', (t) => {
  fc.assert(
    fc.property(wide(0n, 2n ** 64n - 1n), (big) => {
      const value = natural(big);
      const bytes = written(writeU, value);
      t.deepEqual(bytes, written(writeU, big));
      t.deepEqual(read('u', bytes), { value, length: bytes.length });
      t.is(bytes.length, Math.max(1, Math.ceil(big.toString(2).length / 7)));
      if (typeof value === 'number') t.is(sizeOfU(value), bytes.length);
    }),
    { numRuns: 1000 },
  );
});

test('every signed number is read back', (t) => {
  fc.assert(
    fc.property(wide(-(2n ** 63n), 2n ** 63n - 1n), (big) => {
      const value = natural(big);
      const bytes = written(writeI, value);
      t.deepEqual(bytes, written(writeI, big));
      t.deepEqual(read('i', bytes), { value, length: bytes.length });
    }),
    { numRuns: 1000 },
  );
});
