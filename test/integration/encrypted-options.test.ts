/** Which key a backup uses, and what for: every row of cli.md §2.3. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type RunResult, restat } from '../support/cli.js';
import { checkSecrets } from '../support/encrypted-world.js';
import { goldenKey } from '../support/golden-store.js';
import { type TestKey, testKey } from '../support/keyed-world.js';
import {
  fingerprintOf,
  newestSnapshot,
  readSealed,
  type SealedManifest,
} from '../support/sealed-snapshot.js';
import { withTemporaryDirectory } from '../support/world.js';

const MASTER = goldenKey('master-public.pem');
const RSA = 'rsa-encrypted.key.blob';

interface KeyWorld {
  readonly store: string;
  /** The default key and another one. */
  readonly standard: TestKey;
  readonly other: TestKey;
  /** `restat backup` of one small file. */
  backup(words: readonly string[], wrapper?: readonly string[]): Promise<RunResult>;
  /** Reads and checks the newest snapshot. */
  newest(key: TestKey | undefined, mode: string): SealedManifest;
}

/** `defaults`: which files are in the default places. */
function withDefaults(
  defaults: readonly ('key' | 'master')[],
  use: (world: KeyWorld) => Promise<void>,
): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const store = join(directory, 'store');
    await restat(['datastore', 'create', store]);
    const places = join(directory, 'config/proxmox-backup');
    mkdirSync(places, { recursive: true });
    const [standard, other] = [testKey(directory, 'standard'), testKey(directory, 'other')];
    if (defaults.includes('key')) copyFileSync(standard.path, join(places, 'encryption-key.json'));
    if (defaults.includes('master')) copyFileSync(MASTER, join(places, 'master-public.pem'));
    const source = join(directory, 'file');
    writeFileSync(source, 'content');
    let hour = 0;
    const backup = async (words: readonly string[], wrapper: readonly string[] = []): Promise<RunResult> => {
      hour += 1;
      const env = { XDG_CONFIG_HOME: join(directory, 'config'), KEY: other.path, MASTER };
      const where = ['--repository', store, '--backup-id', 't', '--sync', 'none'];
      const options = { env, wrapper, clockOffset: 3600 * hour };
      return checkSecrets(await restat(['backup', `a.conf:${source}`, ...where, ...words], options));
    };
    const newest = (key: TestKey | undefined, mode: string): SealedManifest =>
      readSealed(store, newestSnapshot(store, 'host/t'), { secret: key?.secret, mode }).manifest;
    await use({ store, standard, other, backup, newest });
  });
}

function hasMaster({ files }: SealedManifest): boolean {
  return files.some(({ filename }) => filename === RSA);
}

async function makes(
  t: ExecutionContext,
  world: KeyWorld,
  words: readonly string[],
  expected: {
    readonly key?: TestKey;
    readonly mode: string;
    readonly master?: boolean;
    readonly says?: string;
    readonly wrapper?: readonly string[];
  },
): Promise<void> {
  const { code, stderr } = await world.backup(words, expected.wrapper);
  t.is(code, 0, stderr);
  const manifest = world.newest(expected.key, expected.mode);
  t.is(hasMaster(manifest), expected.master ?? false);
  const { key, says } = expected;
  if (says !== undefined) t.true(stderr.includes(`\n${says}..\n`), stderr);
  if (key === undefined) t.notRegex(stderr, /key/);
  else t.true(stderr.includes(`\nEncryption key fingerprint: ${fingerprintOf(key.secret).slice(0, 23)}\n`));
}

test('without a default key nothing is encrypted unless a key is named', (t) =>
  withDefaults([], async (world) => {
    const { other } = world;
    await makes(t, world, [], { mode: 'none' });
    await makes(t, world, ['--crypt-mode', 'none'], { mode: 'none' });
    const says = `Using encryption key from '${other.path}'`;
    await makes(t, world, other.options, { key: other, mode: 'encrypt', says });
    await makes(t, world, ['--crypt-mode', 'encrypt', ...other.options], {
      ...{ key: other, mode: 'encrypt', says },
    });
    await makes(t, world, ['--crypt-mode', 'sign-only', ...other.options], {
      ...{ key: other, mode: 'sign-only', says },
    });
    for (const mode of ['encrypt', 'sign-only']) {
      const { code, stderr } = await world.backup(['--crypt-mode', mode]);
      t.is(code, 1);
      t.regex(stderr, /^Error: --crypt-mode without --keyfile and no default key file available$/m);
    }
    const { code, stderr } = await world.backup(['--master-pubkey-file', MASTER]);
    t.is(code, 1);
    t.regex(stderr, /^Error: --master-pubkey-file\/--master-pubkey-fd specified, but no key available$/m);
  }));

