import { chmod, chown, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { findToken } from '../../../src/server/access/access.js';
import { AccessFile, loadAccess } from '../../../src/server/access/access-file.js';
import { AccessError } from '../../../src/server/access/errors.js';
import { verifySecret } from '../../../src/server/access/secret-hash.js';
import { isRoot, withTemporaryDirectory } from '../../support/world.js';

const options = { waitSeconds: 60, cost: { n: 2, r: 1, p: 1 } };

function withFile(use: (file: AccessFile, path: string) => Promise<void>): Promise<void> {
  return withTemporaryDirectory((directory) => {
    const path = join(directory, 'etc', 'access.json');
    return use(new AccessFile(path, options), path);
  });
}

test('where there is no file nobody is let in', (t) =>
  withFile(async (file) => {
    t.deepEqual([...(await file.load()).users], []);
  }));

test('users, tokens and permissions are kept in a file that only its owner reads', (t) =>
  withFile(async (file, path) => {
    await file.addUser('ann@pbs', { comment: 'Ann' }, 'correct horse');
    const secret = await file.addToken('ann@pbs!laptop', {});
    await file.setAcl({ path: '/', authId: 'ann@pbs', role: 'Audit' }, { propagate: true });
    t.regex(secret, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const access = await file.load();
    t.true(await verifySecret('correct horse', access.users.get('ann@pbs')!.password!));
    t.true(await verifySecret(secret, findToken(access, 'ann@pbs!laptop')!.token.secret));
    t.is(access.acl.length, 1);
    const text = await readFile(path, 'utf8');
    t.false(text.includes(secret) || text.includes('correct horse'));
    t.is((await stat(path)).mode & 0o7777, 0o600);
    t.is((await stat(join(path, '..'))).mode & 0o7777, 0o700);
    t.deepEqual((await readdir(join(path, '..'))).sort(), ['access.json', 'access.json.lock']);
  }));

test('everything can be changed and taken back', (t) =>
  withFile(async (file) => {
    const entry = { path: '/datastore/abc', authId: 'ann@pbs!laptop', role: 'DatastoreAdmin' };
    await file.addUser('ann@pbs', {}, undefined);
    await file.updateUser('ann@pbs', { enable: false });
    await file.setPassword('ann@pbs', 'long enough');
    await file.addToken('ann@pbs!laptop', {});
    await file.updateToken('ann@pbs!laptop', { expire: 9 });
    await file.setAcl(entry, { propagate: true });
    const { user, token } = findToken(await file.load(), 'ann@pbs!laptop')!;
    t.deepEqual([user.enable, user.password !== undefined, token.expire], [false, true, 9]);
    await file.removeAcl(entry);
    t.is((await file.load()).acl.length, 0);
    await file.removeToken('ann@pbs!laptop');
    t.is(findToken(await file.load(), 'ann@pbs!laptop'), undefined);
    await file.removeUser('ann@pbs');
    t.is((await file.load()).users.size, 0);
  }));

test('changes at the same time are all kept', (t) =>
  withFile(async (_, path) => {
    const names = Array.from({ length: 8 }, (_unused, i) => `user${i}@pbs`);
    await Promise.all(names.map((name) => new AccessFile(path, options).addUser(name, {}, undefined)));
    t.deepEqual([...(await loadAccess(path)).users.keys()], names);
  }));

test('a change that is refused leaves the file and lets the next one in', (t) =>
  withFile(async (file, path) => {
    await file.addUser('ann@pbs', {}, undefined);
    const before = await readFile(path, 'utf8');
    await t.throwsAsync(file.addUser('ann@pbs', {}, undefined), { code: 'ACCESS_EXISTS' });
    await t.throwsAsync(file.setPassword('ann@pbs', 'short'), { code: 'ACCESS_NAME' });
    await t.throwsAsync(file.setPassword('ann@pbs', 'x'.repeat(1025)), { code: 'ACCESS_NAME' });
    t.is(await readFile(path, 'utf8'), before);
    await file.addUser('bob@pbs', {}, undefined);
    t.is((await file.load()).users.size, 2);
  }));

test('a file that nobody could have written is neither read nor replaced', (t) =>
  withFile(async (file, path) => {
    await mkdir(join(path, '..'));
    await writeFile(path, '{}', { mode: 0o600 });
    await t.throwsAsync(file.load(), { instanceOf: AccessError, code: 'ACCESS_FILE' });
    await t.throwsAsync(file.addUser('ann@pbs', {}, undefined), { code: 'ACCESS_FILE' });
    t.is(await readFile(path, 'utf8'), '{}');
    await truncate(path, 2 ** 40);
    await t.throwsAsync(file.load(), { code: 'ACCESS_FILE' });
    await symlink(path, `${path}.link`);
    await t.throwsAsync(loadAccess(`${path}.link`), { code: 'ACCESS_FILE' });
    await t.throwsAsync(loadAccess(join(path, '..')), { code: 'ACCESS_FILE' });
  }));

test('a file that others may read or write is not read, and the message says how to mend it', (t) =>
  withFile(async (file, path) => {
    await file.addUser('ann@pbs', {}, undefined);
    for (const mode of [0o640, 0o620, 0o604, 0o602, 0o610]) {
      await chmod(path, mode);
      for (const load of [() => file.load(), () => loadAccess(path)]) {
        const error = await t.throwsAsync(load(), { instanceOf: AccessError, code: 'ACCESS_FILE' });
        t.true(error?.message.endsWith(`: chmod 600 ${path}`), error?.message);
      }
      await t.throwsAsync(file.addUser('bob@pbs', {}, undefined), { code: 'ACCESS_FILE' });
    }
    await chmod(path, 0o400);
    t.is((await loadAccess(path)).users.size, 1);
  }));

(isRoot ? test : test.skip)('a file of somebody else is not read', (t) =>
  withFile(async (file, path) => {
    await file.addUser('ann@pbs', {}, undefined);
    await chown(path, 1234, 0);
    const belongs = {
      code: 'ACCESS_FILE',
      message: /access\.json belongs to user 1234, .*: run the server as/,
    };
    await t.throwsAsync(loadAccess(path), belongs);
    await t.throwsAsync(file.load(), belongs);
    // A command of root's for a server without root's rights.
    await chown(join(path, '..'), 1234, 0);
    await t.throwsAsync(loadAccess(path), belongs);
    t.is((await file.load()).users.size, 1);
  }),
);

(isRoot ? test : test.skip)('a file that root changes keeps its owner', (t) =>
  withFile(async (file, path) => {
    await mkdir(join(path, '..'));
    await chown(join(path, '..'), 1234, 2345);
    await file.addUser('ann@pbs', {}, undefined);
    const owner = async (): Promise<number[]> => {
      const { uid, gid } = await stat(path);
      return [uid, gid];
    };
    t.deepEqual(await owner(), [1234, 2345]);
    await chown(join(path, '..'), 3456, 4567);
    await chown(path, 3456, 4567);
    await file.addUser('bob@pbs', {}, undefined);
    t.deepEqual(await owner(), [3456, 4567]);
  }),
);
