/** Single archives in mode metadata: several in one run, over a server, and beside the other modes. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MAGIC } from '../../src/catalog/format.js';
import { restat, restatOk } from '../support/cli.js';
import { type MetadataRun, metadataRun, parseRun } from '../support/metadata-run.js';
import { makeSampleTree, noise } from '../support/sample-tree.js';
import { withServed } from '../support/served.js';
import { withSessionServer } from '../support/session-server.js';
import { readSingle } from '../support/single-archive.js';
import { isTrue, referencesOf, restoredDifferences, singleRun } from '../support/single-run.js';
import { assembled } from '../support/streams.js';
import { differences, scanTree } from '../support/tree.js';
import { type World, withWorld } from '../support/world.js';

const TREE = { directories: 6, filesEach: 15, size: 6000 };
const FILES = 90;
const OTHER = { directories: 3, filesEach: 10, size: 9000 };
const OTHER_FILES = 30;
const BOTH = FILES + OTHER_FILES;
const SINGLE = ['--layout', 'single', '--output-format', 'json', '--chunk-size', '64'];

interface Where {
  readonly repository: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Two trees in the source: `a` and `b`. */
function makeTwo({ source }: World): void {
  for (const [name, tree] of [
    ['a', TREE],
    ['b', OTHER],
  ] as const) {
    mkdirSync(join(source, name));
    makeSampleTree(join(source, name), tree);
  }
}

async function runOfTwo(
  { source }: World,
  hour: number,
  mode: string,
  { repository, env = {} }: Where,
): Promise<MetadataRun> {
  const sources = ['a', 'b'].map((name) => `${name}.pxar:${join(source, name)}`);
  const words = ['--repository', repository, '--backup-id', 't', '--change-detection-mode', mode, ...SINGLE];
  return parseRun(await restat(['backup', ...sources, ...words], { clockOffset: 3600 * hour, env }));
}

async function restoresTwo(t: ExecutionContext, world: World, { repository, env = {} }: Where) {
  for (const name of ['a', 'b']) {
    rmSync(world.target, { recursive: true, force: true });
    const words = ['restore', 'host/t', `${name}.pxar`, world.target, '--repository', repository];
    await restatOk(words, { env });
    const live = await scanTree(join(world.source, name));
    t.deepEqual(differences(live, await scanTree(world.target)), []);
  }
}

/** Runs after each other: mode, reasons, which archives have an appendix then. */
const RUNS = [
  ['metadata:a', { 'no reference': BOTH }, ''],
  ['metadata:a', { reused: FILES, 'no reference': OTHER_FILES }, 'a'],
  ['metadata:a,b', { reused: BOTH }, 'ab'],
  ['metadata:b.pxar', { reused: OTHER_FILES, 'no reference': FILES }, 'b'],
  ['metadata:b:a.pxar.didx', { reused: BOTH }, 'ab'],
  ['metadata', { reused: BOTH }, 'ab'],
  ['data', { 'no reference': BOTH }, ''],
] as const;

test('mode metadata holds for the archives that are named', async (t) => {
  await withWorld(async (world) => {
    makeTwo(world);
    for (const [i, [mode, reasons, appended]] of RUNS.entries()) {
      const run = await runOfTwo(world, i + 1, mode, { repository: world.store });
      t.deepEqual(run.reasons, reasons, mode);
      t.deepEqual(
        referencesOf(run),
        [...appended].map((name) => `${name}.pxar.didx`),
        mode,
      );
      for (const name of ['a', 'b']) {
        const { version, problems } = await readSingle(world.store, 'host/t', name);
        t.deepEqual([version, problems], [appended.includes(name) ? 3 : 1, []], `${mode}: ${name}`);
      }
      if (mode === 'metadata:b.pxar') await restoresTwo(t, world, { repository: world.store });
    }
  });
});

test('a run asks once for the previous catalog and for the index of each archive, and uploads only what is new', async (t) => {
  const calls: string[] = [];
  const hold = ({
    method,
    path,
    query,
  }: {
    method: string;
    path: string;
    query: URLSearchParams;
  }): undefined => {
    const name = query.get('archive-name') ?? query.get('file-name') ?? '';
    calls.push(`${method} ${path.slice(path.lastIndexOf('/') + 1)} ${name}`.trim());
  };
  await withWorld((world) =>
    withSessionServer({ hold }, async ({ repository, env, store }) => {
      makeTwo(world);
      const where = { repository: repository(), env };
      await runOfTwo(world, 1, 'metadata', where);
      for (const hour of [2, 3]) {
        writeFileSync(join(world.source, 'b', `new${hour}`), noise(`new${hour}`, 100_000));
        calls.length = 0;
        const run = await runOfTwo(world, hour, 'metadata', where);
        t.deepEqual(referencesOf(run), ['a.pxar.didx', 'b.pxar.didx']);
        t.is(run.reasons['new'], 1);
        const count = (call: string): number => calls.filter((each) => each === call).length;
        t.is(count('GET previous a.pxar.didx'), 1);
        t.is(count('GET previous b.pxar.didx'), 1);
        t.is(count('GET download catalog.pcat1.didx'), 1, calls.join('\n'));
        // The tree of each archive, the new file, the catalog.
        t.true(count('POST dynamic_chunk') <= 8, `${count('POST dynamic_chunk')} chunks`);
      }
      t.is(store.snapshots.size, 3);
    }),
  );
});

