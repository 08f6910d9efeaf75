/** `restat key` without a terminal. cli.md §6. */
import { chmod, lstat, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KEYS, openIndependently, PASSWORD } from '../keys/vectors.js';
import type { RunResult } from '../support/cli.js';
import { recordedOutputs } from './golden.js';
import { withKeys } from './key-world.js';

const QUIET = { code: 0, stdout: '', stderr: '' };
const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o7777;
const said = ({ stdout, stderr }: RunResult): string => stdout + stderr;
const secretOf = (file: string): string => KEYS.find((key) => key.file === file)!.enc_key;

test('key create makes keys that an independent reader opens', (t) =>
  withKeys(async ({ run, read, directory }) => {
    const password = { PBS_ENCRYPTION_PASSWORD: 'pass word\nsecond line' };
    t.like(await run(['create', 'a', '--hint', 'h'], password), QUIET);
    t.like(await run(['create', 'b', '--kdf', 'pbkdf2'], password), QUIET);
    t.like(await run(['create', 'c', '--kdf=none']), QUIET);
    const files = [];
    for (const name of ['a', 'b', 'c']) {
      files.push(openIndependently(await read(name), 'pass word'));
      t.is(await modeOf(join(directory, name)), 0o600);
    }
    t.deepEqual(
      files.map(({ file }) => Object.keys(file.kdf ?? { none: 0 })[0]),
      ['Scrypt', 'PBKDF2', 'none'],
    );
    t.is(new Set(files.map(({ secret }) => secret)).size, 3);
    t.is(files[0]!.file.hint, 'h');
    t.deepEqual((await readdir(directory)).sort(), ['a', 'b', 'c', 'home', 'keys']);
  }));

