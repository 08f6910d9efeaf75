import { randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { type KnownChunk, KnownChunks } from '../../../src/server/session/known-chunks.js';

const chunk = fc.record({
  size: fc.integer({ min: 1, max: 16 * 1024 * 1024 }),
  class: fc.constantFrom('plain', 'encrypted'),
  own: fc.boolean(),
});
const digest = fc.integer({ min: 0, max: 30 }).map((n) => Buffer.alloc(32, n));
const step = fc.oneof(
  fc.tuple(fc.constant('add' as const), digest, chunk),
  fc.tuple(fc.constant('forget' as const), digest),
);

test('it says what a map would say', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const [known, map] = [new KnownChunks(), new Map<string, KnownChunk>()];
      for (const [what, name, value] of steps) {
        const key = name.toString('hex');
        if (what === 'forget') {
          known.forget(name);
          map.delete(key);
        } else {
          known.add(name, value);
          if (value.own || map.get(key)?.own !== true) map.set(key, value);
        }
      }
      for (let n = 0; n <= 31; n += 1) {
        const name = Buffer.alloc(32, n);
        t.deepEqual(known.get(name), map.get(name.toString('hex')));
      }
    }),
  );
});

test('a hundred thousand chunks are found again, and no others', (t) => {
  const known = new KnownChunks();
  const digests = randomBytes(32 * 100_000);
  for (let i = 0; i < 100_000; i += 1)
    known.add(digests.subarray(32 * i, 32 * (i + 1)), { size: i + 1, class: 'plain', own: false });
  for (let i = 0; i < 100_000; i += 1)
    if (known.get(digests.subarray(32 * i, 32 * (i + 1)))?.size !== i + 1) t.fail(String(i));
  t.is(known.get(randomBytes(32)), undefined);
});
