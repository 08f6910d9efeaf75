/** What did not change is not read: counted at the system calls. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type MetadataRun, metadataRun } from '../support/metadata-run.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { readSplit } from '../support/split-archive.js';
import { hasStrace, tracedReads } from '../support/traced-run.js';
import { differences, scanTree } from '../support/tree.js';
import { type World, withWorld } from '../support/world.js';

const TREE = { directories: 30, filesEach: 20, size: 2500 };
const MTIME = 1_650_000_000;
const traced = hasStrace ? test : test.skip;

/** A run under strace, and the files below the source from which it read contents. */
function tracedRun(
  world: World,
  hour: number,
  wrapper: readonly string[] = [],
): Promise<{ run: MetadataRun; read: string[] }> {
  return tracedReads(world, (strace) => metadataRun(world, hour, [], { wrapper: [...wrapper, ...strace] }));
}

async function isTrue(t: ExecutionContext, world: World): Promise<void> {
  t.deepEqual((await readSplit(world.store, 'host/t')).problems, []);
  t.is((await world.restore()).code, 0);
  t.deepEqual(differences(await scanTree(world.source), await scanTree(world.target)), []);
}

traced('the trace sees what is read', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, { ...TREE, directories: 2 });
    const { read, run } = await tracedRun(world, 1);
    t.is(run.reasons['no reference'], files.length);
    t.deepEqual(read, files);
  });
});

for (const [how, wrapper] of [
  ['', []],
  [' with 64 descriptors', ['prlimit', '--nofile=64:64']],
] as const) {
  traced(`an unchanged tree is backed up without reading any contents${how}`, async (t) => {
    await withWorld(async (world) => {
      const files = makeSampleTree(world.source, TREE);
      await metadataRun(world, 1);
      for (const hour of [2, 3]) {
        const { run, read } = await tracedRun(world, hour, wrapper);
        t.deepEqual(run.reasons, { reused: files.length });
        t.deepEqual(read, []);
        t.is(run.summary.archives[0]!.payload['new-bytes'], hour === 2 ? 32 : 0);
      }
      await isTrue(t, world);
    });
  });
}

test('a large unchanged tree in many directories is reused with 64 descriptors', async (t) => {
  await withWorld(async (world) => {
    for (let d = 0; d < 600; d += 1) {
      const directory = join(world.source, `${d % 20}`, `${d}`, 'deep');
      mkdirSync(directory, { recursive: true });
      for (let f = 0; f < 15; f += 1) {
        writeFileSync(join(directory, `${f}`), `${d} ${f}`);
        utimesSync(join(directory, `${f}`), MTIME, MTIME);
      }
    }
    const options = { wrapper: ['prlimit', '--nofile=64:64'] };
    await metadataRun(world, 1, [], options);
    const run = await metadataRun(world, 2, [], options);
    t.deepEqual(run.reasons, { reused: 9000 });
    t.deepEqual((await readSplit(world.store, 'host/t')).problems, []);
  });
});

traced('only what changed is read, and each file says why', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    const at = (path: string): string => join(world.source, path);
    const [touched, appended] = ['d03/touched', 'd20/appended'];
    for (const path of [touched, appended]) {
      writeFileSync(at(path), noise(path, 3000));
      utimesSync(at(path), MTIME, MTIME);
    }
    await metadataRun(world, 2);
    utimesSync(at(touched), MTIME + 1, MTIME + 1);
    writeFileSync(at(appended), noise(appended, 3001));
    utimesSync(at(appended), MTIME, MTIME);
    writeFileSync(at('d10/new'), 'new');
    utimesSync(at('d10/new'), MTIME, MTIME);
    const { run, read } = await tracedRun(world, 3);
    const { reused = 0, padding = 0, ...others } = run.reasons;
    t.deepEqual(others, { new: 1, mtime: 1, size: 1 });
    t.true(reused >= 590, `${reused} reused, ${padding} for their padding`);
    t.is(read.length, 3 + padding);
    for (const path of [touched, appended, 'd10/new']) t.true(read.includes(path), path);
    await isTrue(t, world);
  });
});

test('changes of metadata alone keep the contents, and are stored', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, TREE);
    execFileSync('setfattr', ['-n', 'user.a', '-v', 'old', join(world.source, files[100]!)]);
    await metadataRun(world, 1);
    execFileSync('chmod', ['-R', 'o+w', world.source]);
    execFileSync('setfattr', ['-n', 'user.a', '-v', 'new', join(world.source, files[100]!)]);
    execFileSync('setfattr', ['-n', 'user.b', '-v', 'added', join(world.source, files[200]!)]);
    const run = await metadataRun(world, 2);
    t.deepEqual(run.reasons, { reused: files.length });
    await isTrue(t, world);
  });
});

test('hard links cost one read where another name comes first', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, TREE);
    const at = (path: string): string => join(world.source, path);
    linkSync(at(files[300]!), at('zz'));
    await metadataRun(world, 1);
    const unchanged = await metadataRun(world, 2);
    t.deepEqual(unchanged.reasons, { reused: files.length });
    t.is(unchanged.summary.hardlinks, 1);
    linkSync(at(files[300]!), at('d00/0first'));
    const before = await metadataRun(world, 3);
    t.is(before.reasons['new'], 1);
    t.is(before.summary.hardlinks, 2);
    await isTrue(t, world);
    renameSync(at('d00/0first'), at('d00/gone'));
    const after = await metadataRun(world, 4);
    t.is(after.reasons['new'], 1);
    t.deepEqual((await readSplit(world.store, 'host/t')).problems, []);
  });
});

test('a file that was modified after the last run began is read, whatever its time says', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, { ...TREE, directories: 3 });
    const path = join(world.source, 'd01', 'racy');
    // Between the two runs by their clocks, however long they take.
    const now = Math.floor(Date.now() / 1000) + 1800;
    writeFileSync(path, 'before');
    utimesSync(path, now, now);
    await metadataRun(world, 0);
    writeFileSync(path, 'after!');
    utimesSync(path, now, now);
    const run = await metadataRun(world, 1);
    t.is(run.reasons['racy'], 1);
    await isTrue(t, world);
  });
});
