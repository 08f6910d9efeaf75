/** Mode `legacy`: single archives and one catalog for them, alone and beside runs in the other modes. */
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { restat, restatOk } from '../support/cli.js';
import { type GateRule, withGate } from '../support/gate.js';
import { withServed } from '../support/served.js';
import { withSnapshot } from '../support/streams.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, type World, withTemporaryDirectory, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const LEGACY = ['--change-detection-mode', 'legacy'];
const LARGE = 1_500_000;

const stream = z.object({ size: z.number(), chunks: z.number() });
const summary = z.object({
  files: z.number(),
  archives: z.array(z.object({ payload: stream, metadata: stream.nullable() })),
  catalog: stream.nullable(),
});

/** Files of the newest snapshot in the order of its manifest. */
function manifestFiles(store: string): Promise<string[]> {
  return withSnapshot(store, 'host/t', ({ manifest }) =>
    Promise.resolve(manifest.files.map(({ filename }) => String(filename))),
  );
}

/** Small, large and empty files, links and directories; more entries than one run has. */
function makeTree(source: string): void {
  for (const name of ['many', 'empty', 'sub', 'sub/below']) mkdirSync(join(source, name));
  for (let i = 0; i < 3000; i += 1) {
    const name = join(source, 'many', `entry-${i}-${'x'.repeat(i % 100)}`);
    if (i % 3 === 0) writeFileSync(name, `${i}`.repeat(i % 50));
    else if (i % 3 === 1) linkSync(join(source, 'many', `entry-${i - 1}-${'x'.repeat((i - 1) % 100)}`), name);
    else symlinkSync('nowhere', name);
  }
  for (const name of ['a', 'sub/z', 'sub/below/m'])
    writeFileSync(join(source, `${name}-large`), Buffer.alloc(LARGE, name));
  for (const name of ['0', 'sub/small', 'zz']) writeFileSync(join(source, name), name);
  utimesSync(join(source, 'zz'), -1.25, -1.25);
}

