/** `restat serve` with restat itself as its client. */
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ask, dial, untilClosed } from '../server/http/service-world.js';
import { makeCertificate } from '../support/replay/certificate.js';
import { addAnn, PASSWORD, withServe } from './serve-world.js';

test('a token backs up and restores, and the password of its user lists and prunes', async (t) => {
  await withServe(async (world) => {
    const { secret } = await addAnn(world);
    const [source, target] = [join(world.directory, 'source'), join(world.directory, 'target')];
    await mkdir(source);
    await writeFile(join(source, 'file'), 'x'.repeat(100_000));
    const { as, running } = await world.start();
    const token = 'ann@pbs!laptop';
    const backup = await as(token, secret, ['backup', `root.pxar:${source}`, '--backup-id', 'box']);
    t.is(backup.code, 0, backup.stderr);
    const list = await as(token, secret, ['snapshot', 'list', '--output-format', 'json']);
    t.is(JSON.parse(list.stdout).length, 1);
    const restore = await as(token, secret, ['restore', 'host/box', 'root.pxar', target]);
    t.is(restore.code, 0, restore.stderr);
    t.is(await readFile(join(target, 'file'), 'utf8'), 'x'.repeat(100_000));
    const prune = await as('ann@pbs', PASSWORD, ['prune', 'host/box', '--keep-last', '1']);
    t.is(prune.code, 0, prune.stderr);
    running.process.kill('SIGTERM');
    const { code, stderr } = await running.result;
    t.is(code, 0);
    t.regex(stderr, / session kind=backup authId=ann@pbs!laptop address=127\.0\.0\.1 /);
    t.regex(stderr, / stopping seconds=30\n\S+ stopped\n$/);
    for (const word of [secret, PASSWORD]) t.false(stderr.includes(word));
  });
});

test('login keeps a ticket that the next command uses instead of the password', async (t) => {
  await withServe(async (world) => {
    await addAnn(world);
    const runtime = join(world.directory, 'run');
    await mkdir(runtime);
    await chmod(runtime, 0o700);
    const { as, port, fingerprint } = await world.start();
    const env = { XDG_RUNTIME_DIR: runtime };
    const login = await as('ann@pbs', PASSWORD, ['login'], { env });
    t.is(login.code, 0, login.stderr);
    const { restat } = await import('../support/cli.js');
    const where = ['--repository', `ann@pbs@127.0.0.1:${port}:main`];
    const later = await restat(['version', ...where], { env: { ...env, PBS_FINGERPRINT: fingerprint } });
    t.is(later.code, 0, later.stderr);
    t.regex(later.stdout, /^server version: 4\.2\.0$/m);
    const wrong = await as('ann@pbs', 'wrong horse', ['login'], { env: { XDG_RUNTIME_DIR: '' } });
    t.is(wrong.code, 1);
  });
});

test('the certificate is made once, and a given one is used instead', async (t) => {
  await withServe(async (world) => {
    const first = await world.start();
    const second = await world.start();
    t.is(first.fingerprint, second.fingerprint);
    t.is((await stat(join(world.state, 'certificate.pem'))).mode & 0o777, 0o600);
    t.is((await stat(world.state)).mode & 0o777, 0o700);
    const { cert, key, fingerprint } = await makeCertificate();
    const [certFile, keyFile] = [join(world.directory, 'c.pem'), join(world.directory, 'k.pem')];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key);
    const third = await world.start(['--cert', certFile, '--key', keyFile]);
    t.is(third.fingerprint, fingerprint);
    const { secret } = await addAnn(world);
    t.is((await third.as('ann@pbs!laptop', secret, ['list'])).code, 0);
  });
});

test('a server without users says how to add one, and takes one without a restart', async (t) => {
  await withServe(async (world) => {
    const { as, running } = await world.start();
    const { secret } = await addAnn(world);
    t.is((await as('ann@pbs!laptop', secret, ['list'])).code, 0);
    t.is((await world.manage(['token', 'remove', 'ann@pbs!laptop'])).code, 0);
    const refused = await as('ann@pbs!laptop', secret, ['list']);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /authentication failed/);
    running.process.kill('SIGINT');
    const { code, stdout } = await running.result;
    t.is(code, 0);
    t.regex(stdout, /Nobody can log in yet\.[\s\S]*restat serve user add NAME@pbs --state-dir /);
    t.regex(stdout, /acl set \/datastore\/main NAME@pbs DatastoreAdmin/);
  });
});

