/** Files of keys appear whole, for their owner only, and never over others. */

import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KeyError } from '../../src/keys/errors.js';
import { createStored, readStored, refuseExisting, replaceStored } from '../../src/keys/stored-file.js';
import { isRoot, withTemporaryDirectory, withTmpfs } from '../support/world.js';

const NEW = Buffer.from('new');
const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o7777;

test('a new file is for its owner only, as is the directory that is made for it', (t) =>
  withTemporaryDirectory(async (directory) => {
    const path = join(directory, 'a/b/key');
    await t.throwsAsync(() => createStored(path, NEW), {
      code: 'KEY_FILE_MISSING',
      message: /no such directory$/,
    });
    await createStored(path, NEW, { makeDirectory: true });
    t.deepEqual(await readStored(path, 3), NEW);
    t.deepEqual([await modeOf(path), await modeOf(join(directory, 'a/b'))], [0o600, 0o700]);
    t.deepEqual(await readdir(join(directory, 'a/b')), ['key']);
  }));

test('nothing is ever written over a file, a directory or a link to nowhere', (t) =>
  withTemporaryDirectory(async (directory) => {
    const [file, folder, link] = ['file', 'folder', 'link'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(file, 'old');
    await mkdir(folder);
    await symlink('nowhere', link);
    for (const path of [file, folder, link]) {
      await t.throwsAsync(() => refuseExisting(path), { instanceOf: KeyError, code: 'KEY_EXISTS' });
      await t.throwsAsync(() => createStored(path, NEW), { instanceOf: KeyError, code: 'KEY_EXISTS' });
    }
    await t.notThrowsAsync(() => refuseExisting(join(directory, 'free')));
    t.is(await readFile(file, 'utf8'), 'old');
    t.is(await readlink(link), 'nowhere');
    t.deepEqual((await readdir(directory)).sort(), ['file', 'folder', 'link']);
  }));

test('a replaced file has another mode and the same owner; a link to it stays a link', (t) =>
  withTemporaryDirectory(async (directory) => {
    const [file, link] = [join(directory, 'file'), join(directory, 'link')];
    await writeFile(file, 'old');
    await chmod(file, 0o644);
    if (isRoot) await chown(file, 12, 34);
    await symlink('file', link);
    const before = await stat(file);
    await replaceStored(link, NEW);
    const after = await stat(file);
    t.deepEqual([await readFile(file), await readlink(link)], [NEW, 'file']);
    t.deepEqual([after.uid, after.gid, after.mode & 0o777], [before.uid, before.gid, 0o600]);
    t.not(after.ino, before.ino);
    await replaceStored(join(directory, 'fresh'), NEW);
    t.is(await modeOf(join(directory, 'fresh')), 0o600);
    t.deepEqual((await readdir(directory)).sort(), ['file', 'fresh', 'link']);
  }));

test('only files are replaced and read, nothing is waited for, and no more is read than was asked', (t) =>
  withTemporaryDirectory(async (directory) => {
    const [pipe, file] = [join(directory, 'pipe'), join(directory, 'file')];
    execFileSync('mkfifo', [pipe]);
    await writeFile(file, Buffer.alloc(10_000_000));
    for (const path of [pipe, directory]) {
      await t.throwsAsync(() => replaceStored(path, NEW), { instanceOf: KeyError, code: 'KEY_FILE_TYPE' });
      await t.throwsAsync(() => readStored(path, 10), { instanceOf: KeyError, code: 'KEY_FILE_TYPE' });
    }
    await t.throwsAsync(() => readStored(file, 9_999_999), { code: 'KEY_FILE_SIZE' });
    await t.throwsAsync(() => readStored(join(directory, 'none'), 10), {
      code: 'KEY_FILE_MISSING',
      message: /^unable to read ".*none" - there is no such file$/,
    });
    await t.throwsAsync(() => readStored(join(file, 'x'), 10), { code: 'ENOTDIR' });
  }));

(isRoot ? test : test.skip)('a full disk leaves no file, and an old one as it was', (t) =>
  withTemporaryDirectory(async (directory) => {
    const point = join(directory, 'full');
    await withTmpfs(point, async () => {
      execFileSync('mount', ['-o', 'remount,size=64k', point]);
      const [old, fresh] = [join(point, 'old'), join(point, 'fresh')];
      await writeFile(old, 'old');
      const large = Buffer.alloc(100_000);
      await t.throwsAsync(() => createStored(fresh, large), { code: 'ENOSPC' });
      await t.throwsAsync(() => replaceStored(old, large), { code: 'ENOSPC' });
      t.deepEqual(await readdir(point), ['old']);
      t.is(await readFile(old, 'utf8'), 'old');
    });
  }),
);
