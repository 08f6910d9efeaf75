import { chmod, chown, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { AccessError } from '../../../src/server/access/errors.js';
import { loadServerKeys, type ServerKeys } from '../../../src/server/access/server-keys.js';
import { isRoot, withTemporaryDirectory } from '../../support/world.js';

const withPath = (use: (path: string) => Promise<void>): Promise<void> =>
  withTemporaryDirectory((directory) => use(join(directory, 'etc', 'keys.json')));

function sameKeys(a: ServerKeys, b: ServerKeys): boolean {
  return a.signing.equals(b.signing) && a.verifying.equals(b.verifying) && a.csrf.equals(b.csrf);
}

test('keys are made once, for their owner only, and found again', (t) =>
  withPath(async (path) => {
    const first = await loadServerKeys(path);
    t.true(sameKeys(first, await loadServerKeys(path)));
    t.is((await stat(path)).mode & 0o7777, 0o600);
    t.is(first.signing.asymmetricKeyType, 'ed25519');
    t.is(first.csrf.symmetricKeySize, 32);
  }));

test('servers that start at the same time have the same keys, other files have others', (t) =>
  withPath(async (path) => {
    const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => loadServerKeys(path)));
    for (const other of others) t.true(sameKeys(first!, other));
    t.false(sameKeys(first!, await loadServerKeys(`${path}.other`)));
  }));

test('keys that others can read are not used', (t) =>
  withPath(async (path) => {
    await loadServerKeys(path);
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(path, mode);
      const error = await t.throwsAsync(loadServerKeys(path), {
        instanceOf: AccessError,
        code: 'ACCESS_KEYS',
      });
      t.true(error?.message.endsWith(`: chmod 600 ${path}`), error?.message);
    }
  }));

test('keys behind a symbolic link are not used, and no keys are made through one', (t) =>
  withPath(async (path) => {
    await loadServerKeys(path);
    const link = join(path, '..', 'link.json');
    await symlink(path, link);
    await t.throwsAsync(loadServerKeys(link), {
      code: 'ACCESS_KEYS',
      message: /link\.json is a symbolic link/,
    });
    const nowhere = join(path, '..', 'nowhere.json');
    await symlink(join(path, '..', 'missing'), nowhere);
    await t.throwsAsync(loadServerKeys(nowhere), { code: 'ACCESS_KEYS' });
    t.deepEqual((await readdir(join(path, '..'))).sort(), ['keys.json', 'link.json', 'nowhere.json']);
  }));

(isRoot ? test : test.skip)('keys of somebody else are not used', (t) =>
  withPath(async (path) => {
    await loadServerKeys(path);
    await chown(path, 1234, 0);
    await t.throwsAsync(loadServerKeys(path), { code: 'ACCESS_KEYS', message: /belongs to user 1234/ });
  }),
);

test('a damaged file is refused, not replaced and not quoted', (t) =>
  withPath(async (path) => {
    await loadServerKeys(path);
    const good = await readFile(path, 'utf8');
    const { csrf } = JSON.parse(good);
    const bad = [
      '',
      good.slice(0, -20),
      good.replace(csrf, csrf.slice(2)),
      good.replace('"version": 1', '"version": 2'),
      good.replace('BEGIN PRIVATE', 'BEGIN PUBLIC'),
    ];
    for (const text of bad) {
      await writeFile(path, text);
      const error = await t.throwsAsync(loadServerKeys(path), { code: 'ACCESS_KEYS' });
      t.is(error?.cause, undefined);
      t.is(error?.message, `${path} holds no keys of this server`);
      t.is(await readFile(path, 'utf8'), text);
    }
  }));
