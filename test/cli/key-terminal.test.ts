/** Questions of `restat key` at a terminal. Nothing that is typed there is shown. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KEYS, MASTER_PASSWORD, openIndependently, PASSWORD } from '../keys/vectors.js';
import { fixture } from '../snapshot/fixtures.js';
import { withKeys } from './key-world.js';

const QUESTION = 'Encryption Key Password: ';
const VERIFY = 'Verify Password: ';
const secretOf = (file: string): string => KEYS.find((key) => key.file === file)!.enc_key;

test('a password is typed twice, and not shown', (t) =>
  withKeys(async ({ type, read }) => {
    const { code, stdout } = await type(['create', 'k'], {}, [
      [QUESTION, 'typed-1\r'],
      [VERIFY, 'typed-1\r'],
    ]);
    t.is(code, 0, stdout);
    t.is(openIndependently(await read('k'), 'typed-1').secret.length, 64);
    t.false(stdout.includes('typed'));
  }));

test('two different passwords, a short one, an end of input and ^C make no key', (t) =>
  withKeys(async ({ type, directory }) => {
    const lines: readonly [steps: [string, string][], code: number, message: RegExp][] = [
      [
        [
          [QUESTION, 'typed-1\r'],
          [VERIFY, 'typed-2\r'],
        ],
        1,
        /Error: these are two different passwords/,
      ],
      [[[QUESTION, 'four\r']], 1, /Error: a password has 5 to 1024 bytes/],
      [[[QUESTION, '\u0004']], 1, /Error: nothing was entered/],
      [
        [
          [QUESTION, 'typed-1\r'],
          [VERIFY, '\u0003'],
        ],
        130,
        /Interrupted\./,
      ],
    ];
    for (const [steps, code, message] of lines) {
      const result = await type(['create', 'k'], {}, steps);
      t.is(result.code, code, result.stdout);
      t.regex(result.stdout, message);
      t.false(/typed|four/.test(result.stdout));
    }
    t.deepEqual((await readdir(directory)).sort(), ['home', 'keys']);
  }));

test('change-passphrase asks for the old password and twice for the new one', (t) =>
  withKeys(async ({ type, read }) => {
    const steps: [string, string][] = [
      [QUESTION, `${PASSWORD}\r`],
      ['New Password: ', 'typed-new\r'],
      [VERIFY, 'typed-new\r'],
    ];
    const words = ['change-passphrase', 'keys/key-pbkdf2.json', '--hint', 'new one'];
    const { code, stdout } = await type(words, {}, steps);
    t.is(code, 0, stdout);
    t.false(/typed|correct/.test(stdout));
    const { file, secret } = openIndependently(await read('keys/key-pbkdf2.json'), 'typed-new');
    t.is(secret, secretOf('key-pbkdf2.json'));
    t.like(file, { created: '2026-11-22T12:05:24+00:00', hint: 'new one' });
  }));

test('the environment has the old password only', (t) =>
  withKeys(async ({ type, read }) => {
    const steps: [string, string][] = [
      ['New Password: ', 'typed-new\r'],
      [VERIFY, 'typed-new\r'],
    ];
    const env = { PBS_ENCRYPTION_PASSWORD: PASSWORD };
    const result = await type(['change-passphrase', 'keys/key-pbkdf2.json', '--kdf', 'pbkdf2'], env, steps);
    t.is(result.code, 0, result.stdout);
    t.is(
      openIndependently(await read('keys/key-pbkdf2.json'), 'typed-new').secret,
      secretOf('key-pbkdf2.json'),
    );
  }));

test('create-master-key makes a pair for its owner only, which gets a key back', (t) =>
  withKeys(async ({ type, run, read, directory }) => {
    const { code, stdout } = await type(['create-master-key'], {}, [
      ['Master Key Password: ', 'typed-master\r'],
      [VERIFY, 'typed-master\r'],
    ]);
    t.is(code, 0, stdout);
    t.false(stdout.includes('typed'));
    const modes = ['master-private.pem', 'master-public.pem'].map(
      async (name) => (await lstat(join(directory, name))).mode & 0o7777,
    );
    t.deepEqual(await Promise.all(modes), [0o600, 0o644]);
    t.true((await read('master-private.pem')).startsWith('-----BEGIN ENCRYPTED PRIVATE KEY-----\n'));
    const shown = await run(['show-master-pubkey', 'master-public.pem', '--output-format', 'json']);
    t.like(JSON.parse(shown.stdout), { length: 4096, exponent: '65537' });
  }));

const SEALED = ['--master-keyfile', 'keys/master-private.pem', '--encrypted-keyfile'];

test('import-with-master-key gets a key back, of the restored file and of the blob', (t) =>
  withKeys(async ({ type, read, write, defaultKey }) => {
    await write('sealed', fixture('blobs/encrypt-scrypt/rsa-encrypted.key.blob').subarray(12));
    await write('old', 'whatever was there');
    const master: [string, string] = ['Master Key Password: ', `${MASTER_PASSWORD}\r`];
    const result = await type(['import-with-master-key', 'old', ...SEALED, 'sealed'], {}, [
      master,
      ['New Password: ', 'typed-new\r'],
      [VERIFY, 'typed-new\r'],
    ]);
    t.is(result.code, 0, result.stdout);
    t.false(/typed|master pass/.test(result.stdout));
    const { file, secret } = openIndependently(await read('old'), 'typed-new');
    t.is(secret, secretOf('key-scrypt.json'));
    t.is(file.created, '2026-11-22T12:05:23+00:00');
    const words = ['import-with-master-key', '--kdf', 'none', ...SEALED, 'keys/sealed.blob'];
    const first = await type(words, {}, [master]);
    t.is(first.code, 0, first.stdout);
    t.true(first.stdout.includes(`creating default key at: "${defaultKey}"`));
    t.is((await lstat(defaultKey)).mode & 0o7777, 0o600);
    const second = await type(words, {}, []);
    t.is(second.code, 1);
    t.regex(second.stdout, /something of this name exists already/);
  }));

test('a wrong master password and a damaged file are errors, and leave what was there', (t) =>
  withKeys(async ({ type, read, write }) => {
    await write('old', 'whatever was there');
    const damaged = fixture('blobs/encrypt-scrypt/rsa-encrypted.key.blob').subarray(12);
    damaged[30]! ^= 1;
    await write('damaged', damaged);
    const lines: readonly [string, string, RegExp][] = [
      ['keys/sealed.blob', 'typed-wrong', /unable to decrypt the master key .*: the password is wrong/],
      ['damaged', MASTER_PASSWORD, /damaged: this was not encrypted for this master key/],
    ];
    for (const [name, password, message] of lines) {
      const words = ['import-with-master-key', 'old', '--kdf', 'none', ...SEALED, name];
      const { code, stdout } = await type(words, {}, [['Master Key Password: ', `${password}\r`]]);
      t.is(code, 1);
      t.regex(stdout, message);
      t.false(/typed|master pass/.test(stdout));
    }
    t.is(await read('old'), 'whatever was there');
  }));
