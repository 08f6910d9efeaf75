import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { escapeLockName, LockDirectory, StoreLock } from '../../src/repository/local/locks.js';

const now = { waitSeconds: 0 };
const owner = { uid: process.getuid!(), gid: process.getgid!() };

function temporaryDirectory(t: { teardown(f: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test('lock names are escaped as the server escapes them', (t) => {
  t.is(escapeLockName('vm/100/2022-05-02T08:11:33Z'), 'vm-100-2022\\x2d05\\x2d02T08\\x3a11\\x3a33Z');
  t.is(
    escapeLockName('vm/100/2022-05-02T08:11:33Z/.index.json.lck'),
    'vm-100-2022\\x2d05\\x2d02T08\\x3a11\\x3a33Z-.index.json.lck',
  );
  t.is(escapeLockName('.hidden'), '\\x2ehidden');
});

test('long lock names are hashed and stay apart', (t) => {
  const names = ['a', 'b'].map((last) => escapeLockName(`host/${'-'.repeat(200)}${last}`));
  for (const name of names) t.regex(name, /^hashed\/.{80}\.{3}.{80}-[0-9a-f]{64}$/);
  t.not(names[0], names[1]);
});

test('an exclusive lock shuts others out until it is released', async (t) => {
  const locks = new LockDirectory(temporaryDirectory(t), owner);
  const lock = await locks.acquire(['ns1', 'ns2'], 'host/a', { ...now, exclusive: true });
  await t.throwsAsync(locks.acquire(['ns1', 'ns2'], 'host/a', { ...now, exclusive: false }), {
    code: 'REPOSITORY_LOCKED',
    message: 'host/a is locked by another process',
  });
  await (await locks.acquire([], 'host/a', { ...now, exclusive: true })).release();
  await lock.release();
  await (await locks.acquire(['ns1', 'ns2'], 'host/a', { ...now, exclusive: true })).release();
});

test('shared locks stand side by side', async (t) => {
  const locks = new LockDirectory(temporaryDirectory(t), owner);
  const a = await locks.acquire([], 'host/a/time', { ...now, exclusive: false });
  const b = await locks.acquire([], 'host/a/time', { ...now, exclusive: false });
  await t.throwsAsync(locks.acquire([], 'host/a/time', { ...now, exclusive: true }), {
    code: 'REPOSITORY_LOCKED',
  });
  await a.release();
  await b.release();
});

test('who waits gets the lock when it is released, and stops waiting when aborted', async (t) => {
  const locks = new LockDirectory(temporaryDirectory(t), owner);
  const held = await locks.acquire([], 'host/a', { ...now, exclusive: true });
  const waiting = locks.acquire([], 'host/a', { waitSeconds: 60, exclusive: true });
  const controller = new AbortController();
  const aborted = locks.acquire([], 'host/a', {
    waitSeconds: 60,
    exclusive: true,
    signal: controller.signal,
  });
  controller.abort();
  await t.throwsAsync(aborted, { name: 'AbortError' });
  await held.release();
  await (await waiting).release();
});

test('the store lock stays as long as one of its holders', async (t) => {
  const store = new StoreLock(join(temporaryDirectory(t), '.lock'), owner);
  const a = await store.acquireShared(now);
  const b = await store.acquireShared(now);
  await a.release();
  await b.release();
  await (await store.acquireShared(now)).release();
  t.pass();
});