test('a server that holds its rules takes one generation after the other', async (t) => {
  await withWorld(async (world) => {
    const state = join(world.directory, 'state-of-server');
    mkdirSync(state, { mode: 0o700 });
    makeTwo(world);
    await withServed(world.store, state, async (where) => {
      const first = await runOfTwo(world, 1, 'metadata', where);
      t.regex(first.stderr, /^No previous manifest, fallback to regular mode$/m);
      for (const hour of [2, 3, 4]) {
        writeFileSync(join(world.source, 'a', `new${hour}`), noise(`new${hour}`, 9000));
        const run = await runOfTwo(world, hour, 'metadata', where);
        t.deepEqual(referencesOf(run), ['a.pxar.didx', 'b.pxar.didx']);
        const { reused = 0, padding = 0, ...others } = run.reasons;
        t.deepEqual(others, { new: 1 });
        t.true(reused > padding, JSON.stringify(run.reasons));
        for (const name of ['a', 'b'])
          t.deepEqual((await readSingle(world.store, 'host/t', name)).problems, []);
        await restoresTwo(t, world, where);
      }
    });
  });
});

test('a dry run finds the reasons and sizes that the real run then has, and stores nothing', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await singleRun(world, 1);
    await singleRun(world, 2);
    for (const name of ['f003', 'f004']) writeFileSync(join(world.source, 'd02', `${name}.new`), name);
    for (const name of readdirSync(join(world.source, 'd05')).slice(0, 3))
      writeFileSync(join(world.source, 'd05', name), noise(`other ${name}`, 6000));
    rmSync(join(world.source, 'd03'), { recursive: true });
    const stored = () =>
      ['.chunks', 'host'].map((part) => readdirSync(join(world.store, part), { recursive: true }).sort());
    const before = stored();
    const dry = await singleRun(world, 3, ['--dry-run']);
    t.deepEqual(stored(), before);
    t.regex(dry.stderr, /nothing was stored/);
    t.deepEqual(referencesOf(dry), ['root.pxar.didx']);
    const real = await singleRun(world, 4);
    t.deepEqual(dry.reasons, real.reasons);
    t.is(real.reasons['new'], 2);
    const [planned, done] = [dry.summary.archives[0]!, real.summary.archives[0]!];
    t.deepEqual(planned.padding, done.padding);
    t.is(planned.payload.size, done.payload.size);
    await isTrue(t, world);
  });
});

test('--layout single in mode data makes what mode legacy makes', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    const streams: Buffer[][] = [];
    for (const [hour, words] of [
      [1, ['--layout', 'single', '--change-detection-mode', 'data']],
      [2, ['--change-detection-mode', 'legacy']],
      [3, ['--layout', 'single', '--change-detection-mode', 'legacy']],
    ] as const) {
      const { stderr } = await metadataRun(world, hour, words);
      t.notRegex(stderr, /reference|fallback/);
      const names = ['root.pxar.didx', 'catalog.pcat1.didx'];
      streams.push(await Promise.all(names.map((name) => assembled(world.store, 'host/t', name))));
    }
    t.deepEqual(streams[0], streams[1]);
    t.deepEqual(streams[0], streams[2]);
    const { version } = await readSingle(world.store, 'host/t');
    t.is(version, 1);
    t.deepEqual(streams[0]![1]!.subarray(0, 8), MAGIC[1]);
    t.deepEqual(await restoredDifferences(world), []);
  });
});

test('layouts that do not go together or do not exist are usage errors before anything starts', async (t) => {
  await withWorld(async (world) => {
    for (const words of [
      ['--change-detection-mode', 'legacy', '--layout', 'split'],
      ['--change-detection-mode', 'metadata', '--layout', 'appendix'],
      ['--change-detection-mode', 'metadata:other', '--layout', 'single'],
    ]) {
      const { code, stderr } = await world.backup(words);
      t.is(code, 2, `${words.join(' ')}: ${stderr}`);
    }
    t.false(readdirSync(world.store).includes('host'));
  });
});
