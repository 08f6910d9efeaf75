/** A snapshot exists completely or not at all, whatever ends the run when; and runs side by side wait for each other. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { restat, restatOk, startRestat } from '../support/cli.js';
import { type GateRule, withGate } from '../support/gate.js';
import { bytesOf } from '../support/recipe.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, type World, withMountedWorld, withTemporaryDirectory, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;

const FILE_SIZE = 3 * 1024 * 1024;
const LARGE = ['a', 'sub/b', 'z'].map((name) => ({
  name,
  bytes: bytesOf({ kind: 'drbg', seed: name, length: FILE_SIZE }),
}));

function fill(source: string): void {
  mkdirSync(join(source, 'sub'));
  for (const { name, bytes } of LARGE) writeFileSync(join(source, name), bytes);
  writeFileSync(join(source, 'sub/small'), 'small');
}

const list = z.array(z.unknown());

async function snapshotCount({ store }: World): Promise<number> {
  const { stdout } = await restatOk(['snapshot', 'list', '--repository', store, '--output-format', 'json']);
  return list.parse(JSON.parse(stdout)).length;
}

/** Names in the store that only an unfinished run may have. */
async function leftovers(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  const own = names.filter((name) => !name.startsWith('.restat/'));
  return own.filter((name) => /\/\.restat-|\.tmp|^\.chunks\/[0-9a-f]{4}\/(?![0-9a-f]{64}$)/.test(name));
}

/** The next backup clears away what is left, and everything comes back. */
async function recovers(t: ExecutionContext, world: World, what: string): Promise<void> {
  t.is(await snapshotCount(world), 0, what);
  const next = await world.backup([], { clockOffset: 3600 });
  t.is(next.code, 0, `${what}: ${next.stderr}`);
  t.deepEqual(await leftovers(world.store), [], what);
  t.is((await world.restore()).code, 0, what);
  t.deepEqual(differences(await scanTree(world.source), await scanTree(world.target)), [], what);
}

const POINTS: readonly { readonly file: string; readonly on: 'open' | 'read'; readonly nth: number }[] = [
  { file: '', on: 'open', nth: 1 },
  { file: 'a', on: 'open', nth: 1 },
  { file: 'a', on: 'open', nth: 2 },
  { file: 'sub/b', on: 'read', nth: 1 },
  { file: 'z', on: 'open', nth: 2 },
  { file: 'z', on: 'read', nth: 1 },
];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  for (const { file, on, nth } of signal === 'SIGTERM' ? POINTS.slice(-1) : POINTS) {
    whole(
      `${signal} at ${on} ${nth} of '${file}' leaves no snapshot, and the next backup is whole`,
      async (t) => {
        await withWorld(async (world) => {
          fill(world.source);
          const path = join(world.source, file);
          const rule: GateRule = { path, on, nth, act: 'signal', number: constants.signals[signal] };
          const result = await withGate([rule], () => world.backup());
          if (signal === 'SIGKILL') t.is(result.signal, 'SIGKILL', result.stderr);
          else {
            t.is(result.code, 130, result.stderr);
            t.regex(result.stderr, /Interrupted/);
            t.deepEqual(await leftovers(world.store), []);
          }
          await recovers(t, world, 'after the signal');
        });
      },
    );
  }
}

/** System calls that make a snapshot, in this order; the first one of any thread is the end. */
const CALLS = ['mkdir', 'mkdirat', 'linkat', 'syncfs', 'fsync', 'renameat2'];

for (const call of CALLS) {
  whole(`SIGKILL at the first ${call} leaves no snapshot, and the next backup is whole`, async (t) => {
    await withWorld(async (world) => {
      fill(world.source);
      const inject = `inject=${call}:signal=SIGKILL:when=1`;
      const wrapper = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
      const result = await world.backup(['--sync', 'filesystem'], { wrapper });
      t.is(result.signal, 'SIGKILL', result.stderr);
      await recovers(t, world, call);
    });
  });
}

