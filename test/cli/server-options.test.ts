import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { systemAuthorities } from '../../src/cli/authorities.js';
import { commands } from '../../src/cli/commands.js';
import type { Context } from '../../src/cli/context.js';
import { UsageError } from '../../src/cli/errors.js';
import { normalise } from '../../src/cli/normalise.js';
import { parseInvocation } from '../../src/cli/parse.js';
import { namedRepository } from '../../src/cli/server-options.js';
import { configFile, runtimeFile } from '../../src/cli/xdg.js';
import { makeSigned } from '../support/authority.js';
import { withTemporaryDirectory } from '../support/world.js';

/** What `restat list WORDS…` works on in this environment. */
async function named(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string | undefined> {
  const { stdin, stdout, stderr } = process;
  const signal = new AbortController().signal;
  const clock = () => ({ seconds: 0, nanoseconds: 0 });
  const context: Context = { env, stdin, stdout, stderr, clock, signal, root: false };
  const spec = await namedRepository(parseInvocation(normalise(commands, ['list', ...words])), context);
  return spec?.kind === 'local' ? spec.directory : spec?.canonical;
}

const usage = (message: RegExp) => ({ instanceOf: UsageError, message });
const ALL = {
  PBS_REPOSITORY: 'env:fromenv',
  PBS_SERVER: 'atom',
  PBS_PORT: '9007',
  PBS_DATASTORE: 'fromatom',
  PBS_AUTH_ID: 'ann@pbs',
};

test('--repository is used as it is, whatever the environment says', async (t) => {
  t.is(await named(['--repository', 'h:s'], ALL), 'h:s');
  t.is(await named(['--repository', '/dir'], ALL), '/dir');
});

test('--repository and an option for a part of it exclude each other', async (t) => {
  for (const words of [
    ['--server', 'h'],
    ['--port', '1'],
    ['--datastore', 's'],
    ['--auth-id', 'u@pam'],
  ])
    await t.throwsAsync(named(['--repository', 'h:s', ...words]), usage(/exclude each other/));
});

test('one part as an option takes the other parts from their variables, not from PBS_REPOSITORY', async (t) => {
  t.is(await named(['--server', 'h'], ALL), 'ann@pbs@h:9007:fromatom');
  t.is(await named(['--datastore', 's'], { PBS_REPOSITORY: 'env:fromenv' }), 's');
  const all = ['--server', '::1', '--port', '1', '--datastore', 's', '--auth-id', 'u@pam!t'];
  t.is(await named(all, ALL), 'u@pam!t@[::1]:1:s');
  await t.throwsAsync(named(['--server', 'h'], { PBS_REPOSITORY: 'h:s' }), usage(/--datastore is needed/));
});

test('without options PBS_REPOSITORY comes before the variables for its parts', async (t) => {
  t.is(await named([], ALL), 'env:fromenv');
  const { PBS_REPOSITORY, ...atoms } = ALL;
  t.is(await named([], atoms), 'ann@pbs@atom:9007:fromatom');
  t.is(await named([], { ...atoms, PBS_REPOSITORY_CMD: `echo ${PBS_REPOSITORY}` }), PBS_REPOSITORY);
  t.is(await named([], {}), undefined);
  t.is(await named([], { PBS_SERVER: 'h' }), undefined);
});

test('a port or user in the environment that cannot be understood is not set', async (t) => {
  const env = { PBS_DATASTORE: 's', PBS_PORT: '99999', PBS_AUTH_ID: 'nobody' };
  t.is(await named([], env), 's');
});

test('parts that break the grammar are usage errors', async (t) => {
  const parts: readonly (readonly [string, string])[] = [
    ['--server', 'a b'],
    ['--datastore', 'a/b'],
    ['--auth-id', 'ann'],
  ];
  for (const [option, value] of parts)
    await t.throwsAsync(named([option, value], { PBS_DATASTORE: 's' }), { instanceOf: UsageError });
});

test('a rate makes no sense for a directory', async (t) => {
  await t.throwsAsync(named(['--repository', '/dir', '--rate', '1MB']), usage(/--rate limits a network/));
  await t.throwsAsync(named(['--burst', '1MB']), usage(/--burst limits a network/));
  t.is(await named(['--repository', 'h:s', '--rate', '1MB']), 'h:s');
});

test('files lie where the XDG variables say, relative ones do not count', (t) => {
  t.is(configFile({ XDG_CONFIG_HOME: '/c' }, '/home/u', 'f'), '/c/proxmox-backup/f');
  t.is(configFile({ XDG_CONFIG_HOME: 'c' }, '/home/u', 'f'), '/home/u/.config/proxmox-backup/f');
  t.is(configFile({}, '/home/u', 'f'), '/home/u/.config/proxmox-backup/f');
});

test('a runtime directory has to be a directory for its owner only', (t) =>
  withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'run');
    const found = () => runtimeFile({ XDG_RUNTIME_DIR: path }, 'tickets');
    t.is(await found(), undefined);
    await mkdir(path);
    await chmod(path, 0o755);
    t.is(await found(), undefined);
    await chmod(path, 0o700);
    t.is(await found(), join(path, 'proxmox-backup/tickets'));
    await symlink(path, join(directory, 'link'));
    t.is(await runtimeFile({ XDG_RUNTIME_DIR: join(directory, 'link') }, 'tickets'), undefined);
    t.is(await runtimeFile({}, 'tickets'), undefined);
  }));

test('authorities are those of the variables, or else some of the system', (t) =>
  withTemporaryDirectory(async (directory) => {
    const [a, b] = [
      (await makeSigned('DNS:a')).authority.trim(),
      (await makeSigned('DNS:b')).authority.trim(),
    ];
    await writeFile(join(directory, 'bundle'), `# two\n${a}\ntext\n${b}\n`);
    await mkdir(join(directory, 'certs'));
    await writeFile(join(directory, 'certs', '0a1b2c3d.0'), a);
    await writeFile(join(directory, 'certs', 'b.key'), b);
    const file = join(directory, 'bundle');
    const certs = join(directory, 'certs');
    t.deepEqual(await systemAuthorities({ SSL_CERT_FILE: file }), [a, b]);
    t.deepEqual(await systemAuthorities({ SSL_CERT_DIR: `/nonexistent:${certs}` }), [a]);
    t.deepEqual(await systemAuthorities({ SSL_CERT_FILE: file, SSL_CERT_DIR: certs }), [a, b]);
    t.deepEqual(await systemAuthorities({ SSL_CERT_FILE: '/nonexistent' }), []);
    t.true((await systemAuthorities({})).length > 10);
  }));
