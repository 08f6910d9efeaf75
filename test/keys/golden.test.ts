/** Keys of the reference client. indexes-blobs-chunks.md §5, §9. */
import test from 'ava';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { KeyError } from '../../src/keys/errors.js';
import { parseFingerprint, shortFingerprint } from '../../src/keys/fingerprint.js';
import { formatKeyFile, parseKeyFile } from '../../src/keys/key-file.js';
import { unlockKey } from '../../src/keys/lock.js';
import { EXAMPLE, KEYS, PASSWORD } from './vectors.js';

const given = (text: string) => async () => Buffer.from(text);
const neverAsked = async () => Promise.reject(new Error('nobody needs a password here'));

for (const { file, kdf, bytes, enc_key: secret, idKey, show } of KEYS) {
  test(`${file} opens and is the key that was recorded`, async (t) => {
    const parsed = parseKeyFile(bytes, file);
    t.is(parsed.kdf?.name ?? 'none', kdf);
    const key = await unlockKey(parsed, kdf === 'none' ? neverAsked : given(PASSWORD));
    t.is(key.secret.toString('hex'), secret);
    t.is(key.idKey.toString('hex'), idKey);
    t.is<unknown, unknown>(key.fingerprint, show['fingerprint']);
    t.is(shortFingerprint(key.fingerprint), String(show['fingerprint']).slice(0, 23));
    const bytesOfKey = [key.secret, key.idKey];
    key.wipe();
    for (const part of bytesOfKey) t.true(part.equals(Buffer.alloc(32)));
    t.throws(() => key.secret, { message: 'the key has been wiped' });
    t.throws(() => key.idKey, { message: 'the key has been wiped' });
  });

  test(`${file} is written as it was read`, (t) => {
    t.deepEqual(formatKeyFile(parseKeyFile(bytes, file)), bytes);
  });
}

test('the example of the specification opens and is written as it stands there', async (t) => {
  const file = parseKeyFile(Buffer.from(EXAMPLE.json), 'example');
  t.is(formatKeyFile(file).toString(), EXAMPLE.json);
  t.is(file.created, 1_700_000_000);
  const key = await unlockKey(file, given(EXAMPLE.password));
  t.is(key.secret.toString('hex'), EXAMPLE.secret);
  t.is(key.idKey.toString('hex'), '7c2c013efd07f3b25717a485263343cd4d292a4b65c200bb3b18ea227abe225c');
  t.is<string, string>(key.fingerprint, EXAMPLE.fingerprint);
});

test('a wrong password is an error of its own, with the hint on one line', async (t) => {
  const { bytes } = KEYS.find(({ kdf }) => kdf === 'pbkdf2')!;
  const file = { ...parseKeyFile(bytes, 'key'), hint: 'one\u001b[2J\nline' };
  const password = Buffer.from('wrong password');
  const error = await t.throwsAsync(() => unlockKey(file, async () => password), { instanceOf: KeyError });
  t.is(error.code, 'KEY_PASSWORD');
  t.is(error.message, 'unable to decrypt the key: the password is wrong (password hint: one?[2J?line)');
  t.true(password.equals(Buffer.alloc(password.length)));
});

test('a key with the fingerprint of another is refused', async (t) => {
  const [none, scrypt] = KEYS;
  const file = parseKeyFile(none!.bytes, 'key');
  const other = parseKeyFile(scrypt!.bytes, 'key').fingerprint;
  const error = await t.throwsAsync(() => unlockKey({ ...file, fingerprint: other }, neverAsked));
  t.like(error, { code: 'KEY_FINGERPRINT' });
  t.regex(error?.message ?? '', /7b:b6:d1:bb:21:d2:0e:52, not e1:3c:81:47:97:ab:69:8a/);
  const unchecked = await unlockKey({ ...file, fingerprint: undefined }, neverAsked);
  t.is<unknown, unknown>(unchecked.fingerprint, file.fingerprint);
});

test('fingerprints are read with and without colons, in either case, and nothing else is', (t) => {
  const digits = EXAMPLE.fingerprint.replaceAll(':', '');
  for (const text of [EXAMPLE.fingerprint, digits, digits.toUpperCase()])
    t.is(parseFingerprint(text), parseFingerprint(digits));
  for (const text of ['', digits.slice(1), `${digits}0`, `x${digits.slice(1)}`, `${digits}\n`])
    t.is(parseFingerprint(text), undefined);
});

test('a key in memory does not show itself', (t) => {
  const key = new EncryptionKey(Buffer.alloc(32, 7));
  t.is(JSON.stringify(key), JSON.stringify({ fingerprint: key.fingerprint }));
  t.throws(() => new EncryptionKey(Buffer.alloc(31)), { instanceOf: RangeError });
  t.not(EncryptionKey.generate().fingerprint, EncryptionKey.generate().fingerprint);
});
