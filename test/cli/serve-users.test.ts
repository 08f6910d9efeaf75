/** `restat serve user|token|acl`: who may use a server. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { addAnn, PASSWORD, withServe } from './serve-world.js';

const JSON_OUT = ['--output-format', 'json'];

test('users, tokens and permissions are listed without anything secret', async (t) => {
  await withServe(async (world) => {
    const { secret } = await addAnn(world);
    const list = async (what: string) => JSON.parse((await world.manage([what, 'list', ...JSON_OUT])).stdout);
    t.deepEqual(await list('user'), [
      {
        userid: 'ann@pbs',
        enable: true,
        expire: 0,
        tokens: [{ tokenid: 'ann@pbs!laptop', enable: true, expire: 0 }],
      },
    ]);
    t.deepEqual(await list('token'), [{ tokenid: 'ann@pbs!laptop', enable: true, expire: 0 }]);
    t.deepEqual(await list('acl'), [
      { path: '/datastore', ugid: 'ann@pbs', roleid: 'DatastoreAdmin', propagate: true },
      { path: '/datastore', ugid: 'ann@pbs!laptop', roleid: 'DatastoreAdmin', propagate: true },
    ]);
    const file = join(world.state, 'access.json');
    const text = await readFile(file, 'utf8');
    for (const word of [secret, PASSWORD]) t.false(text.includes(word));
    t.is((await stat(file)).mode & 0o777, 0o600);
  });
});

test('passwords come from the environment or from a file, and are never in arguments', async (t) => {
  await withServe(async ({ manage, directory }) => {
    const file = join(directory, 'password');
    await writeFile(file, `${PASSWORD}\n`);
    t.is((await manage(['user', 'add', 'ann@pbs'], { PBS_PASSWORD_FILE: file })).code, 0);
    t.is((await manage(['user', 'password', 'ann@pbs'], { PBS_PASSWORD: 'another horse' })).code, 0);
    const none = await manage(['user', 'add', 'bob@pbs']);
    t.is(none.code, 2);
    t.regex(none.stderr, /no password: set PBS_PASSWORD/);
    const short = await manage(['user', 'add', 'bob@pbs'], { PBS_PASSWORD: 'short' });
    t.is(short.code, 2);
    t.regex(short.stderr, /8 to 1024 bytes/);
    t.false(short.stderr.includes('short'));
    t.is((await manage(['user', 'add', 'bob@pbs', '--no-password'])).code, 0);
  });
});

test('another password ends the old one', async (t) => {
  await withServe(async (world) => {
    await addAnn(world);
    const { as } = await world.start();
    t.is((await as('ann@pbs', PASSWORD, ['list'])).code, 0);
    await world.manage(['user', 'password', 'ann@pbs'], { PBS_PASSWORD: 'another horse' });
    t.is((await as('ann@pbs', PASSWORD, ['list'])).code, 1);
    t.is((await as('ann@pbs', 'another horse', ['list'])).code, 0);
  });
});

test('a token that has expired, or lost its role, is refused', async (t) => {
  await withServe(async (world) => {
    const { secret } = await addAnn(world);
    const { as } = await world.start();
    const old = await world.manage(['token', 'add', 'ann@pbs!old', '--expire', '1000', ...JSON_OUT]);
    const expired = await as('ann@pbs!old', JSON.parse(old.stdout).value, ['list']);
    t.regex(expired.stderr, /authentication failed/);
    await world.manage(['acl', 'remove', '/datastore', 'ann@pbs!laptop', 'DatastoreAdmin']);
    const without = await as('ann@pbs!laptop', secret, ['list']);
    t.is(without.code, 1);
    t.regex(without.stderr, /missing Datastore\.Audit\|Datastore\.Backup on \/datastore\/main/);
  });
});

const wrong: readonly (readonly [words: readonly string[], code: number, message: RegExp])[] = [
  [['user', 'add', 'ann', '--no-password'], 2, /a user looks like name@realm/],
  [['user', 'add', 'ann@pbs', '--no-password'], 1, /there is a user ann@pbs already/],
  [['user', 'remove', 'bob@pbs'], 1, /there is no user bob@pbs/],
  [['token', 'add', 'ann@pbs'], 2, /a token looks like user@realm!name/],
  [['token', 'add', 'bob@pbs!abc'], 1, /there is no user bob@pbs/],
  [['token', 'list', 'bob@pbs'], 2, /there is no user bob@pbs/],
  [['acl', 'set', '/datastore', 'ann@pbs', 'King'], 2, /the roles are Admin, /],
  [['acl', 'set', '/elsewhere', 'ann@pbs', 'Admin'], 2, /the paths with permissions are/],
  [['acl', 'remove', '/', 'ann@pbs', 'Admin'], 1, /ann@pbs has no role Admin on \//],
];

test('what makes no sense is refused with a sentence', async (t) => {
  await withServe(async (world) => {
    await addAnn(world);
    for (const [words, code, message] of wrong) {
      const result = await world.manage(words);
      t.is(result.code, code, words.join(' '));
      t.regex(result.stderr, message);
    }
  });
});

test('roles on a path can be for that path alone', async (t) => {
  await withServe(async (world) => {
    await addAnn(world);
    const only = await world.manage(['acl', 'set', '/', 'ann@pbs', 'Audit', '--propagate', 'no']);
    t.is(only.code, 0, only.stderr);
    const [entry] = JSON.parse((await world.manage(['acl', 'list', ...JSON_OUT])).stdout).slice(-1);
    t.deepEqual(entry, { path: '/', ugid: 'ann@pbs', roleid: 'Audit', propagate: false });
  });
});
