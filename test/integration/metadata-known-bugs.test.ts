/** What the reference client gets wrong in mode metadata, and restat must not (issue: metadata mode, 5). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { metadataRun } from '../support/metadata-run.js';
import { replaceStream } from '../support/replaced-stream.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { readSplit } from '../support/split-archive.js';
import { assembled } from '../support/streams.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, type World, withTmpfs, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const TREE = { directories: 5, filesEach: 20, size: 9000 };
const MTIME = 1_650_000_000;

async function restoresLive(world: World): Promise<string[]> {
  const restored = await world.restore();
  if (restored.code !== 0) return [restored.stderr];
  return differences(await scanTree(world.source), await scanTree(world.target));
}

test('a file whose size alone changed is read', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    for (const [name, size] of [
      ['f001', 5000],
      ['f002', 20_000],
      ['f003', 0],
    ] as const) {
      const path = join(
        world.source,
        'd01',
        readdirSync(join(world.source, 'd01')).find((n) => n.startsWith(name))!,
      );
      truncateSync(path, size);
      utimesSync(path, MTIME, MTIME);
    }
    const run = await metadataRun(world, 2);
    t.is(run.reasons['size'], 3);
    t.true(run.reasons['reused']! >= 80, JSON.stringify(run.reasons));
    t.deepEqual(await restoresLive(world), []);
  });
});

const METADATA = 'root.mpxar.didx';
const PAYLOAD_REF = Buffer.from('7e97bac46b3d9d41', 'hex');
const ITEM_SIZE = 32;

/** Positions of all PAYLOAD_REF items. */
function refsOf(metadata: Buffer): number[] {
  const found: number[] = [];
  for (let at = metadata.indexOf(PAYLOAD_REF); at >= 0; at = metadata.indexOf(PAYLOAD_REF, at + ITEM_SIZE))
    found.push(at);
  return found;
}

/** Ways to break the order of payload offsets, each with the files of equal content that it is about. */
const ORDERS: Readonly<Record<string, (refs: Buffer[]) => void>> = {
  'exchanged in pairs': (refs) => {
    for (let i = 0; i + 1 < refs.length; i += 2) [refs[i], refs[i + 1]] = [refs[i + 1]!, refs[i]!];
  },
  'all descending': (refs) => refs.reverse(),
  'all the same': (refs) => refs.fill(refs[0]!),
};

for (const [how, order] of Object.entries(ORDERS)) {
  test(`payload offsets that do not increase in the reference (${how}) do increase in the snapshot`, async (t) => {
    await withWorld(async (world) => {
      // Equal contents: whichever payload a name leads to, it is the right one.
      const content = noise('same', 7000);
      for (let i = 0; i < 60; i += 1) {
        const path = join(world.source, `f${String(i).padStart(2, '0')}`);
        writeFileSync(path, content);
        utimesSync(path, MTIME, MTIME);
      }
      await metadataRun(world, 1);
      const metadata = await assembled(world.store, 'host/t', METADATA);
      const positions = refsOf(metadata);
      t.is(positions.length, 60);
      const refs = positions.map((at) => Buffer.from(metadata.subarray(at, at + ITEM_SIZE)));
      order(refs);
      for (const [i, at] of positions.entries()) refs[i]!.copy(metadata, at);
      await replaceStream(world.store, METADATA, metadata);
      const run = await metadataRun(world, 2);
      t.regex(run.stderr, /Using previous index/);
      t.deepEqual((await readSplit(world.store, 'host/t')).problems, []);
      t.deepEqual(await restoresLive(world), []);
      // And another one on top of it.
      const next = await metadataRun(world, 3);
      t.true(next.reasons['reused']! >= 36, JSON.stringify(next.reasons));
      t.deepEqual((await readSplit(world.store, 'host/t')).problems, []);
    });
  });
}

test('payload offsets beyond the payload archive are not followed', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    const metadata = await assembled(world.store, 'host/t', METADATA);
    const wrong = [0n, 8n, 2n ** 40n, 2n ** 63n + 5n, 2n ** 64n - 1n];
    for (const [i, at] of refsOf(metadata)
      .slice(10, 10 + wrong.length)
      .entries())
      metadata.writeBigUInt64LE(wrong[i]!, at + 16);
    await replaceStream(world.store, METADATA, metadata);
    const run = await metadataRun(world, 2);
    t.is(run.reasons['payload'], wrong.length);
    t.true(run.reasons['reused']! >= 80, JSON.stringify(run.reasons));
    t.deepEqual((await readSplit(world.store, 'host/t')).problems, []);
    t.deepEqual(await restoresLive(world), []);
  });
});

/** Snapshots of the group, and directories of unfinished ones. */
function snapshotsOf(store: string): string[] {
  return readdirSync(join(store, 'host/t')).filter((name) => name !== 'owner');
}

whole('a fatal error of the walk ends in exit 1 and no snapshot', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    const before = snapshotsOf(world.store);
    const wide = join(world.source, 'd03', 'wide');
    mkdirSync(wide);
    for (let i = 0; i < 200; i += 1) writeFileSync(join(wide, `w${i}`), '');
    const words = ['--change-detection-mode', 'metadata', '--chunk-size', '64', '--entries-max', '150'];
    const failed = await world.backup(words, { clockOffset: 7200 });
    t.is(failed.code, 1, failed.stderr);
    t.regex(failed.stderr, /entries/);
    t.deepEqual(snapshotsOf(world.store), before);
    // What comes next has its reference still.
    const run = await metadataRun(world, 3);
    t.true(run.reasons['reused']! >= 90, JSON.stringify(run.reasons));
    t.deepEqual(await restoresLive(world), []);
  });
});

whole('no room for the spooled reference costs the reference, not the backup', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, { ...TREE, nameLength: 200 });
    const temporary = join(world.directory, 'small');
    await withTmpfs(temporary, async () => {
      execFileSync('mount', ['-o', 'remount,size=16k', temporary]);
      await metadataRun(world, 1);
      const run = await metadataRun(world, 2, [], { env: { TMPDIR: temporary } });
      t.regex(run.stderr, /Previous metadata archive cannot be read, continue without reference: .*ENOSPC/);
      t.deepEqual(run.reasons, { 'no reference': run.summary.files });
      t.deepEqual(await restoresLive(world), []);
    });
  });
});

test('an anchored line of .pxarexclude below a directory like a pattern holds there', async (t) => {
  await withWorld(async (world) => {
    for (const directory of ['we[i]rd', 'weird', 'sub']) {
      mkdirSync(join(world.source, directory));
      writeFileSync(join(world.source, directory, 'out'), 'x');
      writeFileSync(join(world.source, directory, 'in'), 'y');
    }
    for (const directory of ['we[i]rd', 'sub'])
      writeFileSync(join(world.source, directory, '.pxarexclude'), '/out\n');
    for (const hour of [1, 2]) {
      await metadataRun(world, hour);
      const { entries } = await readSplit(world.store, 'host/t');
      t.deepEqual(
        entries.map(({ path }) => path).filter((path) => path.endsWith('out')),
        ['/weird/out'],
      );
    }
  });
});
