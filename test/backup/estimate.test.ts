/** The count beside a backup: what it says is what the backup reads. */
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { estimateSources } from '../../src/backup/estimate.js';
import { parseExcludes } from '../../src/backup/exclude.js';
import { CACHE_MARKER, type WalkOptions } from '../../src/backup/options.js';
import { parseSources } from '../../src/backup/sources.js';
import { withWorld } from '../support/world.js';

const summary = z.object({
  files: z.number(),
  archives: z.array(z.object({ payload: z.object({ size: z.number() }) })),
});

const walk: WalkOptions = {
  excludes: parseExcludes(['*.tmp', 'skipped/']),
  markers: [CACHE_MARKER],
  largestFile: 5000,
  allFileSystems: false,
  includedDevices: new Set(),
  storedEmpty: new Set(),
  entriesMax: 1_048_576,
};
const WORDS = ['--exclude=*.tmp', '--exclude=skipped/', '--exclude-caches', '--exclude-larger-than=5000'];

async function makeTree(root: string): Promise<void> {
  for (const name of ['a/b/c', 'skipped', 'cache']) await mkdir(join(root, name), { recursive: true });
  for (const [name, size] of [
    ['one', 1],
    ['empty', 0],
    ['a/4096', 4096],
    ['a/too-large', 5001],
    ['a/b/x.tmp', 10],
    ['a/b/c/deep', 777],
    ['skipped/file', 50],
    ['cache/file', 60],
  ] as const) {
    await writeFile(join(root, name), Buffer.alloc(size, name));
  }
  await writeFile(join(root, 'cache/CACHEDIR.TAG'), CACHE_MARKER.header);
  await writeFile(join(root, 'a/.pxarexclude'), '/4096\n!/b/x.tmp\n');
  await link(join(root, 'one'), join(root, 'a/b/later-name'));
  await symlink('one', join(root, 'link'));
}

test('the estimate is what the backup reads, with its excludes and hard links', async (t) => {
  await withWorld(async ({ source, backup }) => {
    await makeTree(source);
    const { stdout } = await backup([...WORDS, '--output-format', 'json']);
    const { files, archives } = summary.parse(JSON.parse(stdout));
    const estimate = await estimateSources(
      parseSources([`root.pxar:${source}`]),
      walk,
      new AbortController().signal,
    );
    t.deepEqual(estimate, { files, bytes: archives[0]!.payload.size });
    t.is(files, 6);
  });
});

test('several sources add up', async (t) => {
  await withWorld(async ({ source }) => {
    await makeTree(source);
    const signal = new AbortController().signal;
    const one = await estimateSources(parseSources([`a.pxar:${source}`]), walk, signal);
    const two = await estimateSources(parseSources([`a.pxar:${source}`, `b.pxar:${source}/a`]), walk, signal);
    const part = await estimateSources(parseSources([`b.pxar:${source}/a`]), walk, signal);
    t.deepEqual(two, { files: one.files + part.files, bytes: one.bytes + part.bytes });
  });
});

test('an aborted estimate rejects', async (t) => {
  await withWorld(async ({ source }) => {
    const sources = parseSources([`a.pxar:${source}`]);
    await t.throwsAsync(estimateSources(sources, walk, AbortSignal.abort(new Error('ended'))), {
      message: 'ended',
    });
  });
});
