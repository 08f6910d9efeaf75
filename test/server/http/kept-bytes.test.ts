import test from 'ava';
import fc from 'fast-check';
import { KeptBytes } from '../../../src/server/http/kept-bytes.js';

const KIB = 1024;

test('what is kept is the beginning of the body, however it came', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200 * KIB }),
      fc.array(fc.integer({ min: 0, max: 70 * KIB }), { maxLength: 8 }),
      (limit, lengths) => {
        const kept = new KeptBytes(limit);
        const sent = lengths.map((length, i) => Buffer.alloc(length, `part ${i}`));
        for (const part of sent) kept.add(part);
        return Buffer.concat(kept.parts()).equals(Buffer.concat(sent).subarray(0, limit));
      },
    ),
  );
  t.pass();
});

test('tiny parts of large buffers hold little more than their bytes', (t) => {
  const [kept, large] = [new KeptBytes(100 * KIB), Buffer.alloc(64 * KIB)];
  for (let i = 0; i < 100 * KIB; i += 1) kept.add(large.subarray(i % KIB, (i % KIB) + 1));
  const buffers = new Set(kept.parts().map(({ buffer }) => buffer));
  t.is(kept.parts().length, 2);
  t.is(
    [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0),
    100 * KIB,
  );
});
