import { mkdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { AccessFile } from '../../../src/server/access/access-file.js';
import { LiveAccess } from '../../../src/server/access/live-access.js';
import { withTemporaryDirectory } from '../../support/world.js';

const withFile = (use: (path: string, file: AccessFile, live: LiveAccess) => Promise<void>): Promise<void> =>
  withTemporaryDirectory((directory) => {
    const path = join(directory, 'access.json');
    return use(path, new AccessFile(path, { waitSeconds: 60 }), new LiveAccess(path));
  });

test('the file is read again when it changed, and only then', (t) =>
  withFile(async (_path, file, live) => {
    const empty = await live.current();
    t.is(empty.users.size, 0);
    t.is(await live.current(), empty);
    await file.addUser('ann@pbs', {}, undefined);
    const one = await live.current();
    t.deepEqual([...one.users.keys()], ['ann@pbs']);
    t.is(await live.current(), one);
    await file.updateUser('ann@pbs', { enable: false });
    t.false((await live.current()).users.get('ann@pbs')?.enable);
  }));

test('another file of the same size and time is another state', (t) =>
  withFile(async (path, file, live) => {
    await file.addUser('ann@pbs', {}, undefined);
    await new AccessFile(`${path}.new`, { waitSeconds: 60 }).addUser('bob@pbs', {}, undefined);
    const { atime, mtime } = await stat(path);
    await utimes(path, atime, mtime);
    await utimes(`${path}.new`, atime, mtime);
    t.true((await live.current()).users.has('ann@pbs'));
    await rename(`${path}.new`, path);
    t.true((await live.current()).users.has('bob@pbs'));
  }));

test('a file that cannot be understood lets nobody in, and is tried again', (t) =>
  withFile(async (path, file, live) => {
    await file.addUser('ann@pbs', {}, undefined);
    await live.current();
    await writeFile(path, '{');
    const errors = await Promise.all(
      [0, 1].map(() => t.throwsAsync(live.current(), { code: 'ACCESS_FILE' })),
    );
    for (const error of errors) {
      t.is(error?.message, 'the list of users cannot be read');
      t.true(String(error?.cause).includes(path));
    }
    await rm(path);
    t.is((await live.current()).users.size, 0);
    await mkdir(path);
    await t.throwsAsync(live.current(), { code: 'ACCESS_FILE' });
    await rm(path, { recursive: true });
    await file.addUser('ann@pbs', {}, undefined);
    t.is((await live.current()).users.size, 1);
  }));

test('a file that could not be read is tried again though it is the same', (t) =>
  withFile(async (path, file) => {
    await file.addUser('ann@pbs', {}, undefined);
    const [here, linked] = [join(path, '..'), join(path, '..', 'linked')];
    await mkdir(linked);
    await symlink(path, join(linked, 'access.json'));
    await symlink(linked, join(here, 'now'));
    const live = new LiveAccess(join(here, 'now', 'access.json'));
    await t.throwsAsync(live.current(), { code: 'ACCESS_FILE' });
    await rm(join(here, 'now'));
    await symlink(here, join(here, 'now'));
    t.is((await live.current()).users.size, 1);
  }));
