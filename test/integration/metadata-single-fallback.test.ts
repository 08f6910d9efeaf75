/** Whatever is wrong with the previous snapshot, a metadata run of single archives makes a true one, and says why. */
import { readFileSync, rmSync, truncateSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { decodeIndex } from '../../src/snapshot/archive-index.js';
import { checkpointNotes, incompleteName } from '../../src/snapshot/checkpoint.js';
import type { Manifest } from '../../src/snapshot/manifest.js';
import type { MetadataRun } from '../support/metadata-run.js';
import { rewriteCatalog } from '../support/rewritten-catalog.js';
import { makeSampleTree } from '../support/sample-tree.js';
import { readSingle } from '../support/single-archive.js';
import { holdsLive, isTrue, referencesOf, singleRun } from '../support/single-run.js';
import { editFile, flip, StoredSnapshot } from '../support/stored-snapshot.js';
import { withWorld } from '../support/world.js';

const TREE = { directories: 8, filesEach: 15, size: 5000 };
const FILES = 120;
const ARCHIVE = 'root.pxar.didx';
const CATALOG = 'catalog.pcat1.didx';
const MANIFEST = 'index.json.blob';

type Damage = (snapshot: StoredSnapshot) => void;

/** Damages one snapshot after the other, and looks at the run that follows. The first one's archive has an appendix. */
async function afterEach(
  t: ExecutionContext,
  damages: Readonly<Record<string, Damage>>,
  check: (run: MetadataRun, what: string) => void,
): Promise<void> {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    let hour = 2;
    await singleRun(world, 1);
    await singleRun(world, hour);
    t.is((await readSingle(world.store, 'host/t')).version, 3);
    for (const [what, damage] of Object.entries(damages)) {
      damage(new StoredSnapshot(world.store));
      hour += 1;
      const run = await singleRun(world, hour);
      t.is(run.code, 0, what);
      check(run, what);
      await holdsLive(t, world, what);
    }
    t.deepEqual((await singleRun(world, hour + 1)).reasons, { reused: FILES });
    await isTrue(t, world);
  });
}

/** Everything was read, for this reason. */
function readAll(t: ExecutionContext, message: RegExp): (run: MetadataRun, what: string) => void {
  return (run, what) => {
    t.regex(run.stderr, message, what);
    t.deepEqual(run.reasons, { 'no reference': FILES }, what);
    t.is(run.stderr.match(/reference|fallback/g)?.length, 1, run.stderr);
    t.is(run.summary.archives[0]!.payload['injected-chunks'], 0, what);
  };
}

function manifestWith(change: (manifest: Manifest) => Partial<Manifest>): Damage {
  return (snapshot) => snapshot.changeManifest((manifest) => ({ ...manifest, ...change(manifest) }));
}

function without(name: string): Damage {
  return manifestWith(({ files }) => ({ files: files.filter(({ filename }) => filename !== name) }));
}

function encrypted(name: string): Damage {
  return manifestWith(({ files }) => ({
    files: files.map((file) => (file.filename === name ? { ...file, cryptMode: 'encrypt' as const } : file)),
  }));
}

function noting(notes: Manifest['unprotected']): Damage {
  return manifestWith(({ unprotected }) => ({ unprotected: { ...unprotected, ...notes } }));
}

const SAID: readonly (readonly [RegExp, Readonly<Record<string, Damage>>])[] = [
  [
    /^No previous catalog found in manifest, continue without reference$/m,
    { 'no catalog': without(CATALOG) },
  ],
  [
    /^Previous manifest does not contain an archive called 'root\.pxar\.didx', continue without reference$/m,
    { 'no archive': without(ARCHIVE) },
  ],
  [
    /^Couldn't re-use previous manifest, .* - missing key - manifest was created with a key$/m,
    { 'encrypted catalog': encrypted(CATALOG), 'encrypted archive': encrypted(ARCHIVE) },
  ],
  [
    /^Verification of the previous snapshot failed, fallback to regular mode$/m,
    { 'failed verification': noting({ verify_state: { state: 'failed', upid: 'UPID:x' } }) },
  ],
  [
    /^The previous snapshot is a checkpoint of an unfinished backup, fallback to regular mode$/m,
    {
      checkpoint: manifestWith(({ files }) => ({
        files: files.map((file) => ({ ...file, filename: incompleteName(file.filename) })),
        unprotected: checkpointNotes(),
      })),
    },
  ],
  [
    /^Couldn't read previous manifest, fallback to regular mode - /m,
    {
      'a manifest that is cut': (snapshot) =>
        snapshot.edit(MANIFEST, (bytes) => bytes.subarray(0, bytes.length / 2)),
      'an empty manifest': (snapshot) => truncateSync(snapshot.path(MANIFEST), 0),
    },
  ],
];

test('what the manifest says or lacks is a reason to read everything', async (t) => {
  const damages = Object.assign({}, ...SAID.map(([, each]) => each));
  const messages = new Map(
    SAID.flatMap(([message, each]) => Object.keys(each).map((what) => [what, message])),
  );
  await afterEach(t, damages, (run, what) => readAll(t, messages.get(what)!)(run, what));
});

const INDEX_DAMAGES: Readonly<Record<string, (snapshot: StoredSnapshot, name: string) => void>> = {
  'is gone': (snapshot, name) => rmSync(snapshot.path(name)),
  'is cut': (snapshot, name) => truncateSync(snapshot.path(name), 4096 + 20),
  'has another digest': (snapshot, name) => snapshot.edit(name, flip(4096 + 10)),
  'has another end': (snapshot, name) => snapshot.edit(name, flip(4096 + 1)),
  'is of another kind': (snapshot, name) => snapshot.edit(name, flip(0)),
};

