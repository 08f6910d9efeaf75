/** Single archives in mode metadata: which files are read again, however little of them changed. */
import { chmodSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { runNotes } from '../../src/snapshot/run-notes.js';
import { type GateRule, withGate } from '../support/gate.js';
import type { MetadataRun } from '../support/metadata-run.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { readSingle } from '../support/single-archive.js';
import { isTrue, singleRun } from '../support/single-run.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { hasStrace, tracedReads } from '../support/traced-run.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const traced = hasStrace ? test : test.skip;
const TREE = { directories: 6, filesEach: 15, size: 6000 };
const FILES = 90;
const MTIME = 1_650_000_000;

function put(path: string, content: Buffer, seconds = MTIME): void {
  writeFileSync(path, content);
  utimesSync(path, seconds, seconds);
}

/** Reasons but for those of files that did not change. */
function others({ reasons }: MetadataRun): Record<string, number> {
  const { reused: _reused, padding: _padding, ...rest } = reasons;
  return rest;
}

traced('a file of which nothing but the ctime changed is read', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await singleRun(world, 1);
    await singleRun(world, 2);
    chmodSync(join(world.source, 'd01/f000'), 0o600);
    const { run, read } = await tracedReads(world, (wrapper) => singleRun(world, 3, [], { wrapper }));
    t.deepEqual(others(run), { ctime: 1 });
    t.true(read.includes('d01/f000'));
    t.is(read.length, 1 + (run.reasons['padding'] ?? 0));
    await isTrue(t, world);
    t.deepEqual((await singleRun(world, 4)).reasons, { reused: FILES });
  });
});

test('a file rewritten with size and mtime kept is noticed', async (t) => {
  await withWorld(async (world) => {
    const path = join(world.source, 'd01/f000');
    makeSampleTree(world.source, TREE);
    for (const [i, hour] of [1, 3, 5].entries()) {
      await singleRun(world, hour);
      put(path, noise(`rewritten ${i}`, 6001));
      const run = await singleRun(world, hour + 1);
      t.deepEqual(others(run), { ctime: 1 });
      await isTrue(t, world);
    }
  });
});

test('files that changed shortly before the last run began are read, whatever their mtimes say', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await singleRun(world, 0);
    t.deepEqual((await singleRun(world, 1)).reasons, { racy: FILES });
    // Times that say nothing where nobody knows the ctime.
    for (const [i, seconds] of [0, 1, Math.floor(Date.now() / 1000) + 90_000].entries())
      put(join(world.source, `d01/odd${i}`), noise(`odd${i}`, 6000), seconds);
    await singleRun(world, 2);
    t.deepEqual((await singleRun(world, 3)).reasons, { reused: FILES + 3 });
    await isTrue(t, world);
  });
});

/** Paths of the files whose contents the newest snapshot's notes do not trust. */
async function untrustedPaths(world: World): Promise<string[]> {
  const { untrusted } = runNotes(new StoredSnapshot(world.store).manifest());
  const { entries } = await readSingle(world.store, 'host/t');
  const places = new Map(entries.map(({ offset, path, kind }) => [kind === 'file' ? offset : -1, path]));
  return (untrusted['root.pxar'] ?? []).map((offset) => places.get(offset) ?? `nothing at ${offset}`);
}

const LARGE = 1_500_000;

whole('files that could not be read as they are are read again by the next run', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await singleRun(world, 1);
    const at = (path: string): string => join(world.source, path);
    for (const path of ['d03/broken', 'd04/touched']) put(at(path), noise(path, LARGE));
    const rules: GateRule[] = [
      { path: at('d03/broken'), on: 'read', nth: 1, act: 'deny' },
      { path: at('d04/touched'), on: 'open', nth: 2, act: 'touch' },
    ];
    const run = await withGate(rules, () => singleRun(world, 2));
    t.is(run.code, 3);
    t.regex(run.stderr, /"\/d03\/broken": reading failed/);
    t.regex(run.stderr, /"\/d04\/touched": changed while it was read/);
    t.is((await readSingle(world.store, 'host/t')).version, 3);
    t.deepEqual(await untrustedPaths(world), ['/d03/broken', '/d04/touched']);
    // Nothing but the note tells of the file that could not be read.
    const next = await singleRun(world, 3);
    t.is(next.code, 0, next.stderr);
    t.deepEqual(others(next), { untrusted: 1, mtime: 1 });
    t.deepEqual(await untrustedPaths(world), []);
    await isTrue(t, world);
    t.deepEqual(others(await singleRun(world, 4)), {});
  });
});

test('after a run with too many such files everything is read', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await singleRun(world, 1);
    await singleRun(world, 2);
    new StoredSnapshot(world.store).changeManifest(({ unprotected, ...manifest }) => ({
      ...manifest,
      unprotected: { ...unprotected, restat: { start: '0' } },
    }));
    t.deepEqual((await singleRun(world, 3)).reasons, { racy: FILES });
    await isTrue(t, world);
  });
});
