/** Which manifests a key accepts, and when it is needed at all. snapshot-manifest.md §3.3, cli.md §3. */
import { scryptSync } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { RepositoryError } from '../../src/repository/errors.js';
import { type KeySource, keyFor } from '../../src/repository/snapshot-key.js';
import { decodeManifest, type Manifest, parseManifest } from '../../src/snapshot/manifest.js';
import { EXAMPLE, KEYS } from '../keys/vectors.js';
import { datastoreFiles, fixture } from '../snapshot/fixtures.js';

const keyOf = (secret: string): EncryptionKey => new EncryptionKey(Buffer.from(secret, 'hex'));
const recorded = (file: string): EncryptionKey => keyOf(KEYS.find((key) => key.file === file)!.enc_key);

/** A source that says how often it was asked. */
class Source implements KeySource {
  readonly isNamed: boolean;
  readonly #key: EncryptionKey | undefined;
  asked = 0;

  constructor(key: EncryptionKey | undefined, { named = false } = {}) {
    this.#key = key;
    this.isNamed = named;
  }

  unlock(): Promise<EncryptionKey | undefined> {
    this.asked += 1;
    return Promise.resolve(this.#key);
  }
}

const named = (key: EncryptionKey): Source => new Source(key, { named: true });
const refused = (code: string, message?: RegExp) => ({
  instanceOf: RepositoryError,
  code,
  ...(message === undefined ? {} : { message }),
});

function manifestOf(text: string, signature: string | null): Manifest {
  const fields: unknown = JSON.parse(text);
  return parseManifest(Buffer.from(JSON.stringify({ ...Object(fields), signature })), 'x');
}

const VECTOR_1 = manifestOf(
  '{"backup-id":"elsa","backup-time":1593179765,"backup-type":"host","files":[{"crypt-mode":"encrypt","csum":"0101010101010101010101010101010101010101010101010101010101010101","filename":"test1.img.fidx","size":200},{"crypt-mode":"none","csum":"0202020202020202020202020202020202020202020202020202020202020202","filename":"abc.blob","size":200}]}',
  'd7b446fb7db081662081d4b40fedd858a1d6307a5aff4ecff7d5bf4fd35679e9',
);
const VECTOR_2 = manifestOf(
  '{"backup-id":"h1","backup-time":1700000000,"backup-type":"host","files":[{"crypt-mode":"sign-only","csum":"9c5944aba3379b450612203cafb5bf60c2358103550b7f799d197f4668f169d5","filename":"a.conf.blob","size":17}]}',
  '272198010b4ec8932ccca2ad26afce3e2db19abb46f3aa6be01f8655af968a8f',
);

test('the manifests of the specification verify with their keys', async (t) => {
  const secret = scryptSync('test', '', 32, { N: 65_536, r: 8, p: 1, maxmem: 2 ** 27 });
  const first = new EncryptionKey(secret);
  t.is(await keyFor(VECTOR_1, new Source(first)), first);
  const second = keyOf(EXAMPLE.secret);
  t.is(await keyFor(VECTOR_2, new Source(second)), second);
  await t.throwsAsync(keyFor(VECTOR_1, new Source(second)), refused('MANIFEST_SIGNATURE'));
});

const SIGNED: readonly (readonly [string, string])[] = [
  ['host/crypt', 'key-scrypt.json'],
  ['host/signed', 'key-none.json'],
  ['host/disk/2023-11-14T22:13:22Z', 'key-none.json'],
];

test('the manifests that the reference client signed verify with their keys, and with no other', async (t) => {
  const files = [...datastoreFiles()].filter(([path]) => path.endsWith('index.json.blob'));
  const stored = SIGNED.flatMap(([prefix, key]) =>
    files.filter(([path]) => path.startsWith(prefix)).map(([, bytes]) => [bytes, key] as const),
  );
  for (const kind of ['encrypt-scrypt', 'encrypt-pbkdf2', 'sign-only'])
    stored.push([
      fixture(`blobs/${kind}/index.json.blob`),
      kind === 'sign-only' ? 'key-none.json' : `key-${kind.slice('encrypt-'.length)}.json`,
    ]);
  t.is(stored.length, 9);
  for (const [bytes, name] of stored) {
    const manifest = decodeManifest(bytes);
    const key = recorded(name);
    t.is(await keyFor(manifest, new Source(key)), key);
    t.is(await keyFor(manifest, named(key)), key);
    for (const other of KEYS.filter(({ file }) => file !== name)) {
      await t.throwsAsync(keyFor(manifest, named(keyOf(other.enc_key))), refused('KEY_WRONG'));
      const anonymous = { ...manifest, unprotected: {} };
      await t.throwsAsync(keyFor(anonymous, named(keyOf(other.enc_key))), refused('MANIFEST_SIGNATURE'));
    }
  }
});

const ENCRYPTED = decodeManifest(fixture('blobs/encrypt-scrypt/index.json.blob'));
const KEY = recorded('key-scrypt.json');
const other = (digest: string): string => `${digest[0] === '0' ? '1' : '0'}${digest.slice(1)}`;

/** Every single change of what is signed. */
function changes(): [string, Manifest][] {
  const { snapshot, files } = ENCRYPTED;
  const withFile = (at: number, change: Partial<Manifest['files'][number]>): Manifest => ({
    ...ENCRYPTED,
    files: files.map((file, i) => (i === at ? { ...file, ...change } : file)),
  });
  const whole: [string, Manifest][] = [
    ['time', { ...ENCRYPTED, snapshot: { ...snapshot, time: VECTOR_2.snapshot.time } }],
    ['id', { ...ENCRYPTED, snapshot: { ...snapshot, id: VECTOR_2.snapshot.id } }],
    ['type', { ...ENCRYPTED, snapshot: { ...snapshot, type: 'vm' } }],
    ['order', { ...ENCRYPTED, files: files.toReversed() }],
    ['one less', { ...ENCRYPTED, files: files.slice(1) }],
    ['one more', { ...ENCRYPTED, files: [...files, ...VECTOR_1.files.slice(1)] }],
    ['none', { ...ENCRYPTED, files: [] }],
  ];
  const each = files.flatMap(({ size, csum }, i): [string, Manifest][] => [
    [`size of ${i}`, withFile(i, { size: size + 1 })],
    [`csum of ${i}`, withFile(i, { csum: other(csum) })],
    [`csum of another for ${i}`, withFile(i, { csum: files[(i + 1) % files.length]!.csum })],
    [`name of ${i}`, withFile(i, { filename: VECTOR_1.files[1]!.filename })],
    [`mode of ${i}`, withFile(i, { cryptMode: 'none' })],
    [`sign-only for ${i}`, withFile(i, { cryptMode: 'sign-only' })],
  ]);
  return [...whole, ...each];
}

for (const [what, manifest] of changes()) {
  test(`a manifest whose signed part was changed is refused: ${what}`, async (t) => {
    await t.throwsAsync(keyFor(manifest, new Source(KEY)), refused('MANIFEST_SIGNATURE', /was changed/));
  });
}

test('no digit of the signature may change', async (t) => {
  const signature = ENCRYPTED.signature!;
  for (let i = 0; i < signature.length; i += 1) {
    const changed = `${signature.slice(0, i)}${other(signature.slice(i))}`;
    const manifest = { ...ENCRYPTED, signature: changed };
    await t.throwsAsync(keyFor(manifest, new Source(KEY)), refused('MANIFEST_SIGNATURE'));
  }
});

test('whatever stands in unprotected may change, but for the fingerprint', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.string()), async (unprotected) => {
      const fingerprint = unprotected['key-fingerprint'] === undefined ? {} : { 'key-fingerprint': null };
      const manifest = { ...ENCRYPTED, unprotected: { ...unprotected, ...fingerprint } };
      t.is(await keyFor(manifest, named(KEY)), KEY);
    }),
    { numRuns: 30 },
  );
  const theirs = { 'key-fingerprint': recorded('key-none.json').fingerprint };
  const manifest = { ...ENCRYPTED, unprotected: theirs };
  await t.throwsAsync(keyFor(manifest, named(KEY)), {
    ...refused('KEY_WRONG'),
    message:
      "wrong key - unable to verify signature since manifest's key 7b:b6:d1:bb:21:d2:0e:52 does not match provided key e1:3c:81:47:97:ab:69:8a",
  });
});

