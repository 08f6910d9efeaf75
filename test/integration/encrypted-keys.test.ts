/** Where the key of a command and its password come from, and what is said when they do not. cli.md §2.3. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { z } from 'zod';
import { PASSWORD } from '../keys/vectors.js';
import {
  BARE,
  ENCRYPTED,
  ENCRYPTED_DISK,
  type EncryptedWorld,
  PLAIN,
  SCRYPT,
  SIGNED,
  WITH_PASSWORD,
  withEncrypted,
} from '../support/encrypted-world.js';
import { goldenKey } from '../support/golden-store.js';

const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
/** Seconds after which a program that waits for what is never typed is ended. */
const PATIENCE = '120';
const CAT = ['cat', ENCRYPTED, 'root.pxar', 'd00.txt'];
const SIGNED_CAT = ['cat', SIGNED, 'root.pxar', 'd00.txt'];

/** Makes a recorded key the default one; the environment in which it is. */
function defaultKey({ target }: EncryptedWorld, name: string): Record<string, string> {
  const config = `${target}.config`;
  mkdirSync(join(config, 'proxmox-backup'), { recursive: true });
  cpSync(goldenKey(name), join(config, 'proxmox-backup/encryption-key.json'));
  return { XDG_CONFIG_HOME: config };
}

/** Runs the command with a key at descriptor 3 or as its standard input. */
const FILE = ['sh', '-c', 'exec "$@" 3< "$KEY"', 'sh'];
const PIPE = ['sh', '-c', 'cat "$KEY" | "$@"', 'sh'];