test('the log can be JSON, an object in each line', async (t) => {
  await withServe(async (world) => {
    await addAnn(world);
    const { running, port } = await world.start(['--log', 'json']);
    await ask(port, '/api2/json/ping?_dc=hunter2');
    running.process.kill('SIGTERM');
    const { stderr } = await running.result;
    t.false(stderr.includes('hunter2'));
    const lines = stderr.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line));
    t.deepEqual(
      events.map(({ event }) => event),
      ['started', 'request', 'stopping', 'stopped'],
    );
    t.like(events[1], { method: 'GET', path: '/api2/json/ping', status: 200, address: '127.0.0.1' });
    for (const { time } of events) t.regex(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });
});

test('one connection too many is refused, and a second signal ends all at once', async (t) => {
  await withServe(async (world) => {
    const { running, port } = await world.start([
      '--max-connections-per-address',
      '1',
      '--stop-wait',
      '3600',
    ]);
    const only = await dial(port);
    await t.throwsAsync(dial(port));
    // A head that never ends keeps the first stop waiting.
    only.write('GET /api2/json/ping HTTP/1.1\r\n');
    const closed = untilClosed(only);
    running.process.kill('SIGTERM');
    await new Promise<void>((resolve) => {
      running.process.stderr!.on('data', (part: Buffer) => part.includes('stopping') && resolve());
    });
    running.process.kill('SIGTERM');
    t.is((await running.result).signal, 'SIGTERM');
    await closed;
  });
});

test('metrics are open on this machine where that is wanted', async (t) => {
  await withServe(async (world) => {
    const { port } = await world.start(['--metrics-open']);
    const { status, text } = await ask(port, '/metrics');
    t.is(status, 200);
    t.regex(text, /^restat_datastore_size_bytes\{datastore="main"\} \d+$/m);
  });
});

const wrong: Readonly<Record<string, readonly [words: readonly string[], message: RegExp]>> = {
  'no datastore': [[], /--datastore NAME=DIR is needed/],
  'a datastore without a name': [['--datastore', '/tmp'], /'\/tmp' is not NAME=DIR/],
  'a certificate without a key': [
    ['--datastore', 'main=/x', '--cert', 'c.pem'],
    /--cert and --key need each other/,
  ],
  'an address without a port': [['--datastore', 'main=/x', '--listen', 'localhost'], /is not HOST:PORT/],
  'a port that is too high': [['--datastore', 'main=/x', '--listen', 'localhost:65536'], /is not HOST:PORT/],
  'a bare IPv6 address': [['--datastore', 'main=/x', '--listen', '::1:8007'], /is not HOST:PORT/],
  'a name that is none': [['--datastore', 'main=/x', '--name', 'a b'], /neither a host name nor an address/],
};

for (const [what, [words, message]] of Object.entries(wrong)) {
  test(`serve does not start with ${what}`, async (t) => {
    await withServe(async ({ manage }) => {
      const { code, stderr } = await manage(words);
      t.is(code, 2);
      t.regex(stderr, message);
    });
  });
}

test('serve says what is wrong with datastores, addresses and keys, and shows no key', async (t) => {
  await withServe(async ({ manage, directory, store, state }) => {
    const fails = async (words: readonly string[], message: RegExp): Promise<void> => {
      const { code, stderr } = await manage(['--listen', '127.0.0.1:0', ...words]);
      t.is(code, 1, stderr);
      t.regex(stderr, message);
      t.false(stderr.includes('SECRET'));
    };
    await fails(['--datastore', `ab=${store}`], /'ab' is no name for a datastore/);
    await fails(['--datastore', `main=${store}`, '--datastore', `main=${store}`], /two datastores 'main'/);
    await symlink(store, join(directory, 'link'));
    for (const again of [`${store}/.`, join(directory, 'link')])
      await fails(
        ['--datastore', `main=${store}`, '--datastore', `more=${again}`],
        /the datastores 'main' and 'more' are the same directory, /,
      );
    await fails(['--datastore', `main=${directory}/none`], /none/);
    const other = ['--datastore', `main=${store}`, '--listen', '192.0.2.1:1'];
    const { code, stderr } = await manage(other);
    t.is(code, 1);
    t.regex(stderr, /cannot listen on 192\.0\.2\.1 port 1/);
    const file = join(directory, 'secret');
    await writeFile(file, 'SECRET');
    await fails(
      ['--datastore', `main=${store}`, '--cert', file, '--key', file],
      /no certificate in PEM form/,
    );
    await chmod(join(state, 'certificate.pem'), 0o644);
    await fails(['--datastore', `main=${store}`], /must be for its owner only/);
    t.true((await readdir(state)).includes('keys.json'));
  });
});