test('key create and key show know the default place', (t) =>
  withKeys(async ({ run, defaultKey, directory }) => {
    const made = await run(['create', '--kdf', 'none']);
    t.like(made, { code: 0, stdout: '', stderr: `creating default key at: "${defaultKey}"\n` });
    t.deepEqual([await modeOf(defaultKey), await modeOf(join(defaultKey, '..'))], [0o600, 0o700]);
    const shown = JSON.parse((await run(['show', '--output-format', 'json'])).stdout);
    t.is(shown.path, `"${defaultKey}"`);
    const again = await run(['create', '--kdf', 'none']);
    t.is(again.code, 1);
    t.regex(again.stderr, /encryption-key\.json" - something of this name exists already/);
    t.false(again.stderr.includes('creating'));
    t.is(JSON.parse((await run(['show', '--output-format', 'json'])).stdout).fingerprint, shown.fingerprint);
    const config = join(directory, 'config');
    t.like(await run(['create', '--kdf', 'none'], { XDG_CONFIG_HOME: config }), { code: 0 });
    t.is(await modeOf(join(config, 'proxmox-backup/encryption-key.json')), 0o600);
  }));

test('a key of the machine is found after that of the user', (t) =>
  withKeys(async ({ run, write, directory }) => {
    const machine = join(directory, 'etc');
    await mkdir(join(machine, 'proxmox-backup'), { recursive: true });
    await write('etc/proxmox-backup/encryption-key.json', KEYS[1]!.bytes);
    const env = { XDG_CONFIG_DIRS: `relative:${join(directory, 'none')}:${machine}` };
    const show = async () => JSON.parse((await run(['show', '--output-format=json'], env)).stdout);
    t.is((await show()).fingerprint, KEYS[1]!.show['fingerprint']);
    t.is((await run(['create', '--kdf', 'none'], env)).code, 0);
    t.not((await show()).fingerprint, KEYS[1]!.show['fingerprint']);
  }));

test('key show and show-master-pubkey print what the reference client prints', (t) =>
  withKeys(async ({ run, directory }) => {
    await symlink('keys', join(directory, 'blobs'));
    const lines = recordedOutputs.filter(({ arguments: words }) => words[0] === 'key');
    t.is(lines.length, 3);
    for (const { arguments: words, stdout } of lines)
      t.like(await run(words.slice(1)), { code: 0, stdout, stderr: '' });
    for (const { file, show, enc_key: secret } of KEYS) {
      const { stdout } = await run(['show', `keys/${file}`, '--output-format', 'json']);
      t.deepEqual(JSON.parse(stdout), { ...show, path: `"keys/${file}"` });
      for (const format of ['text', 'json', 'json-pretty']) {
        const text = said(await run(['show', `keys/${file}`, '--output-format', format]));
        for (const shape of ['hex', 'base64'] as const)
          t.false(text.includes(Buffer.from(secret, 'hex').toString(shape).slice(0, 20)));
      }
    }
  }));

test('key show draws a table, and a hint cannot write to the terminal', (t) =>
  withKeys(async ({ run, write, read }) => {
    const { stdout } = await run(['show', 'keys/key-pbkdf2.json']);
    t.regex(stdout, /│ kdf {9}│ pbkdf2 +│\n[^\n]*\n│ created {5}│ Sun Nov 22 12:05:24 2026 +│/);
    t.regex(stdout, /│ hint {8}│ horse with battery +│/);
    await write('k', (await read('keys/key-pbkdf2.json')).replace('horse', '\\u001b[2J'));
    t.true((await run(['show', 'k'])).stdout.includes('\\x1b[2J with battery'));
    t.regex((await run(['show-master-pubkey', 'keys/master-public.pem'])).stdout, /│ length {3}│ 4096 +│/);
  }));

test('the password comes from the variable, a descriptor, a file or a command', (t) =>
  withKeys(async ({ run, write, read }) => {
    await write('password', `${PASSWORD}\n`);
    const variants: readonly [Record<string, string>, string][] = [
      [{ PBS_ENCRYPTION_PASSWORD: PASSWORD }, 'exec "$@"'],
      [{ PBS_ENCRYPTION_PASSWORD_FD: '5' }, 'exec "$@" 5<password'],
      [{ PBS_ENCRYPTION_PASSWORD_FILE: 'password' }, 'exec "$@"'],
      [{ PBS_ENCRYPTION_PASSWORD_CMD: 'cat password' }, 'exec "$@"'],
    ];
    for (const [env, script] of variants) {
      await write('k', await read('keys/key-pbkdf2.json'));
      t.like(await run(['change-passphrase', 'k', '--kdf', 'none'], env, ['sh', '-c', script, 'sh']), QUIET);
      t.is(openIndependently(await read('k'), '').secret, secretOf('key-pbkdf2.json'));
    }
    const failed = await run(['change-passphrase', 'keys/key-pbkdf2.json', '--kdf', 'none'], {
      PBS_ENCRYPTION_PASSWORD_FILE: 'nowhere',
    });
    t.is(failed.code, 1);
    t.regex(failed.stderr, /^Error: PBS_ENCRYPTION_PASSWORD_FILE: cannot be read \(ENOENT\)\n/);
  }));

test('change-passphrase keeps the key and when it was made, and follows a link', (t) =>
  withKeys(async ({ run, read, directory }) => {
    await symlink('keys/key-scrypt.json', join(directory, 'link'));
    await chmod(join(directory, 'keys/key-scrypt.json'), 0o644);
    const env = { PBS_ENCRYPTION_PASSWORD: PASSWORD };
    t.like(await run(['change-passphrase', 'link', '--kdf', 'none'], env), QUIET);
    const { file, secret } = openIndependently(await read('link'), '');
    t.is(secret, secretOf('key-scrypt.json'));
    t.is(file.created, '2026-11-22T12:05:23+00:00');
    t.not(file.modified, file.created);
    t.is(file.hint, undefined);
    t.true((await lstat(join(directory, 'link'))).isSymbolicLink());
    t.is(await modeOf(join(directory, 'keys/key-scrypt.json')), 0o600);
  }));

test('a wrong password leaves the key as it is, and is nowhere to be read', (t) =>
  withKeys(async ({ run, read }) => {
    const before = await read('keys/key-scrypt.json');
    const env = { PBS_ENCRYPTION_PASSWORD: 'wr0ng-pass' };
    const result = await run(['change-passphrase', 'keys/key-scrypt.json', '--kdf', 'none'], env);
    t.is(result.code, 1);
    t.regex(
      result.stderr,
      /^Error: unable to decrypt the key: the password is wrong \(password hint: horse with battery\)\n/,
    );
    t.false(said(result).includes('wr0ng'));
    t.is(await read('keys/key-scrypt.json'), before);
  }));

test('without a terminal and a password the commands end, and nothing is made', (t) =>
  withKeys(async ({ run, directory }) => {
    const noTty = /^Error: unable to read passphrase - no tty/;
    const noWay = /^Error: no password input mechanism available/;
    const sealed = ['--master-keyfile', 'keys/master-private.pem', '--encrypted-keyfile', 'keys/sealed.blob'];
    const lines: readonly [string[], RegExp][] = [
      [['create', 'k'], noTty],
      [['change-passphrase', 'keys/key-none.json'], noTty],
      [['change-passphrase', 'keys/key-scrypt.json', '--kdf', 'none'], noWay],
      [['create-master-key'], noTty],
      [['import-with-master-key', 'k', ...sealed], noTty],
    ];
    for (const [words, message] of lines) {
      const { code, stderr } = await run(words);
      t.is(code, 1);
      t.regex(stderr, message, words.join(' '));
    }
    t.deepEqual((await readdir(directory)).sort(), ['home', 'keys']);
    t.deepEqual(await readdir(join(directory, 'home')), []);
  }));

test('nothing is written over, and no link is followed, by key create and create-master-key', (t) =>
  withKeys(async ({ run, write, read, directory }) => {
    await write('file', 'mine');
    await symlink('elsewhere', join(directory, 'link'));
    await symlink('elsewhere', join(directory, 'master-private.pem'));
    for (const words of [
      ['create', 'file', '--kdf', 'none'],
      ['create', 'link', '--kdf', 'none'],
      ['create-master-key'],
    ]) {
      const { code, stderr } = await run(words);
      t.is(code, 1);
      t.regex(stderr, /^Error: unable to store ".*" - something of this name exists already/);
    }
    t.is(await read('file'), 'mine');
    t.deepEqual((await readdir(directory)).sort(), ['file', 'home', 'keys', 'link', 'master-private.pem']);
  }));

test('files that are no keys are named errors, and show nothing of what is in them', (t) =>
  withKeys(async ({ run, write }) => {
    const secret = KEYS[0]!.bytes.toString();
    await write('large', Buffer.alloc(10_000_000, secret));
    await write('cut', secret.slice(0, -10));
    await write('empty', '');
    await write('greedy', KEYS[1]!.bytes.toString().replace('65536', '1073741824'));
    const wrong: readonly [string, RegExp][] = [
      ['large', /^Error: "large" has more than 65536 bytes\n/],
      ['cut', /^Error: cut: this is no key file: it is not JSON\n/],
      ['empty', /^Error: empty: this is no key file: it has no member 'data'/],
      ['greedy', /^Error: the key asks for more scrypt than is allowed/],
      ['keys', /^Error: "keys" is not a regular file\n/],
      ['none', /^Error: unable to read "none" - there is no such file\n/],
      ['/dev/zero', /^Error: "\/dev\/zero" is not a regular file\n/],
    ];
    for (const [name, message] of wrong) {
      for (const words of [
        ['show', name],
        ['paperkey', name],
        ['change-passphrase', name, '--kdf', 'none'],
      ]) {
        const result = await run(words, { PBS_ENCRYPTION_PASSWORD: PASSWORD });
        t.is(result.code, 1);
        t.regex(result.stderr, message, words.join(' '));
        t.false(said(result).includes(secret.slice(100, 120)));
      }
    }
  }));

test('a file that does not fit, and a program that is killed, leave nothing behind', (t) =>
  withKeys(async ({ run, read, directory }) => {
    const before = await read('keys/key-none.json');
    const large = ['prlimit', '--fsize=100'];
    const killed = (call: string): string[] => [
      ...['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
      ...['-e', `inject=${call}:signal=KILL:when=1`],
    ];
    for (const wrapper of [large, killed('linkat'), killed('fsync')]) {
      t.not((await run(['create', 'k', '--kdf', 'none'], {}, wrapper)).code, 0);
      t.not((await run(['change-passphrase', 'keys/key-none.json', '--kdf', 'none'], {}, wrapper)).code, 0);
      t.is(await read('keys/key-none.json'), before);
    }
    t.deepEqual((await readdir(directory)).sort(), ['home', 'keys']);
    const late = await run(
      ['change-passphrase', 'keys/key-none.json', '--kdf', 'none'],
      {},
      killed('rename'),
    );
    t.not(late.code, 0);
    t.is(await read('keys/key-none.json'), before);
    const left = (await readdir(join(directory, 'keys'))).filter((name) => name.startsWith('.restat-tmp.'));
    t.is(left.length, 1);
    t.is(await modeOf(join(directory, 'keys', left[0]!)), 0o600);
    t.is(openIndependently(await read(`keys/${left[0]}`), '').secret, secretOf('key-none.json'));
  }));

test('a public master key goes to its default place, and is replaced by another', (t) =>
  withKeys(async ({ run, read, write, defaultMaster }) => {
    const pem = await read('keys/master-public.pem');
    await write('padded.pem', `some words before it\n${pem}`);
    for (const name of ['padded.pem', 'keys/master-public.pem']) {
      t.like(await run(['import-master-pubkey', name]), {
        code: 0,
        stderr: `Imported the public master key to "${defaultMaster}".\n`,
      });
      t.is(await readFile(defaultMaster, 'utf8'), pem);
    }
    t.deepEqual([await modeOf(defaultMaster), await modeOf(join(defaultMaster, '..'))], [0o644, 0o700]);
    t.is(
      JSON.parse((await run(['show-master-pubkey', '--output-format', 'json'])).stdout).path,
      defaultMaster,
    );
    for (const name of ['keys/master-private.pem', 'keys/key-none.json']) {
      const { code, stderr } = await run(['import-master-pubkey', name]);
      t.is(code, 1);
      t.regex(stderr, /this is no PEM file of a public key/);
    }
    t.is(await readFile(defaultMaster, 'utf8'), pem);
  }));

test('options that are needed are asked for', (t) =>
  withKeys(async ({ run }) => {
    t.like(await run(['import-with-master-key', 'k', '--encrypted-keyfile', 'x']), { code: 2 });
    const { stderr } = await run(['import-with-master-key', 'k', '--master-keyfile', 'x']);
    t.regex(stderr, /^Error: --encrypted-keyfile is needed\nSee: restat help key import-with-master-key\n/);
    t.regex(
      (await run(['show-master-pubkey'])).stderr,
      /^Error: no master key file provided and no default file found\n/,
    );
    t.like(await run(['create', 'k', '--hint', '']), { code: 2 });
  }));
