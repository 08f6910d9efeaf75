/** Single archives in mode metadata: what is said, what is read, and that each generation is a true one. */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { MetadataRun } from '../support/metadata-run.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { readSingle } from '../support/single-archive.js';
import { isTrue, pathsOf, referencesOf, singleRun } from '../support/single-run.js';
import { hasStrace, tracedReads } from '../support/traced-run.js';
import { type World, withWorld } from '../support/world.js';

const TREE = { directories: 12, filesEach: 15, size: 2500 };
const MTIME = 1_650_000_000;
const traced = hasStrace ? test : test.skip;

function tracedRun(world: World, hour: number): Promise<{ run: MetadataRun; read: string[] }> {
  return tracedReads(world, (wrapper) => singleRun(world, hour, [], { wrapper }));
}

/** Writes a file whose modification is old. */
function put(path: string, content: Buffer | string, seconds = MTIME): void {
  writeFileSync(path, content);
  utimesSync(path, seconds, seconds);
}

test('the first run says that there is no previous manifest, the next what it compares with', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, TREE);
    const first = await singleRun(world, 1);
    t.regex(first.stderr, /^No previous manifest, fallback to regular mode$/m);
    t.deepEqual(referencesOf(first), []);
    t.deepEqual(first.reasons, { 'no reference': files.length });
    t.is((await readSingle(world.store, 'host/t')).version, 1);
    const second = await singleRun(world, 2);
    t.regex(second.stderr, /^Using previous catalog as metadata reference for 'root\.pxar\.didx'$/m);
    t.is(second.stderr.match(/reference|fallback/g)?.length, 1, second.stderr);
    t.deepEqual(second.reasons, { reused: files.length });
    t.is((await readSingle(world.store, 'host/t')).version, 3);
    t.is(second.summary.archives[0]!.metadata, null);
    await isTrue(t, world);
  });
});

traced('an unchanged tree is backed up without reading any contents', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, TREE);
    const first = await tracedRun(world, 1);
    t.deepEqual(first.read, files);
    const contents = first.run.summary.archives[0]!.payload.size;
    for (const hour of [2, 3, 4]) {
      const { run, read } = await tracedRun(world, hour);
      t.deepEqual(run.reasons, { reused: files.length });
      t.deepEqual(read, []);
      const { payload } = run.summary.archives[0]!;
      t.true(payload['new-bytes'] < contents / 10, `${payload['new-bytes']} new bytes`);
      t.is(payload['injected-chunks'] > 0, true);
    }
    const stored = await readSingle(world.store, 'host/t');
    t.is(stored.version, 3);
    t.deepEqual(pathsOf(stored, true), files);
    await isTrue(t, world);
  });
});

traced('only what changed is read, and each file says why', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    const at = (path: string): string => join(world.source, path);
    for (const path of ['d03/touched', 'd07/appended']) put(at(path), noise(path, 3000));
    await singleRun(world, 1);
    await singleRun(world, 2);
    put(at('d03/touched'), noise('d03/touched', 3000), MTIME + 1);
    put(at('d07/appended'), noise('d07/appended', 3001));
    put(at('d05/new'), 'new');
    const { run, read } = await tracedRun(world, 3);
    const { reused = 0, padding = 0, ...others } = run.reasons;
    t.deepEqual(others, { new: 1, mtime: 1, size: 1 });
    t.true(reused >= 150, `${reused} reused, ${padding} for their padding`);
    for (const path of ['d03/touched', 'd05/new', 'd07/appended']) t.true(read.includes(path), path);
    t.is(read.length, 3 + padding);
    t.deepEqual(pathsOf(await readSingle(world.store, 'host/t'), false), read);
    await isTrue(t, world);
  });
});

