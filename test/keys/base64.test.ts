import test from 'ava';
import fc from 'fast-check';
import { decodeBase64, encodeBase64 } from '../../src/keys/base64.js';

test('any bytes are encoded as Node encodes them, and come back', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (array) => {
      const bytes = Buffer.from(array);
      const text = encodeBase64(bytes);
      t.is(text.toString('latin1'), bytes.toString('base64'));
      t.deepEqual(decodeBase64(text), bytes);
    }),
  );
});

test('only what could have been written is read', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ABab01+/=-_ \n'), maxLength: 12 }), (text) => {
      const node = Buffer.from(text, 'base64');
      const expected = node.toString('base64') === text ? node : undefined;
      t.deepEqual(decodeBase64(Buffer.from(text)), expected);
    }),
    { numRuns: 2000 },
  );
  for (const text of ['=', '====', 'A===', 'AB==', 'AAB=', 'AA=A', 'AA', 'AAAA=', 'ÄAAA'])
    t.is(decodeBase64(Buffer.from(text)), undefined, text);
});
