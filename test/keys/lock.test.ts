/** Keys that restat makes, opened by a reader that shares nothing with it. */
import test from 'ava';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { KeyError } from '../../src/keys/errors.js';
import { formatKeyFile } from '../../src/keys/key-file.js';
import { checkHint, type LockOptions, lockKey } from '../../src/keys/lock.js';
import { openIndependently } from './vectors.js';

const SECRET = Buffer.from('5a'.repeat(32), 'hex');
const times = { created: 1_700_000_000, modified: 1_700_000_060 };
const key = (): EncryptionKey => new EncryptionKey(Buffer.from(SECRET));

function locked(options: Omit<LockOptions, 'created' | 'modified'>): Promise<string> {
  return lockKey(key(), { ...times, ...options }).then((file) => formatKeyFile(file).toString());
}

for (const kdf of ['scrypt', 'pbkdf2'] as const) {
  test(`a key with ${kdf} opens with its password, and with no other`, async (t) => {
    const json = await locked({ secret: { kdf, password: Buffer.from('päss wörd') }, hint: 'a "hint"' });
    const { file, secret } = openIndependently(json, 'päss wörd');
    t.is(secret, SECRET.toString('hex'));
    t.like(file, {
      created: '2023-11-14T22:13:20+00:00',
      modified: '2023-11-14T22:14:20+00:00',
      hint: 'a "hint"',
    });
    t.throws(() => openIndependently(json, 'pass word'));
    t.false(json.includes(SECRET.toString('base64').slice(0, 20)));
  });
}

test('a key in clear has no parameters and no hint', async (t) => {
  const json = await locked({ secret: undefined, hint: undefined });
  t.true(json.startsWith('{"kdf":null,"created":"2023-11-14T22:13:20+00:00","modified":'));
  t.is(json.length, 255);
  t.is(openIndependently(json, '').secret, SECRET.toString('hex'));
});

test('salt and IV are new in each file', async (t) => {
  const secret = { kdf: 'pbkdf2', password: Buffer.from('password') } as const;
  const [a, b] = [await locked({ secret, hint: undefined }), await locked({ secret, hint: undefined })];
  const parts = (json: string) => /"salt":"(.+?)".*"data":"(.{21})/.exec(json)!.slice(1);
  t.is(new Set([...parts(a), ...parts(b)]).size, 4);
});

test('passwords of 5 to 1024 bytes are taken', async (t) => {
  for (const password of ['', 'four', 'x'.repeat(1025)]) {
    const secret = { kdf: 'pbkdf2', password: Buffer.from(password) } as const;
    await t.throwsAsync(() => locked({ secret, hint: undefined }), {
      instanceOf: KeyError,
      code: 'KEY_PASSWORD_LENGTH',
    });
  }
  const secret = { kdf: 'pbkdf2', password: Buffer.from('fünf') } as const;
  t.is(openIndependently(await locked({ secret, hint: undefined }), 'fünf').secret, SECRET.toString('hex'));
});

test('a hint is one line of 1 to 64 characters, and goes with a password', (t) => {
  for (const hint of [undefined, 'x', '€'.repeat(64)]) t.notThrows(() => checkHint(hint, 'scrypt'));
  for (const hint of ['', 'x'.repeat(65), 'two\nlines', '\u001b[2J'])
    t.throws(() => checkHint(hint, 'scrypt'), { code: 'KEY_HINT' });
  t.throws(() => checkHint('x', 'none'), { code: 'KEY_HINT' });
});