for (const [what, wrapper, fd] of [
  ['an open file', FILE, '3'],
  ['a pipe', PIPE, '0'],
] as const) {
  test(`a key is read from ${what}`, (t) =>
    withEncrypted(async ({ run }) => {
      const env = { KEY: goldenKey('key-none.json') };
      const args = [...SIGNED_CAT, '--keyfd', fd];
      t.is((await run(args, { env, wrapper })).stdout.length, 500);
      const locked = { KEY: goldenKey('key-scrypt.json'), ...WITH_PASSWORD };
      t.is((await run([...CAT, `--keyfd=${fd}`], { env: locked, wrapper })).stdout.length, 500);
      const wrong = await run(args, { env: locked, wrapper });
      t.regex(wrong.stderr, /^Error: wrong key - unable to verify signature since manifest's key 7b:b6/);
    }));
}

test('descriptors that have no key are errors', (t) =>
  withEncrypted(async ({ run, target }) => {
    const closed = await run([...CAT, '--keyfd', '999999']);
    t.is(closed.code, 1);
    t.regex(closed.stderr, /^Error: unable to read descriptor 999999\n\nCaused by:\n {4}EBADF/);
    writeFileSync(target, 'x'.repeat(2_000_000));
    const long = await run([...CAT, '--keyfd', '3'], { env: { KEY: target }, wrapper: FILE });
    t.regex(long.stderr, /^Error: descriptor 3 has more than \d+ bytes\n/);
    const both = await run([...CAT, '--keyfd', '3', ...SCRYPT]);
    t.is(both.code, 2);
    t.regex(both.stderr, /^Error: --keyfile and --keyfd cannot be used together\nSee: restat help cat\n/);
  }));

test('the password of a key comes from the environment, a file, a descriptor or a command', (t) =>
  withEncrypted(async ({ run, target }) => {
    writeFileSync(target, `${PASSWORD}\nmore\n`);
    const name = 'PBS_ENCRYPTION_PASSWORD';
    const ways: Record<string, string>[] = [
      { [name]: PASSWORD },
      { [`${name}_FILE`]: target },
      { [`${name}_CMD`]: `head -n 1 '${target}'` },
      { [`${name}_FD`]: '3', KEY: target },
    ];
    for (const env of ways) {
      const result = await run([...CAT, ...SCRYPT], { env, wrapper: env['KEY'] === undefined ? [] : FILE });
      t.is(result.stdout.length, 500, result.stderr);
    }
    const nothing = await run([...CAT, ...SCRYPT], { env: { [`${name}_FILE`]: `${target}.none` } });
    t.is(nothing.code, 1);
    t.regex(nothing.stderr, /^Error: PBS_ENCRYPTION_PASSWORD_FILE\b/);
  }));

test('at a terminal the password is asked for, once', (t) =>
  withEncrypted(async ({ run }) => {
    const wrapper = ['timeout', PATIENCE, 'python3', TERMINAL];
    const steps = (password: string): string =>
      JSON.stringify([['Encryption Key Password: ', `${password}\r`]]);
    const found = await run(['find', 'd00.txt', '--group', 'host/crypt', ...SCRYPT], {
      wrapper: [...wrapper, steps(PASSWORD)],
    });
    t.is(found.code, 0, found.stdout);
    t.is(found.stdout.match(/^host\/crypt\/\S+ root\.pxar/gm)?.length, 3);
    t.is(found.stdout.match(/Password/g)?.length, 1);
    const wrong = await run([...CAT, ...SCRYPT], { wrapper: [...wrapper, steps('not this one')] });
    t.is(wrong.code, 1);
    t.regex(wrong.stdout, /Error: unable to decrypt the key: the password is wrong/);
  }));

const errorLine = z.looseObject({ type: z.literal('error'), message: z.string(), code: z.string() });

for (const [what, words, env, message, code] of [
  [
    'a wrong password',
    SCRYPT,
    { PBS_ENCRYPTION_PASSWORD: 'wrong' },
    'unable to decrypt the key: the password is wrong (password hint: horse with battery)',
    'KEY_PASSWORD',
  ],
  [
    'no password and no terminal',
    SCRYPT,
    {},
    'no password input mechanism available: set PBS_ENCRYPTION_PASSWORD, PBS_ENCRYPTION_PASSWORD_FILE or use a terminal',
    'PASSWORD_UNAVAILABLE',
  ],
  ['no key', [], {}, 'missing key - manifest was created with key e1:3c:81:47:97:ab:69:8a', 'KEY_MISSING'],
  [
    'another key',
    BARE,
    {},
    "wrong key - unable to verify signature since manifest's key e1:3c:81:47:97:ab:69:8a does not match provided key 7b:b6:d1:bb:21:d2:0e:52",
    'KEY_WRONG',
  ],
  [
    'a key file that is not there',
    ['--keyfile', '/nonexistent/key'],
    {},
    'unable to read "/nonexistent/key" - there is no such file',
    'KEY_FILE_MISSING',
  ],
] as const) {
  test(`${what} is said, and nothing is restored`, (t) =>
    withEncrypted(async ({ run, target }) => {
      const text = await run([...CAT, ...words], { env });
      t.deepEqual([text.code, text.stdout, text.stderr.split('\n')[0]], [1, '', `Error: ${message}`]);
      const args = ['restore', ENCRYPTED, 'root.pxar', target, '--progress', 'json', ...words];
      const json = await run(args, { env });
      t.is(json.code, 1);
      t.like(errorLine.parse(JSON.parse(json.stderr.trim().split('\n').at(-1)!)), { message, code });
      t.false(existsSync(target));
    }));
}

test('the default key is taken where a snapshot needs one, with its password', (t) =>
  withEncrypted(async (world) => {
    const { run } = world;
    const env = defaultKey(world, 'key-scrypt.json');
    t.is((await run(CAT, { env: { ...env, ...WITH_PASSWORD } })).stdout.length, 500);
    t.regex((await run(CAT, { env })).stderr, /^Error: no password input mechanism available/);
    // A key that is named goes before it.
    t.is((await run([...SIGNED_CAT, ...BARE], { env })).stdout.length, 500);
    const wrong = await run(SIGNED_CAT, { env: { ...env, ...WITH_PASSWORD } });
    t.regex(wrong.stderr, /^Error: wrong key - .* 7b:b6:.* e1:3c:/);
  }));

test('a default key without password opens what was made with it', (t) =>
  withEncrypted(async (world) => {
    const env = defaultKey(world, 'key-none.json');
    t.is((await world.run(SIGNED_CAT, { env })).code, 0);
    t.is((await world.run(['restore', ENCRYPTED_DISK, 'disk0.img', world.target], { env })).code, 0);
  }));

test('a default key that is locked, or no key at all, is in nobody’s way', (t) =>
  withEncrypted(async (world) => {
    const { run, target } = world;
    const words = ['cat', PLAIN, 'root.pxar', 'docs/d00.txt'];
    const env = defaultKey(world, 'key-scrypt.json');
    t.is((await run(words, { env })).stdout.length, 500);
    writeFileSync(join(`${target}.config`, 'proxmox-backup/encryption-key.json'), 'no key');
    t.is((await run(words, { env })).stdout.length, 500);
    t.is((await run(['restore', PLAIN, 'root.pxar', target, '--pattern', 'd00.txt'], { env })).code, 0);
    t.regex((await run(CAT, { env })).stderr, /^Error: .*encryption-key\.json: this is no key file/);
  }));

test('a key that is named is missed in snapshots that were made without one', (t) =>
  withEncrypted(async ({ run }) => {
    const { code, stderr } = await run(['ls', PLAIN, 'root.pxar', ...BARE]);
    t.is(code, 1);
    t.regex(stderr, /^Error: the snapshot was made without a key: leave out the one that is named/);
  }));
