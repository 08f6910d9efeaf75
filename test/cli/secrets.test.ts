import { openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { findSecret, optionalSecret } from '../../src/cli/secrets.js';
import { splitWords } from '../../src/cli/secrets-words.js';
import { withTemporaryDirectory } from '../support/world.js';

/** All sources of PBS_PASSWORD, each with its own value. */
async function withSources(
  use: (sources: Readonly<Record<string, string>>, directory: string) => Promise<void>,
): Promise<void> {
  await withTemporaryDirectory(async (directory) => {
    const file = (name: string): string => join(directory, name);
    await mkdir(file('credentials'));
    await writeFile(file('file'), 'of file\r\nsecond line');
    await writeFile(file('fd'), 'of descriptor\nsecond line\n');
    await writeFile(file('credentials/proxmox-backup-client.password'), 'of credential\nboth lines\n');
    await use(
      {
        PBS_PASSWORD: 'of variable\nsecond line',
        // Whoever reads it closes it: its number may then belong to somebody else, so nobody here may close it again.
        PBS_PASSWORD_FD: String(openSync(file('fd'), 'r')),
        PBS_PASSWORD_FILE: file('file'),
        PBS_PASSWORD_CMD: `printf 'of "command"\\nsecond'`,
        CREDENTIALS_DIRECTORY: file('credentials'),
      },
      directory,
    );
  });
}

test('the first source that exists wins, and only its first line counts', (t) =>
  withSources(async (sources) => {
    const env: NodeJS.ProcessEnv = { ...sources };
    const values: (string | undefined)[] = [];
    for (const name of [...Object.keys(sources), '']) {
      values.push(await findSecret(env, 'PBS_PASSWORD'));
      delete env[name];
    }
    t.deepEqual(values, [
      'of variable',
      'of descriptor',
      'of file',
      'of "command"',
      'of credential\nboth lines\n',
      undefined,
    ]);
  }));

test('each secret has its own names', (t) =>
  withSources(async (sources) => {
    t.is(await findSecret(sources, 'PBS_FINGERPRINT'), undefined);
    t.is(await findSecret({ PBS_FINGERPRINT_CMD: 'echo aa:bb' }, 'PBS_FINGERPRINT'), 'aa:bb');
    t.is(await findSecret({ PBS_REPOSITORY: '' }, 'PBS_REPOSITORY'), '');
  }));

const FAILING: readonly (readonly [source: string, value: string, message: RegExp])[] = [
  ['PBS_PASSWORD_FD', 'x', /PBS_PASSWORD_FD: 'x' is no file descriptor/],
  ['PBS_PASSWORD_FD', '999999', /PBS_PASSWORD_FD: cannot be read \(EBADF\)/],
  ['PBS_PASSWORD_FILE', '/nonexistent/file', /PBS_PASSWORD_FILE: cannot be read \(ENOENT\)/],
  ['PBS_PASSWORD_FILE', '/', /PBS_PASSWORD_FILE: cannot be read \(EISDIR\)/],
  ['PBS_PASSWORD_FILE', '/dev/zero', /PBS_PASSWORD_FILE: cannot be read \(EFBIG\)/],
  ['PBS_PASSWORD_CMD', '', /PBS_PASSWORD_CMD: this is no command line/],
  ['PBS_PASSWORD_CMD', 'echo "open', /PBS_PASSWORD_CMD: this is no command line/],
  ['PBS_PASSWORD_CMD', '/nonexistent/program', /PBS_PASSWORD_CMD: .* failed \(ENOENT\)/],
  ['PBS_PASSWORD_CMD', "sh -c 'echo geheim; echo geheim >&2; exit 3'", /PBS_PASSWORD_CMD: sh failed \(3\)$/],
];

for (const [source, value, message] of FAILING) {
  test(`${source}=${value} is an error, whatever else there is, and repeats no secret`, (t) =>
    withSources(async ({ CREDENTIALS_DIRECTORY }) => {
      const error = await t.throwsAsync(
        findSecret({ [source]: value, CREDENTIALS_DIRECTORY }, 'PBS_PASSWORD'),
        {
          code: 'SECRET_UNREADABLE',
          message,
        },
      );
      t.false(`${error.stack}${String(error.cause)}`.includes('geheim'));
    }));
}

test('a credential that is not UTF-8 is an error', (t) =>
  withTemporaryDirectory(async (directory) => {
    await writeFile(join(directory, 'proxmox-backup-client.password'), Buffer.from([0x61, 0xff]));
    await t.throwsAsync(findSecret({ CREDENTIALS_DIRECTORY: directory }, 'PBS_PASSWORD'), {
      code: 'SECRET_UNREADABLE',
    });
  }));

test('a repository or fingerprint that cannot be had is a warning', async (t) => {
  const warnings: string[] = [];
  const env = { PBS_FINGERPRINT_FILE: '/nonexistent/file' };
  t.is(await optionalSecret(env, 'PBS_FINGERPRINT', (text) => warnings.push(text)), undefined);
  t.deepEqual(warnings, ['PBS_FINGERPRINT_FILE: cannot be read (ENOENT)']);
});

const WORDS: readonly (readonly [line: string, words: readonly string[] | undefined])[] = [
  ['', []],
  ['  a  b\tc\n', ['a', 'b', 'c']],
  [`pass show 'my server'`, ['pass', 'show', 'my server']],
  [`a"b c"d'e "f'`, ['ab cde "f']],
  [`"a \\"b\\" \\$HOME \\x"`, ['a "b" $HOME \\x']],
  [`$HOME *`, ['$HOME', '*']],
  [`a\\ b '' ""`, ['a b', '', '']],
  [`'a`, undefined],
  [`"a\\"`, undefined],
  ['a\\', undefined],
];

for (const [line, words] of WORDS) {
  test(`${JSON.stringify(line)} is taken apart as a shell would`, (t) => {
    t.deepEqual(splitWords(line), words === undefined ? undefined : [...words]);
  });
}
