import test from 'ava';
import fc from 'fast-check';
import {
  isToken,
  type PbsParts,
  parsePbsSpec,
  pbsSpec,
} from '../../../src/repository/pbs/repository-string.js';

type Row = readonly [
  text: string,
  authId: string,
  host: string,
  port: number,
  store: string,
  canonical: string,
];

const TABLE: readonly Row[] = [
  ['store1', 'root@pam', 'localhost', 8007, 'store1', 'store1'],
  ['pbs:store1', 'root@pam', 'pbs', 8007, 'store1', 'pbs:store1'],
  ['pbs:9007:store1', 'root@pam', 'pbs', 9007, 'store1', 'pbs:9007:store1'],
  ['u@pbs@pbs:store1', 'u@pbs', 'pbs', 8007, 'store1', 'u@pbs@pbs:8007:store1'],
  ['u@pbs!tok@10.0.0.1:8008:s', 'u@pbs!tok', '10.0.0.1', 8008, 's', 'u@pbs!tok@10.0.0.1:8008:s'],
  ['[fe80::1]:9007:store1', 'root@pam', '[fe80::1]', 9007, 'store1', '[fe80::1]:9007:store1'],
  ['[::1]:store1', 'root@pam', '[::1]', 8007, 'store1', '[::1]:store1'],
  ['8008:store', 'root@pam', '8008', 8007, 'store', '8008:store'],
  ['a@b@c@h:s', 'a@b@c', 'h', 8007, 's', 'a@b@c@h:8007:s'],
  ['a!b@c!d@h:s', 'a!b@c!d', 'h', 8007, 's', 'a!b@c!d@h:8007:s'],
  ['a!b@c@h:s', 'a!b@c', 'h', 8007, 's', 'a!b@c@h:8007:s'],
  ['jürgen@pam@h:s', 'jürgen@pam', 'h', 8007, 's', 'jürgen@pam@h:8007:s'],
];

for (const [text, authId, host, port, store, canonical] of TABLE) {
  test(`${text} names datastore ${store} of ${authId} at ${host}, port ${port}`, (t) => {
    t.deepEqual(parsePbsSpec(text), { kind: 'pbs', authId, host, port, store, canonical });
  });
}

const WRONG = [
  '',
  'a b',
  'not a repo',
  ':store',
  'host:',
  '-a:store',
  'a-:store',
  'a_b:store',
  'h:65536:store',
  'h:0:store',
  'h:123456:store',
  'h:1:2:store',
  'user@h:store',
  '@pam@h:store',
  'u@pam!@h:store',
  'u/v@pam@h:store',
  'fe80::1:store',
  '[fe80::g]:store',
  '[1.2.3.4]:store',
  'h:.store',
  'h:-store',
  'h:sto/re',
  'h:store\n',
  `h:${'s'.repeat(300)}`,
];

for (const text of WRONG) {
  test(`${JSON.stringify(text.slice(0, 40))} is no repository`, (t) => {
    t.throws(() => parsePbsSpec(text), { name: 'RepositoryError', code: 'REPOSITORY_SPEC' });
  });
}

test('an address of version 6 gets brackets when it comes alone', (t) => {
  t.is(pbsSpec({ host: '2001:db8::1', store: 's' }).host, '[2001:db8::1]');
  t.is(pbsSpec({ host: '2001:db8::1', store: 's' }).canonical, '[2001:db8::1]:s');
  t.is(pbsSpec({ port: 9007, store: 's' }).canonical, 'localhost:9007:s');
});

test('a token is what has an exclamation mark after the realm', (t) => {
  t.true(isToken('u@pbs!laptop'));
  t.false(isToken('u!x@pbs'));
});

const safeId = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,9}$/);
const user = fc.stringMatching(/^[a-z!@#%.-]{1,8}$/);
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
const parts: fc.Arbitrary<PbsParts> = fc.record({
  authId: fc
    .tuple(user, safeId, fc.option(safeId))
    .map(([name, realm, token]) => `${name}@${realm}${token === null ? '' : `!${token}`}`),
  host: fc.oneof(
    fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.')),
    fc.ipV6().map((address) => `[${address}]`),
  ),
  port: fc.integer({ min: 1, max: 65_535 }),
  store: safeId,
});

test('what is put together reads back as it was', (t) => {
  fc.assert(
    fc.property(parts, (given) => {
      const spec = pbsSpec(given);
      t.deepEqual(parsePbsSpec(spec.canonical), spec);
      t.like(spec, { ...given });
    }),
  );
});

test('any text either is a repository that reads back, or is refused with a stable code', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a1@!:.[]-_/ ü'), maxLength: 30 }), (text) => {
      try {
        const spec = parsePbsSpec(text);
        t.deepEqual(parsePbsSpec(spec.canonical), spec);
      } catch (error) {
        t.like(error, { code: 'REPOSITORY_SPEC' });
      }
    }),
  );
});