for (const name of [CATALOG, ARCHIVE]) {
  test(`an index ${name} that is not what the manifest says is a reason to read everything`, async (t) => {
    const damages = Object.entries(INDEX_DAMAGES).map(
      ([what, damage]) => [what, (snapshot: StoredSnapshot) => damage(snapshot, name)] as const,
    );
    const message = /^Previous catalog cannot be read, continue without reference: .*didx/m;
    await afterEach(t, Object.fromEntries(damages), readAll(t, message));
  });
}

const CHUNK_DAMAGES: Readonly<Record<string, (file: string) => void>> = {
  'is missing': (file) => rmSync(file),
  'is empty': (file) => truncateSync(file, 0),
  'is cut': (file) => editFile(file, (bytes) => bytes.subarray(0, bytes.length - 7)),
  'is flipped': (file) => editFile(file, flip(100)),
};

test('a catalog whose chunk is damaged is a reason to read everything', async (t) => {
  const damages = Object.entries(CHUNK_DAMAGES).map(
    ([what, damage]) =>
      [what, (snapshot: StoredSnapshot) => damage(snapshot.chunkFiles(CATALOG)[0]!)] as const,
  );
  await afterEach(
    t,
    Object.fromEntries(damages),
    readAll(t, /^Previous catalog cannot be read, continue without reference: .*[0-9a-f]{64}/m),
  );
});

/** What a catalog is read in, in bytes. */
const PAGE = 64 * 1024;
/** Names so long that the catalog has 800 KB, in chunks of 256 KiB at most. */
const WIDE = { directories: 20, filesEach: 150, size: 600, nameLength: 250 };

test('where a part of the catalog is damaged the rest is used', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, WIDE);
    await singleRun(world, 1);
    await singleRun(world, 2);
    await rewriteCatalog(world.store);
    const snapshot = new StoredSnapshot(world.store);
    const index = decodeIndex(readFileSync(snapshot.path(CATALOG)), CATALOG);
    // Neither where the catalog is opened, nor among the tables at its end, that everything hangs on.
    const middle = Array.from({ length: index.count }, (_, i) => i).find(
      (i) => index.start(i) >= 2 * PAGE && index.end(i) <= index.size - 2 * PAGE,
    );
    t.not(middle, undefined, `${index.count} chunks of ${index.size} bytes`);
    rmSync(snapshot.chunkFiles(CATALOG)[middle!]!);
    const run = await singleRun(world, 3);
    t.is(run.code, 0, run.stderr);
    t.deepEqual(referencesOf(run), [ARCHIVE]);
    t.regex(
      run.stderr,
      /^Metadata reference 'root\.pxar\.didx' is damaged at byte \d+, the part behind it is used: /m,
    );
    const { reused = 0, new: unknown = 0 } = run.reasons;
    t.true(reused > 0 && unknown > 0, JSON.stringify(run.reasons));
    await isTrue(t, world);
  });
});

test('an archive whose old chunks are not there any more is read where they were', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, { ...TREE, directories: 20 });
    await singleRun(world, 1);
    await singleRun(world, 2);
    const chunks = new StoredSnapshot(world.store).chunkFiles(ARCHIVE);
    t.true(chunks.length >= 10);
    rmSync(chunks[3]!);
    truncateSync(chunks[6]!, 0);
    const run = await singleRun(world, 3);
    t.deepEqual(referencesOf(run), [ARCHIVE]);
    t.true(run.reasons['chunk missing']! >= 10, JSON.stringify(run.reasons));
    t.true(run.reasons['reused']! >= 100, JSON.stringify(run.reasons));
    await isTrue(t, world);
  });
});

/** Runs before the one that looks for a reference, and what it says of the last of them. */
const PREDECESSORS = [
  [['--layout', 'split'], 'No previous catalog found in manifest'],
  [['--layout', 'split', '--change-detection-mode', 'data'], 'No previous catalog found in manifest'],
  [['--change-detection-mode', 'legacy'], 'Previous catalog does not say where files are'],
  [['--change-detection-mode', 'data'], 'Previous catalog does not say where files are'],
] as const;

test('snapshots of other layouts and modes are no reference, and what follows them is one', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    let hour = 0;
    for (const [words, message] of PREDECESSORS) {
      hour += 3;
      await singleRun(world, hour, words);
      const run = await singleRun(world, hour + 1);
      readAll(t, new RegExp(`^${message}, continue without reference$`, 'm'))(run, words.join(' '));
      await holdsLive(t, world, words.join(' '));
      t.deepEqual((await singleRun(world, hour + 2)).reasons, { reused: FILES });
      await holdsLive(t, world, words.join(' '));
    }
    const split = await singleRun(world, hour + 3, ['--layout', 'split']);
    t.regex(split.stderr, /Previous manifest does not contain an archive called 'root\.mpxar\.didx'/);
    t.deepEqual(split.reasons, { 'no reference': FILES });
  });
});

test('--full-every reads everything after so many runs', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    const found: number[] = [];
    for (let hour = 1; hour <= 5; hour += 1) {
      const run = await singleRun(world, hour, ['--full-every', '2']);
      found.push(run.reasons['reused'] ?? 0);
      t.is(
        /^Everything is read after 2 metadata runs, as --full-every 2 says$/m.test(run.stderr),
        hour === 4,
      );
    }
    t.deepEqual(found, [0, FILES, FILES, 0, FILES]);
    await isTrue(t, world);
  });
});