test('a default key encrypts, unless the command line says otherwise', (t) =>
  withDefaults(['key'], async (world) => {
    const { standard, other } = world;
    const says = 'Using default encryption key';
    await makes(t, world, [], { key: standard, mode: 'encrypt', says });
    await makes(t, world, ['--crypt-mode', 'none'], { mode: 'none' });
    await makes(t, world, ['--crypt-mode', 'encrypt'], { key: standard, mode: 'encrypt', says });
    await makes(t, world, ['--crypt-mode', 'sign-only'], { key: standard, mode: 'sign-only', says });
    await makes(t, world, other.options, { key: other, mode: 'encrypt' });
    await makes(t, world, ['--master-pubkey-file', MASTER], {
      ...{ key: standard, mode: 'encrypt', master: true, says },
    });
  }));

test('a default master key goes with every key', (t) =>
  withDefaults(['key', 'master'], async (world) => {
    const { standard, other } = world;
    await makes(t, world, [], { key: standard, mode: 'encrypt', master: true });
    await makes(t, world, other.options, { key: other, mode: 'encrypt', master: true });
    await makes(t, world, ['--crypt-mode', 'sign-only'], { key: standard, mode: 'sign-only', master: true });
    await makes(t, world, ['--crypt-mode', 'none'], { mode: 'none' });
  }));

test('keys and master keys come from descriptors', (t) =>
  withDefaults([], async (world) => {
    const { other } = world;
    const wrapper = ['sh', '-c', 'exec "$@" 3< "$KEY" 4< "$MASTER"', 'sh'];
    await makes(t, world, ['--keyfd', '3', '--master-pubkey-fd=4'], {
      ...{ key: other, mode: 'encrypt', master: true, wrapper },
      says: 'Using encryption key from file descriptor 3',
    });
  }));

test('options that exclude each other are usage errors, before anything is read', (t) =>
  withDefaults(['key'], async (world) => {
    const [both, masters] = ['cannot be used together', '--master-pubkey-fd'];
    for (const [words, message] of [
      [['--keyfile', '/none', '--keyfd', '3'], `--keyfile and --keyfd ${both}`],
      [['--master-pubkey-file', '/none', masters, '3'], `--master-pubkey-file and ${masters} ${both}`],
      [
        ['--crypt-mode', 'none', '--keyfile', '/none'],
        '--keyfile/--keyfd and --crypt-mode=none are mutually exclusive',
      ],
      [['--keyfd', '5', '--master-pubkey-fd', '5'], '--keyfd and --master-pubkey-fd are the same'],
      [['--keyfd', '1'], '--keyfd: 1 is for output'],
      [['--master-pubkey-fd', '2'], '--master-pubkey-fd: 2 is for output'],
      [['d.img:-', '--keyfd', '0'], 'standard input cannot be both a source and a key'],
      [
        ['--crypt-mode', 'none', '--keyfd', '9'],
        '--keyfile/--keyfd and --crypt-mode=none are mutually exclusive',
      ],
      [
        ['--crypt-mode', 'none', '--master-pubkey-file', '/none'],
        '--master-pubkey-file/--master-pubkey-fd and --crypt-mode=none are',
      ],
    ] as const) {
      const { code, stderr } = await world.backup(words);
      t.is(code, 2, stderr);
      t.true(stderr.startsWith(`Error: ${message}`), stderr);
    }
    t.deepEqual(readdirSync(world.store).sort(), ['.chunks', '.lock']);
  }));

test('keys that cannot be used end the backup before it begins', (t) =>
  withDefaults(['key'], async (world) => {
    const broken = `${world.standard.path}.broken`;
    writeFileSync(broken, '{');
    for (const [words, message] of [
      [['--keyfile', '/none/key.json'], /there is no such file/],
      [['--keyfile', broken], /broken/],
      [['--keyfile', goldenKey('key-scrypt.json')], /no password input mechanism available/],
      [['--master-pubkey-file', world.other.path], /this is no PEM file of a public key/],
      [['--master-pubkey-file', '/none.pem'], /there is no such file/],
    ] as const) {
      const { code, stderr } = await world.backup(words);
      t.is(code, 1, stderr);
      t.regex(stderr, message);
    }
    t.deepEqual(readdirSync(world.store).sort(), ['.chunks', '.lock']);
  }));

test('a default key that is there and broken is an error, not a plain backup', (t) =>
  withDefaults(['key'], async (world) => {
    const place = join(world.store, '../config/proxmox-backup/encryption-key.json');
    const key = readFileSync(place);
    for (const content of [Buffer.alloc(0), key.subarray(0, 50)]) {
      chmodSync(place, 0o600);
      writeFileSync(place, content);
      t.is((await world.backup([])).code, 1);
    }
    t.deepEqual(readdirSync(world.store).sort(), ['.chunks', '.lock']);
  }));

test('a dry run says which key it would use, and stores nothing', (t) =>
  withDefaults(['key', 'master'], async (world) => {
    const { code, stderr } = await world.backup(['--dry-run']);
    t.is(code, 0, stderr);
    t.true(stderr.includes('Using default encryption key..'));
    t.deepEqual(readdirSync(world.store).sort(), ['.chunks', '.lock']);
  }));