async function dumpOf(store: string): Promise<string[]> {
  const name = await withSnapshot(store, 'host/t', ({ snapshot }) =>
    Promise.resolve(new Date(snapshot.time * 1000).toISOString().replace('.000Z', 'Z')),
  );
  const { stdout } = await restatOk(['catalog', 'dump', `host/t/${name}`, '--repository', store]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Lines of `catalog dump` that the other has not, but for the archive's name. */
function missingIn(other: readonly string[], lines: readonly string[]): string[] {
  const plain = (line: string): string => line.replace(/root\.m?pxar\.didx/, 'root');
  const there = new Set(other.map(plain));
  return lines.map(plain).filter((line) => !there.has(line));
}

whole('a tree comes back, and its catalog has what a list of the archive has', async (t) => {
  await withWorld(async ({ store, source, target, backup, restore }) => {
    makeTree(source);
    const before = await scanTree(source);
    t.is((await backup()).code, 0);
    const split = await dumpOf(store);
    const legacy = await backup([...LEGACY, '--chunk-size', '64'], { clockOffset: 60 });
    t.is(legacy.code, 0, legacy.stderr);
    t.regex(legacy.stderr, /Backing up directory '.*' to '.*' as root\.pxar\.didx\n/);
    t.regex(legacy.stderr, /root\.pxar: had to backup .*\n.*Uploaded backup catalog \(\d/s);
    t.deepEqual(await manifestFiles(store), ['root.pxar.didx', 'catalog.pcat1.didx']);
    const lines = await dumpOf(store);
    // Only a catalog names the archive itself.
    t.deepEqual([missingIn(split, lines), missingIn(lines, split)], [['d "./root"'], []]);
    t.is((await restore()).code, 0);
    t.deepEqual(differences(before, await scanTree(target)), []);
  });
});

test('all trees of a run are in one catalog, which is the last file of the manifest', async (t) => {
  await withWorld(async ({ directory, store, source }) => {
    const other = join(directory, 'other');
    mkdirSync(other);
    writeFileSync(join(source, 'file'), 'f');
    writeFileSync(join(other, 'thing'), 't');
    writeFileSync(join(directory, 'text'), 'conf');
    const { stdout } = await restatOk([
      ...['backup', `root.pxar:${source}`, `a.conf:${join(directory, 'text')}`, `other.pxar:${other}`],
      ...['--repository', store, '--backup-id', 't', '--output-format', 'json', ...LEGACY],
    ]);
    const { archives, catalog } = summary.parse(JSON.parse(stdout));
    t.deepEqual(
      archives.map(({ metadata }) => metadata),
      [null, null, null],
    );
    t.is(catalog?.chunks, 1);
    t.deepEqual(await manifestFiles(store), [
      ...['root.pxar.didx', 'a.conf.blob', 'other.pxar.didx', 'catalog.pcat1.didx'],
    ]);
    const lines = (await dumpOf(store)).join('\n');
    t.regex(lines, /"\.\/root\.pxar\.didx\/file"/);
    t.regex(lines, /"\.\/other\.pxar\.didx\/thing"/);
  });
});

test('a run without a tree has no catalog', async (t) => {
  await withWorld(async ({ directory, store }) => {
    writeFileSync(join(directory, 'text'), 'conf');
    const sources = [`a.conf:${join(directory, 'text')}`];
    await restatOk(['backup', ...sources, '--repository', store, '--backup-id', 't', ...LEGACY]);
    t.deepEqual(await manifestFiles(store), ['a.conf.blob']);
  });
});

test('patterns become a file of the archive, and a real one of that name stays out', async (t) => {
  await withWorld(async ({ store, source, target, backup, restore }) => {
    for (const name of ['.pxarexclude-cli', 'a.tmp', 'b']) writeFileSync(join(source, name), 'real');
    mkdirSync(join(source, 'sub'));
    writeFileSync(join(source, 'sub', '.pxarexclude-cli'), 'real');
    const options = [...LEGACY, '--exclude', '*.tmp', '--exclude', '!keep//', '--skip-lost-and-found'];
    t.is((await backup(options)).code, 0);
    t.is((await restore()).code, 0);
    t.deepEqual(readdirSync(target), ['.pxarexclude-cli', 'b', 'sub']);
    t.is(readFileSync(join(target, '.pxarexclude-cli'), 'utf8'), '*.tmp\n!keep/\nlost+found\n');
    t.is(readFileSync(join(target, 'sub/.pxarexclude-cli'), 'utf8'), 'real');
    t.regex((await dumpOf(store)).at(-1)!, /"\.\/root\.pxar\.didx\/\.pxarexclude-cli"/);
  });
});

test('without patterns there is no list of them, and a directory of its name stays out', async (t) => {
  await withWorld(async ({ source, target, backup, restore }) => {
    mkdirSync(join(source, '.pxarexclude-cli'));
    writeFileSync(join(source, '.pxarexclude-cli', 'in'), 'real');
    writeFileSync(join(source, 'b'), 'real');
    const result = await backup(LEGACY);
    t.is(result.code, 0);
    t.regex(result.stderr, /1 excluded/);
    t.is((await restore()).code, 0);
    t.deepEqual(readdirSync(target), ['b']);
  });
});

whole('a file that stays out because of its name need not be readable', async (t) => {
  await withWorld(async ({ source, backup }) => {
    const path = join(source, '.pxarexclude-cli');
    writeFileSync(path, 'real');
    writeFileSync(join(source, 'b'), 'real');
    await withGate([{ path, on: 'open', nth: 1, act: 'deny' }], async () => {
      const { code, stderr } = await backup(LEGACY);
      t.is(code, 0, stderr);
    });
  });
});

test('modes follow each other: what a legacy snapshot lacks as a reference is said, and all is read', async (t) => {
  await withWorld(async ({ store, source, target, backup, restore }) => {
    writeFileSync(join(source, 'file'), 'content');
    writeFileSync(join(source, 'large'), Buffer.alloc(LARGE, 'l'));
    const runs = ['data', 'legacy', 'legacy', 'metadata', 'legacy'];
    const said: string[] = [];
    for (const [i, mode] of runs.entries()) {
      const result = await backup(['--change-detection-mode', mode], { clockOffset: 60 * i });
      t.is(result.code, 0, result.stderr);
      said.push(result.stderr);
    }
    t.regex(said[2]!, /root\.pxar: backup was done incrementally/);
    t.regex(said[3]!, /Previous manifest does not contain an archive called 'root\.mpxar\.didx'/);
    t.regex(said[4]!, /root\.pxar\.didx/);
    t.deepEqual(await manifestFiles(store), ['root.pxar.didx', 'catalog.pcat1.didx']);
    t.is((await restore()).code, 0);
    t.is(readFileSync(join(target, 'file'), 'utf8'), 'content');
  });
});

test('a dry run announces the length of the archive and stores nothing', async (t) => {
  await withWorld(async ({ store, source, backup }) => {
    makeTree(source);
    const dry = await backup([...LEGACY, '--dry-run', '--output-format', 'json', '--exclude', 'no']);
    t.is(dry.code, 0, dry.stderr);
    t.regex(dry.stderr, /Would back up directory '.*' to '.*' as root\.pxar\.didx/);
    t.notRegex(dry.stderr, /Uploaded/);
    t.deepEqual(
      readdirSync(store).filter((name) => name === 'host'),
      [],
    );
    const real = await backup([...LEGACY, '--output-format', 'json', '--exclude', 'no']);
    const sizes = [dry, real].map(({ stdout }) => {
      const { archives, catalog, files } = summary.parse(JSON.parse(stdout));
      return [archives[0]!.payload.size, catalog!.size, files];
    });
    t.deepEqual(sizes[0], sizes[1]);
  });
});

/** A rule for the second opening of a file, which reads its content. */
const CONTENT = { on: 'open', nth: 2 } as const;

whole('files that change, vanish or cannot be read leave an archive that is whole', async (t) => {
  await withWorld(async ({ store, source, target, backup, restore }) => {
    const sizes = { 'a-grows': 100, 'b-shrinks': 100, 'c-large-grows': LARGE, 'd-large-shrinks': LARGE };
    const gone = ['e-gone', 'f-denied', 'g-large-denied'];
    for (const [name, size] of Object.entries(sizes))
      writeFileSync(join(source, name), Buffer.alloc(size, 'c'));
    for (const name of gone)
      writeFileSync(join(source, name), Buffer.alloc(name.includes('large') ? LARGE : 5, 'g'));
    linkSync(join(source, 'e-gone'), join(source, 'y-second-name'));
    writeFileSync(join(source, 'z-unchanged'), 'u');
    const at = (name: string): { readonly path: string } => ({ path: join(source, name) });
    const rules: GateRule[] = [
      { ...at('a-grows'), ...CONTENT, act: 'grow', size: 200 },
      { ...at('b-shrinks'), ...CONTENT, act: 'shrink', size: 40 },
      { ...at('c-large-grows'), ...CONTENT, act: 'grow', size: LARGE + 9 },
      { ...at('d-large-shrinks'), ...CONTENT, act: 'shrink', size: 70_000 },
      { ...at('e-gone'), on: 'open', nth: 1, act: 'unlink' },
      { ...at('f-denied'), on: 'read', nth: 1, act: 'deny' },
      { ...at('g-large-denied'), ...CONTENT, act: 'deny' },
    ];
    const result = await withGate(rules, () => backup(LEGACY));
    t.is(result.code, 3, result.stderr);
    t.is((await restore()).code, 0);
    t.deepEqual(readdirSync(target), [...Object.keys(sizes), 'y-second-name', 'z-unchanged']);
    for (const [name, size] of Object.entries(sizes)) {
      const there = { 'b-shrinks': 40, 'd-large-shrinks': 70_000 }[name] ?? size;
      t.true(readFileSync(join(target, name)).equals(Buffer.alloc(size, 'c').fill(0, there)), name);
    }
    t.is(readFileSync(join(target, 'y-second-name'), 'utf8'), 'ggggg');
    const lines = (await dumpOf(store)).join('\n');
    for (const name of gone) t.false(lines.includes(`/${name}"`), name);
    t.regex(lines, /^f "\.\/root\.pxar\.didx\/y-second-name" 5 /m);
  });
});

/** A server over the world's store. */
function withServer(
  use: (world: World, run: (extra: readonly string[]) => Promise<string>) => Promise<void>,
): Promise<void> {
  return withWorld((world) =>
    withTemporaryDirectory((state) =>
      withServed(world.store, state, async ({ repository, env }) => {
        const sources = ['a', 'b'].map((name) => `${name}.pxar:${join(world.source, name)}`);
        const words = ['backup', ...sources, '--repository', repository, '--backup-id', 't', ...LEGACY];
        await use(world, async (extra) => (await restatOk([...words, ...extra], { env })).stderr);
      }),
    ),
  );
}

for (const [what, options] of [
  ['a server', []],
  ['a server, with checkpoints,', ['--checkpoint-interval', '100']],
] as const) {
  test(`${what} gets two archives and the catalog, and what it has is not sent again`, async (t) => {
    await withServer(async ({ store, source, target }, run) => {
      for (const name of ['a', 'b']) {
        mkdirSync(join(source, name));
        makeTree(join(source, name));
      }
      await run(options);
      t.deepEqual(await manifestFiles(store), ['a.pxar.didx', 'b.pxar.didx', 'catalog.pcat1.didx']);
      t.is((await dumpOf(store)).filter((line) => /^f .*-large"/.test(line)).length, 6);
      const args = ['restore', 'host/t', 'b.pxar', target, '--repository', store];
      t.is((await restat(args)).code, 0);
      const expected = await scanTree(join(source, 'b'));
      t.deepEqual(differences(expected, await scanTree(target)), []);
      const again = await run(['--backup-time', '2000000000']);
      t.regex(again, /b\.pxar: had to backup 0 B of/);
    });
  });
}
