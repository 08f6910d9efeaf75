/** Work under locks: whatever fails, all of them are released, and the first error is the one that is told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { LockDirectory } from '../../../src/repository/local/locks.js';
import { withManifest, withSnapshot } from '../../../src/repository/local/name-lock.js';
import { createStore, openStore, type Store } from '../../../src/repository/local/store.js';
import { parseSnapshot, ROOT_NAMESPACE } from '../../../src/snapshot/names.js';

const SNAPSHOT = parseSnapshot('host/pc/2023-11-14T22:13:20Z');
const NOW = { waitSeconds: 0 };

/** A store whose locks are real, and say at their release that it failed. */
async function failingStore(t: ExecutionContext): Promise<Store> {
  const root = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  await createStore(root, { forServer: false });
  const store = await openStore(root);
  const locks = new LockDirectory(join(root, 'locks'), store);
  const acquire = locks.acquire.bind(locks);
  locks.acquire = async (...of) => {
    const lock = await acquire(...of);
    return {
      release: async () => {
        await lock.release();
        throw new Error(`release of ${of[1]} failed`);
      },
    };
  };
  return { ...store, locks };
}

/** Nobody has the locks any more. */
async function isFree({ root, ...store }: Store): Promise<boolean> {
  const free = { root, ...store, locks: new LockDirectory(join(root, 'locks'), store) };
  const work = (): Promise<boolean> => Promise.resolve(true);
  return (
    (await withSnapshot(free, ROOT_NAMESPACE, SNAPSHOT, NOW, work)) &&
    (await withManifest(free, ROOT_NAMESPACE, SNAPSHOT, NOW, work))
  );
}

test('all locks are released although the first release fails, which is said', async (t) => {
  const store = await failingStore(t);
  const work = withManifest(store, ROOT_NAMESPACE, SNAPSHOT, NOW, () => Promise.resolve());
  await t.throwsAsync(work, { message: /^release of .*\.lck failed$/ });
  t.true(await isFree(store));
});

test('what the work says is not lost when a release fails after it', async (t) => {
  const store = await failingStore(t);
  const work = withManifest(store, ROOT_NAMESPACE, SNAPSHOT, NOW, () => Promise.reject(new Error('no room')));
  await t.throwsAsync(work, { message: 'no room' });
  t.true(await isFree(store));
});

test('the work does not begin without all locks, and the first ones are released', async (t) => {
  const store = await failingStore(t);
  await withManifest(
    { ...store, locks: new LockDirectory(join(store.root, 'locks'), store) },
    ROOT_NAMESPACE,
    SNAPSHOT,
    NOW,
    async () => {
      const second = withManifest(store, ROOT_NAMESPACE, SNAPSHOT, NOW, () =>
        Promise.reject(new Error('began')),
      );
      await t.throwsAsync(second, { code: 'REPOSITORY_LOCKED' });
    },
  );
  t.true(await isFree(store));
});
