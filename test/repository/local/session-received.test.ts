/** However a backup of a client ends, nothing of it stays open or locked. */
import { closeSync, existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { native } from '../../../src/native.js';
import { OpenFileSystems } from '../../../src/repository/local/durability.js';
import { ReceivedSession } from '../../../src/repository/local/session-received.js';
import { createStore } from '../../../src/repository/local/store.js';
import { parseSnapshot } from '../../../src/snapshot/names.js';

/** Notes what is let go, and fails at what it is told to fail at. */
class Ends {
  readonly seen: string[] = [];
  readonly #failing: readonly string[];

  constructor(failing: readonly string[]) {
    this.#failing = failing;
  }

  of(name: string, real: () => Promise<void> = () => Promise.resolve()): () => Promise<void> {
    return async () => {
      this.seen.push(name);
      await real();
      if (this.#failing.includes(name)) throw new Error(`${name} failed`);
    };
  }
}

/** A session with two indexes, two locks and a file system. */
async function begin(t: ExecutionContext, ends: Ends): Promise<{ session: ReceivedSession; group: string }> {
  const root = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  await createStore(root, { forServer: false });
  const [uid, gid] = [process.getuid!(), process.getgid!()];
  const fileSystems = new OpenFileSystems();
  fileSystems.close = ends.of('file systems', fileSystems.close.bind(fileSystems));
  const session = await ReceivedSession.start({
    ...{ groupDirectory: root, snapshot: parseSnapshot('host/pc/2023-11-14T22:13:20Z'), base: undefined },
    ...{ sync: 'none', fileSystems, uid, gid },
    chunks: new native.ChunkReceiver({ path: root, sync: 'none', uid, gid }),
    locks: ['lock 1', 'lock 2'].map((name) => ({ release: ends.of(name) })),
  });
  for (const name of ['index 1', 'index 2']) {
    const index = await session.createIndex();
    index.close = ends.of(name, index.close.bind(index));
  }
  return { session, group: root };
}

const ALL = ['index 1', 'index 2', 'file systems', 'lock 1', 'lock 2'];

for (const first of ALL) {
  test(`a session whose ${first} cannot be let go lets all else go, and says so`, async (t) => {
    const ends = new Ends(ALL.slice(ALL.indexOf(first)));
    const { session, group } = await begin(t, ends);
    await t.throwsAsync(session.abort(), { message: `${first} failed` });
    t.deepEqual(ends.seen, ALL);
    t.deepEqual(
      readdirSync(group).filter((name) => name.startsWith('.restat-')),
      [],
    );
    await session.abort();
    t.deepEqual(ends.seen, ALL);
  });
}

test('a snapshot whose indexes cannot be closed does not appear, and the session can be given up', async (t) => {
  const ends = new Ends(['index 1', 'lock 1']);
  const { session } = await begin(t, ends);
  await t.throwsAsync(session.finish(Buffer.alloc(0)), { message: 'index 1 failed' });
  t.deepEqual(ends.seen, ['index 1', 'index 2']);
  t.false(existsSync(session.pathOf('')));
  await t.throwsAsync(session.abort(), { message: 'lock 1 failed' });
  t.deepEqual(ends.seen, ALL);
});

/** Descriptors of this process that are open on `directory`. */
function openOn(directory: string): number[] {
  return readdirSync('/proc/self/fd')
    .filter((fd) => readlinkOf(fd) === directory)
    .map(Number);
}

/** What a descriptor is open on; undefined for that of the listing, which is gone. */
function readlinkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`, 'utf8');
  } catch {
    return undefined;
  }
}

test.serial('of several file systems all are closed, whichever of them fails', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'restat-test-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const fileSystems = new OpenFileSystems();
  for (let i = 0; i < 3; i += 1) await fileSystems.add(directory);
  closeSync(openOn(directory)[0]!);
  await t.throwsAsync(fileSystems.close(), { code: 'EBADF' });
  t.deepEqual(openOn(directory), []);
  await fileSystems.close();
});
