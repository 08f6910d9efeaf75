import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { native } from '../../src/native.js';

test('the addon uses the zstd that it was built with, also where Node exports one of its own', (t) => {
  const { zstd, zstdHeader } = native.versions();
  t.is(zstd, zstdHeader);
  t.regex(zstd, /^1\.\d+\.\d+$/);
});

test('errors of system calls carry code, errno, syscall and path', (t) => {
  const error = t.throws(
    () => new native.Tree('/no/such/directory', false, undefined),
  ) as NodeJS.ErrnoException;
  t.is(error.code, 'ENOENT');
  t.is(error.errno, 2);
  t.is(error.syscall, 'open');
  t.is(error.path, '/no/such/directory');
});

test('asynchronous calls reject with the same fields', async (t) => {
  const error = (await t.throwsAsync(native.syncFilesystem(2 ** 30, '/the/store'))) as NodeJS.ErrnoException;
  t.is(error.code, 'EBADF');
  t.is(error.syscall, 'syncfs');
  t.is(error.path, '/the/store');
});

test('a cancelled tree rejects its calls with ABORT_ERR', async (t) => {
  const flag = native.cancelFlag();
  const tree = new native.Tree('/', false, flag);
  native.cancel(flag);
  const error = (await t.throwsAsync(tree.list(0, 1000))) as NodeJS.ErrnoException;
  t.is(error.code, 'ABORT_ERR');
});

test('wrong arguments throw instead of crashing', (t) => {
  const tree = new native.Tree('/', false, undefined);
  const rubbish = Buffer.from('rubbish that is no listing at all');
  t.throws(() => tree.stat(0, rubbish, Uint32Array.of(0)), { instanceOf: TypeError });
  t.throws(() => tree.describe(0, rubbish, rubbish, Uint32Array.of(0)), { instanceOf: TypeError });
  t.throws(() => tree.enter(0, rubbish, rubbish), { instanceOf: TypeError });
});

test('a published file appears whole and never replaces unless told', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'a'), 'first');
  const error = await t.throwsAsync(native.publishFile(directory, 'a', Buffer.from('second'), {}));
  t.is((error as NodeJS.ErrnoException).code, 'EEXIST');
  await t.notThrowsAsync(native.publishFile(directory, 'a', Buffer.from('second'), { replace: true }));
});
