import { createHash } from 'node:crypto';
import test from 'ava';
import { bytesOf } from './recipe.js';

const SEED = 'restat-vectors/1/check';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('recipes give the bytes that the golden vectors were made of', (t) => {
  const random = bytesOf({ kind: 'drbg', seed: SEED, length: 100 });
  t.is(sha256(random), '89fd987008099fc6a56c53644448992e6ecc6dc1dc83c26a8bf409ca6c3f19a4');
  const letters = bytesOf({ kind: 'quad', seed: SEED, length: 1001 });
  t.is(sha256(letters), '5e48c59f3eccb2c00a227c3488dac147de233a709f1713a1fadd5bf6635860d9');
});

test('parts and holes are put together', (t) => {
  const part = { kind: 'literal', hex: '0102' } as const;
  const repeat = { kind: 'repeat', hex: 'aabb', length: 3 } as const;
  t.is(bytesOf({ kind: 'concat', parts: [part, repeat] }).toString('hex'), '0102aabbaa');
  const sparse = bytesOf({ kind: 'sparse', length: 5, data: [{ offset: 2, content: part }] });
  t.is(sparse.toString('hex'), '0000010200');
});
