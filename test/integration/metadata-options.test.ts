/** Options of change detection: which archives, how much padding, when everything is read, what is said. */
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { restat } from '../support/cli.js';
import { type MetadataRun, metadataRun, parseRun } from '../support/metadata-run.js';
import { makeSampleTree } from '../support/sample-tree.js';
import { readSplit } from '../support/split-archive.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { type World, withWorld } from '../support/world.js';

const TREE = { directories: 10, filesEach: 20, size: 3000 };
const FILES = 200;
const MTIME = 1_650_000_000;

/** Backs up `d00` … `d04` as a.pxar and the whole as b.pxar. */
async function twoArchives(world: World, hour: number, mode: string): Promise<MetadataRun> {
  const sources = [`a.pxar:${join(world.source, 'd00')}`, `b.pxar:${world.source}`];
  const words = ['--repository', world.store, '--backup-id', 't', '--sync', 'none', '--chunk-size', '64'];
  const options = ['--change-detection-mode', mode, '--output-format', 'json'];
  return parseRun(await restat(['backup', ...sources, ...words, ...options], { clockOffset: 3600 * hour }));
}

test('mode metadata holds for the archives that are named, by any of their names', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await twoArchives(world, 1, 'data');
    const runs = [
      ['metadata', 2, { reused: 220 }],
      ['metadata:a', 1, { reused: 20, 'no reference': 200 }],
      ['metadata:b.pxar', 1, { reused: 200, 'no reference': 20 }],
      ['metadata:a.pxar.didx,b', 2, { reused: 220 }],
      ['metadata:b:a.pxar', 2, { reused: 220 }],
      ['data', 0, { 'no reference': 220 }],
    ] as const;
    for (const [i, [mode, archives, reasons]] of runs.entries()) {
      const run = await twoArchives(world, i + 2, mode);
      t.deepEqual(run.reasons, reasons, mode);
      const used =
        run.stderr.match(/Using previous index as metadata reference for '[ab]\.mpxar\.didx'/g) ?? [];
      t.is(used.length, archives, mode);
    }
  });
});

const MISUSE = [
  ['--change-detection-mode', 'metadata:other'],
  ['--change-detection-mode', 'metadata:root.img'],
  ['--change-detection-mode', 'metadata:'],
  ['--change-detection-mode', 'metadata:root,'],
  ['--change-detection-mode', 'Metadata'],
  ['--change-detection-mode', ''],
  ['--max-padding', '101'],
  ['--max-padding', '-1'],
  ['--max-padding', '10,5,1'],
  ['--max-padding', 'ten'],
  ['--max-padding', '10,'],
  ['--full-every', '0'],
  ['--full-every', '1.5'],
] as const;

test('wrong options are usage errors before anything starts', async (t) => {
  await withWorld(async (world) => {
    for (const words of MISUSE) {
      const { code, stderr } = await world.backup(words);
      t.is(code, 2, `${words.join(' ')}: ${stderr}`);
    }
    t.false(readdirSync(world.store).includes('host'));
  });
});

function generationOf(world: World): unknown {
  const notes = new StoredSnapshot(world.store).manifest().unprotected['restat'];
  return notes !== null && typeof notes === 'object' && 'generation' in notes
    ? notes['generation']
    : undefined;
}

test('--full-every reads everything after so many runs in mode metadata', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    const found: unknown[] = [];
    for (let hour = 1; hour <= 7; hour += 1) {
      const run = await metadataRun(world, hour, ['--full-every', '2']);
      found.push([generationOf(world), run.reasons['reused'] ?? 0]);
      t.is(
        /Everything is read after 2 metadata runs, as --full-every 2 says/.test(run.stderr),
        [4, 7].includes(hour),
      );
    }
    t.deepEqual(found, [
      [0, 0],
      [1, FILES],
      [2, FILES],
      [0, 0],
      [1, FILES],
      [2, FILES],
      [0, 0],
    ]);
  });
});