whole('SIGINT while restoring leaves no temporary name, and no file that is not whole', async (t) => {
  await withWorld(async (world) => {
    const { store, source, target } = world;
    fill(source);
    t.is((await world.backup(['--chunk-size', '64'])).code, 0);
    const chunks = (await readdir(join(store, '.chunks'), { recursive: true })).filter((name) =>
      /[0-9a-f]{64}$/.test(name),
    );
    for (const name of chunks.slice(0, 6)) {
      const path = join(store, '.chunks', name);
      const rule: GateRule = { path, on: 'open', nth: 1, act: 'signal', number: constants.signals.SIGINT };
      const options = ['--allow-existing-dirs', '--overwrite'];
      const result = await withGate([rule], () => world.restore(options));
      // The last of the work may be done before the signal is noticed: then everything is there.
      t.true(result.code === 130 || result.code === 0, result.stderr);
      const names = await readdir(target, { recursive: true }).catch(() => []);
      t.deepEqual(
        names.filter((each) => each.includes('.restat')),
        [],
      );
      const before = (await scanTree(source)).filter(({ type }) => type === 'file');
      const after = names.length === 0 ? [] : (await scanTree(target)).filter(({ type }) => type === 'file');
      const known = before.filter(({ path: each }) => after.some((entry) => entry.path === each));
      t.deepEqual(differences(result.code === 0 ? before : known, after), []);
    }
  });
});

whole('a second backup of a group waits for the first, or fails by name', async (t) => {
  await withWorld(async ({ directory, source, store, backup }) => {
    fill(source);
    const until = join(directory, 'go');
    const rule: GateRule = { path: join(source, 'z'), on: 'open', nth: 2, act: 'hold', until };
    await withGate([rule], async () => {
      const first = startRestat([
        'backup',
        `root.pxar:${source}`,
        '--repository',
        store,
        '--backup-id',
        't',
        '--progress',
        'none',
      ]);
      await new Promise((resolve) => first.process.stderr!.once('data', resolve));
      const refused = await backup(['--lock-wait', '0'], { clockOffset: 3600 });
      t.is(refused.code, 1);
      t.regex(refused.stderr, /host\/t is locked/);
      const empty = join(directory, 'empty');
      mkdirSync(empty);
      const waiting = restat(['backup', `root.pxar:${empty}`, '--repository', store, '--backup-id', 't'], {
        clockOffset: 7200,
      });
      writeFileSync(until, '');
      t.is((await first.result).code, 0);
      t.is((await waiting).code, 0);
    });
    const { stdout } = await restatOk(['snapshot', 'list', '--repository', store, '--output-format', 'json']);
    t.is(list.parse(JSON.parse(stdout)).length, 2);
  });
});

whole('a store on a read-only mount is restored from and not written to', async (t) => {
  await withMountedWorld('ext4', (world) =>
    withTemporaryDirectory(async (elsewhere) => {
      fill(world.source);
      t.is((await world.backup()).code, 0);
      const before = await scanTree(world.source);
      const target = join(elsewhere, 'target');
      const mountPoint = dirname(world.store);
      execFileSync('mount', ['-o', 'remount,ro', mountPoint]);
      try {
        await restatOk(['restore', 'host/t', 'root.pxar', target, '--repository', world.store]);
        t.deepEqual(differences(before, await scanTree(target)), []);
        const refused = await world.backup([], { clockOffset: 3600 });
        t.is(refused.code, 1);
        t.regex(refused.stderr, /read-only/);
      } finally {
        execFileSync('mount', ['-o', 'remount,rw', mountPoint]);
      }
    }),
  );
});

test('a tree that holds the repository stores it as an empty directory', async (t) => {
  await withWorld(async ({ source, store, directory }) => {
    writeFileSync(join(source, 'file'), 'f');
    const inside = join(source, 'store');
    renameSync(store, inside);
    const result = await restatOk([
      'backup',
      `root.pxar:${source}`,
      '--repository',
      inside,
      '--backup-id',
      't',
    ]);
    t.regex(result.stderr, /"\/store": belongs to the repository/);
    const target = join(directory, 'back');
    await restatOk(['restore', 'host/t', 'root.pxar', target, '--repository', inside]);
    t.deepEqual(await readdir(target), ['file', 'store']);
    t.deepEqual(await readdir(join(target, 'store')), []);
  });
});
