import test from 'ava';
import {
  DEFAULT_COST,
  hashSecret,
  impossibleHash,
  secretHashSchema,
  verifySecret,
} from '../../../src/server/access/secret-hash.js';

const CHEAP = { n: 2, r: 1, p: 1 };

test('a secret fits its own hash and no other', async (t) => {
  const hash = await hashSecret('correct horse', CHEAP);
  t.true(await verifySecret('correct horse', hash));
  for (const other of ['', 'correct hors', 'correct horse ', 'correct horse\0'])
    t.false(await verifySecret(other, hash));
  t.false(await verifySecret('correct horse', impossibleHash(CHEAP)));
});

test('the same secret has another hash each time, and the hash says what it cost', async (t) => {
  const [one, two] = [await hashSecret('s', CHEAP), await hashSecret('s', CHEAP)];
  t.not(one.salt, two.salt);
  t.not(one.hash, two.hash);
  t.deepEqual([one.n, one.r, one.p], [2, 1, 1]);
});

test('the default is what is advised, and fits the limits', async (t) => {
  t.deepEqual(DEFAULT_COST, { n: 32_768, r: 8, p: 3 });
  const hash = await hashSecret('s');
  t.true(secretHashSchema.safeParse(hash).success);
  t.true(await verifySecret('s', hash));
});

test('hashes that would cost too much, or are none, are refused', async (t) => {
  const good = await hashSecret('s', CHEAP);
  t.true(secretHashSchema.safeParse(good).success);
  const bad = [
    { n: 3 },
    { n: 2 ** 19 },
    { n: 2 ** 18, r: 8 },
    { r: 33 },
    { p: 17 },
    { n: 0 },
    { p: 1.5 },
    { salt: '' },
    { salt: `${good.salt}AAAA` },
    { hash: good.salt },
    { hash: 'x'.repeat(10_000) },
    { hash: undefined },
    { extra: 1 },
  ];
  for (const change of bad) t.false(secretHashSchema.safeParse({ ...good, ...change }).success);
});