/** What happens between one generation and the next. */
const CHANGES: readonly ((at: (path: string) => string) => void)[] = [
  (at) => {
    put(at('d02/fresh'), noise('fresh', 9000));
    put(at('d06/0first'), noise('0first', 100));
  },
  (at) => {
    rmSync(at('d03'), { recursive: true });
    put(at('d02/fresh'), noise('fresher', 9000), MTIME + 5);
  },
  (at) => {
    renameSync(at('d05'), at('d99'));
    mkdirSync(at('d03'));
    put(at('d03/f000'), 'another file of an old name');
    rmSync(at('d06/0first'));
  },
  (at) => {
    rmSync(at('d02/fresh'));
    mkdirSync(at('d02/fresh'));
    put(at('d02/fresh/large'), noise('large', 1_500_000));
  },
  (at) => {
    rmSync(at('link'));
    rmSync(at('d07'), { recursive: true });
    put(at('d07'), 'a file where a directory was');
  },
  () => undefined,
];

async function generations(t: ExecutionContext, world: World): Promise<void> {
  const at = (path: string): string => join(world.source, path);
  let inAppendix = 0;
  for (const [i, change] of CHANGES.entries()) {
    change(at);
    const run = await singleRun(world, i + 2);
    t.deepEqual(referencesOf(run), ['root.pxar.didx']);
    inAppendix = pathsOf(await readSingle(world.store, 'host/t'), true).length;
    t.is(run.reasons['reused'], inAppendix);
    t.true(inAppendix > run.summary.files / 2, JSON.stringify(run.reasons));
    await isTrue(t, world);
  }
  t.true(inAppendix > 100);
}

test('references lead into older appendixes, generation after generation', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    put(join(world.source, 'empty'), '');
    symlinkSync('nowhere', join(world.source, 'link'));
    linkSync(join(world.source, 'd06', 'f000'), join(world.source, 'zz'));
    await singleRun(world, 1);
    await generations(t, world);
  });
});

test('hard links cost one read where another name comes first', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, TREE);
    const at = (path: string): string => join(world.source, path);
    linkSync(at(files[100]!), at('zz'));
    await singleRun(world, 1);
    const unchanged = await singleRun(world, 2);
    t.deepEqual(unchanged.reasons, { reused: files.length });
    t.is(unchanged.summary.hardlinks, 1);
    linkSync(at(files[100]!), at('d00/0first'));
    const before = await singleRun(world, 3);
    t.is(before.reasons['new'], 1);
    t.is(before.summary.hardlinks, 2);
    await isTrue(t, world);
    rmSync(at('d00/0first'));
    const after = await singleRun(world, 4);
    t.is(after.reasons['hard link'], 1);
    await isTrue(t, world);
  });
});

test('an appendix of nothing is one, too', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, { ...TREE, directories: 2 });
    await singleRun(world, 1);
    for (const path of files) put(join(world.source, path), noise(`other ${path}`, 3000));
    t.deepEqual((await singleRun(world, 2)).reasons, { size: files.length });
    const archive = await readSingle(world.store, 'host/t');
    t.is(archive.version, 3);
    t.deepEqual([archive.appendixChunks, pathsOf(archive, true)], [[], []]);
    await isTrue(t, world);
    t.deepEqual((await singleRun(world, 3)).reasons, { reused: files.length });
    await isTrue(t, world);
  });
});

test('patterns of the command line are kept in an archive with an appendix', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    put(join(world.source, 'a.tmp'), 'excluded');
    for (const hour of [1, 2, 3]) {
      const run = await singleRun(world, hour, ['--exclude', '*.tmp']);
      t.is(run.reasons['reused'] ?? 0, hour === 1 ? 0 : TREE.directories * TREE.filesEach);
    }
    rmSync(join(world.source, 'a.tmp'));
    t.is((await world.restore()).code, 0);
    t.is(readFileSync(join(world.target, '.pxarexclude-cli'), 'utf8'), '*.tmp\n');
    t.deepEqual((await readSingle(world.store, 'host/t')).problems, []);
  });
});