test('without a key a snapshot that was made with one says which', async (t) => {
  await t.throwsAsync(keyFor(ENCRYPTED, new Source(undefined)), {
    ...refused('KEY_MISSING'),
    message: 'missing key - manifest was created with key e1:3c:81:47:97:ab:69:8a',
  });
  // Each trace of a key is enough.
  const { files } = VECTOR_1;
  const bare = { ...VECTOR_1, files: files.slice(1), signature: null };
  const traces: Manifest[] = [
    { ...bare, signature: VECTOR_1.signature },
    { ...bare, unprotected: { 'key-fingerprint': KEY.fingerprint } },
    { ...bare, unprotected: { 'key-fingerprint': 'nonsense' } },
    { ...bare, files },
    { ...bare, files: VECTOR_2.files },
  ];
  for (const manifest of traces)
    await t.throwsAsync(keyFor(manifest, new Source(undefined)), refused('KEY_MISSING', /^missing key/));
});

test('a signature that was taken away is missed', async (t) => {
  const { snapshot, files } = ENCRYPTED;
  const stripped: Manifest = { snapshot, files, signature: null, unprotected: ENCRYPTED.unprotected };
  const plain = files.map((file) => ({ ...file, cryptMode: 'none' as const }));
  const traces: Manifest[] = [
    stripped,
    { ...stripped, unprotected: {} },
    { ...stripped, files: plain },
    { ...stripped, files: plain.map((file) => ({ ...file, cryptMode: 'sign-only' })), unprotected: {} },
  ];
  for (const manifest of traces)
    for (const source of [named(KEY), new Source(KEY)])
      await t.throwsAsync(keyFor(manifest, source), refused('MANIFEST_UNSIGNED'));
  // Nothing tells such a one from a plain snapshot but the key that somebody names.
  const bare = { ...stripped, files: plain, unprotected: {} };
  await t.throwsAsync(keyFor(bare, named(KEY)), refused('MANIFEST_UNSIGNED'));
  t.is(await keyFor(bare, new Source(KEY)), undefined);
});

test('a default key is not looked for where nothing needs it', async (t) => {
  const plain = decodeManifest(fixture('blobs/plain/index.json.blob'));
  const source = new Source(KEY);
  t.is(await keyFor(plain, source), undefined);
  t.is(await keyFor({ ...plain, unprotected: { 'key-fingerprint': null } }, source), undefined);
  t.is(source.asked, 0);
});
