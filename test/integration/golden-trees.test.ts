/** Trees of the golden vectors, made again, give the archives that the reference programs made, and come back as they were. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { archiveOf, unpackArchives } from '../pxar/fixtures.js';
import { goldenJson, withGoldenStore } from '../support/golden-store.js';
import { metadataRun } from '../support/metadata-run.js';
import { assembled, withSnapshot } from '../support/streams.js';
import { buildTree, differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot, removeTree, type World, withWorld } from '../support/world.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/trees/', import.meta.url));
const archives = unpackArchives();
const whole = isRoot ? test : test.skip;

function goldenTree(name: string): TreeEntry[] {
  const tree: unknown = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
  return parseEntries(z.object({ entries: z.unknown() }).parse(tree).entries);
}

const LEGACY = ['--change-detection-mode', 'legacy'];

const CASES = [
  { archive: 'meta', tree: 'meta', options: [] },
  {
    archive: 'meta-exclude',
    tree: 'meta',
    options: ['--exclude=*.tmp', '--exclude=!keep.tmp', '--exclude=/times', '--exclude=links/'],
  },
  { archive: 'content', tree: 'content', options: [] },
];

for (const { archive, tree, options } of CASES) {
  whole(`the tree of ${archive} gives the bytes that the reference program wrote`, async (t) => {
    await withWorld(async ({ store, source, backup }) => {
      await buildTree(source, goldenTree(tree));
      const result = await backup(options);
      t.is(result.code, 0, result.stderr);
      const metadata = await assembled(store, 'host/t', 'root.mpxar.didx');
      t.true(metadata.equals(archiveOf(archives, `${archive}.mpxar`)));
      const payload = await assembled(store, 'host/t', 'root.ppxar.didx');
      t.true(payload.equals(archiveOf(archives, `${archive}.ppxar`)));
      const legacy = await backup([...LEGACY, ...options], { clockOffset: 60 });
      t.is(legacy.code, 0, legacy.stderr);
      const single = await assembled(store, 'host/t', 'root.pxar.didx');
      t.true(single.equals(archiveOf(archives, `${archive}.pxar`)));
    });
  });
}

interface ListedFile {
  readonly filename: string;
  readonly csum: string;
  readonly size: number;
}

/** The files of a snapshot as its manifest lists them. */
function filesOf(store: string, snapshot: string): Promise<ListedFile[]> {
  return withSnapshot(store, snapshot, ({ manifest }) =>
    Promise.resolve(manifest.files.map(({ filename, csum, size }) => ({ filename, csum, size }))),
  );
}

const SNAPSHOTS = [
  { snapshot: 'host/kinds/2023-11-14T22:13:21Z', tree: () => goldenTree('meta'), options: [] },
  {
    snapshot: 'host/alpha/2023-11-14T22:30:00Z',
    // What the reference client restored; it makes the list of patterns itself.
    tree: () =>
      goldenJson(
        'snapshots/host_alpha_2023-11-14T223000Z/restored-root.pxar.json',
        z.object({ entries: z.unknown() }).transform(({ entries }) => parseEntries(entries)),
      ).filter(({ path }) => path !== Buffer.from('.pxarexclude-cli').toString('hex')),
    options: ['--exclude', '*.bak'],
  },
];

for (const { snapshot, tree, options } of SNAPSHOTS) {
  whole(
    `the tree of ${snapshot} gives the archive, catalog and chunks of the reference client`,
    async (t) => {
      await withWorld(async ({ store, source, backup }) => {
        await buildTree(source, tree());
        const result = await backup([...LEGACY, '--chunk-size', '64', ...options]);
        t.is(result.code, 0, result.stderr);
        const made = await filesOf(store, 'host/t');
        await withGoldenStore(async (golden) => t.deepEqual(made, await filesOf(golden, snapshot)));
      });
    },
  );
}

const LAYOUTS = [
  ['split', ['--layout', 'split']],
  ['single', ['--layout', 'single']],
] as const;

for (const [layout, options] of LAYOUTS) {
  whole(`a tree of every kind of entry and metadata comes back from ${layout} archives`, async (t) => {
    await withWorld(async (world) => {
      // Files with times near the epoch are read by every run.
      const tree = goldenTree('meta').filter(
        ({ path, type, mtime }) =>
          !path.endsWith(Buffer.from('.pxarexclude').toString('hex')) &&
          !(type === 'file' && Math.abs(mtime.s) <= 1),
      );
      await buildTree(world.source, tree);
      await comesBackTwice(t, world, options);
    });
  });

  whole(`a tree of every kind of content comes back from ${layout} archives`, async (t) => {
    await withWorld(async (world) => {
      await buildTree(world.source, goldenTree('content'));
      await comesBackTwice(t, world, options);
    });
  });
}

/** Backs the world's source up twice in mode metadata, the second time without reading most files; both restore to it. */
async function comesBackTwice(t: ExecutionContext, world: World, options: readonly string[]): Promise<void> {
  const { source, target, restore } = world;
  const before = (await scanTree(source)).map(storable);
  for (const hour of [1, 2]) {
    const { code, stderr, reasons, summary } = await metadataRun(world, hour, options);
    t.is(code, 0, stderr);
    t.deepEqual(reasons, { [hour === 1 ? 'no reference' : 'reused']: summary.files });
    const result = await restore();
    t.is(result.code, 0, result.stderr);
    t.deepEqual(differences(before, await scanTree(target)), []);
    await removeTree(target);
  }
}

/** Only regular files and directories carry extended attributes and ACLs in an archive (pxar.md §2). */
function storable(entry: TreeEntry): TreeEntry {
  if (entry.type === 'file' || entry.type === 'dir') return entry;
  const { xattrs: _xattrs, acl_access: _acl, ...rest } = entry;
  return rest;
}