test('runs without a reference do not count as runs in mode metadata', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    await metadataRun(world, 2);
    t.is(generationOf(world), 1);
    rmSync(new StoredSnapshot(world.store).path('root.mpxar.didx'));
    await metadataRun(world, 3);
    t.is(generationOf(world), 0);
    await metadataRun(world, 4);
    t.is(generationOf(world), 1);
    await metadataRun(world, 5, ['--change-detection-mode', 'data']);
    t.is(generationOf(world), 0);
  });
});

test('--verbose names each file and its reason', async (t) => {
  await withWorld(async (world) => {
    const files = makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    writeFileSync(join(world.source, 'd04', 'new\nline'), 'x');
    rmSync(join(world.source, files[50]!));
    mkdirSync(join(world.source, files[50]!));
    const run = await metadataRun(world, 2, ['--verbose']);
    const lines = run.stderr.split('\n');
    const { reused = 0, padding = 0 } = run.reasons;
    t.is(lines.filter((line) => /: reused$/.test(line)).length, reused);
    t.is(lines.filter((line) => /: padding$/.test(line)).length, padding);
    t.is(reused + padding, FILES - 1);
    t.is(lines.filter((line) => /^\/d04\/new\\x0aline: new$/.test(line)).length, 1, run.stderr.slice(-600));
    const quiet = await metadataRun(world, 3);
    t.notRegex(quiet.stderr, /: reused$/m);
  });
});

/** Padding of the newest run, as a share of the payload archive. */
function shareOf({ summary }: MetadataRun): { all: number; dead: number } {
  const { padding, payload } = summary.archives[0]!;
  return {
    all: (padding!.dead + padding!.duplicate) / payload.size,
    dead: padding!.dead / payload.size,
  };
}

/** Every generation rewrites some files that are spread over all chunks. */
async function churn(world: World, budget: string): Promise<{ all: number; dead: number; read: number }[]> {
  const files = makeSampleTree(world.source, { directories: 40, filesEach: 25, size: 6000 });
  const found: { all: number; dead: number; read: number }[] = [];
  for (let hour = 1; hour <= 8; hour += 1) {
    const run = await metadataRun(world, hour, ['--max-padding', budget]);
    if (hour > 1) found.push({ ...shareOf(run), read: files.length - (run.reasons['reused'] ?? 0) });
    for (let i = hour; i < files.length; i += 17) {
      const path = join(world.source, files[i]!);
      writeFileSync(path, Buffer.alloc(6000 + hour, hour));
      utimesSync(path, MTIME + hour, MTIME + hour);
    }
  }
  const { problems } = await readSplit(world.store, 'host/t');
  if (problems.length > 0) throw new Error(problems.join('; '));
  return found;
}

test('--max-padding bounds padding: less of it costs more reading', async (t) => {
  const loose = await withWorld((world) => churn(world, '100,100'));
  const tight = await withWorld((world) => churn(world, '4,2'));
  const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
  t.true(
    mean(tight.map(({ all }) => all)) < mean(loose.map(({ all }) => all)),
    JSON.stringify({ loose, tight }),
  );
  t.true(mean(tight.map(({ read }) => read)) > mean(loose.map(({ read }) => read)));
});

test('a dry run finds the reasons that the real run then has, and stores nothing', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    for (const name of ['f003', 'f004']) writeFileSync(join(world.source, 'd02', `${name}.new`), name);
    for (const name of readdirSync(join(world.source, 'd05')).slice(0, 3))
      writeFileSync(join(world.source, 'd05', name), `other content of ${name}`);
    rmSync(join(world.source, 'd07'), { recursive: true });
    // Locks of what is read lie in `.restat`.
    const stored = () =>
      ['.chunks', 'host'].map((part) => readdirSync(join(world.store, part), { recursive: true }).sort());
    const before = stored();
    const dry = await metadataRun(world, 2, ['--dry-run']);
    t.deepEqual(stored(), before);
    t.regex(dry.stderr, /nothing was stored/);
    const real = await metadataRun(world, 3);
    t.deepEqual(dry.reasons, real.reasons);
    t.is(real.reasons['new'], 2);
    t.true((real.reasons['reused'] ?? 0) > 100);
    const [planned, done] = [dry.summary.archives[0]!, real.summary.archives[0]!];
    t.deepEqual(planned.padding, done.padding);
    t.is(planned.payload.size, done.payload.size);
  });
});
