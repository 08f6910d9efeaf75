/** Whatever is wrong with the previous snapshot, a metadata run makes a true one (change-detection.md §3.2). */
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type MetadataRun, metadataRun } from '../support/metadata-run.js';
import { makeSampleTree } from '../support/sample-tree.js';
import { readSplit } from '../support/split-archive.js';
import { editFile, flip, StoredSnapshot } from '../support/stored-snapshot.js';
import { type World, withWorld } from '../support/world.js';

const FILES = 1500;
const METADATA = 'root.mpxar.didx';
const PAYLOAD = 'root.ppxar.didx';

/** Bytes of a PAYLOAD item's header. */
const HEADER = 16;

/** Long names: the metadata stream has several chunks. */
const TREE = { directories: 60, filesEach: 25, size: 600, nameLength: 250 };

/** The run's snapshot follows all rules, and every file in it has the content of the live one. */
async function isTrue(t: ExecutionContext, { store, source }: World): Promise<void> {
  const { entries, payload, problems } = await readSplit(store, 'host/t');
  t.deepEqual(problems, []);
  const files = entries.filter(({ kind }) => kind === 'file');
  t.is(
    files.length,
    readdirSync(source, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).length,
  );
  for (const { path, offset, size } of files) {
    const content = payload.subarray(offset + HEADER, offset + HEADER + size);
    t.true(content.equals(readFileSync(join(source, path))), path);
  }
}

/** Backs up, damages what was written, and backs up again in mode metadata. */
async function afterDamage(
  t: ExecutionContext,
  damage: (snapshot: StoredSnapshot) => void,
  check: (run: MetadataRun) => void,
  firstMode: 'data' | 'metadata' = 'data',
): Promise<void> {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1, ['--change-detection-mode', firstMode]);
    if (firstMode === 'metadata') await metadataRun(world, 2);
    damage(new StoredSnapshot(world.store));
    const run = await metadataRun(world, 3);
    t.is(run.code, 0, run.stderr);
    check(run);
    await isTrue(t, world);
  });
}

/** Everything was read, for this reason. */
function readAll(t: ExecutionContext, message: RegExp): (run: MetadataRun) => void {
  return (run) => {
    t.regex(run.stderr, message);
    t.deepEqual(run.reasons, { 'no reference': FILES });
    t.is(run.stderr.match(/reference|fallback/g)?.length, 1, run.stderr);
  };
}

test('the first run says that there is no previous manifest', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    readAll(t, /No previous manifest, fallback to regular mode/)(await metadataRun(world, 1));
    await isTrue(t, world);
  });
});

test('an undamaged reference is used, and that is said once', async (t) => {
  await afterDamage(
    t,
    () => undefined,
    (run) => {
      t.is(
        run.stderr.match(/Using previous index as metadata reference for 'root\.mpxar\.didx'/g)?.length,
        1,
      );
      t.deepEqual(run.reasons, { reused: FILES });
    },
  );
});

const MANIFEST = 'index.json.blob';
const NO_MANIFEST = /Couldn't read previous manifest, fallback to regular mode - /;

for (const [what, change] of [
  ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ['empty', () => Buffer.alloc(0)],
  ['flipped', (bytes: Buffer) => flip(bytes.length - 5)(bytes)],
  ['something else', () => Buffer.from('not a blob at all')],
] as const) {
  test(`a previous manifest that is ${what} is no reference`, async (t) => {
    await afterDamage(t, (snapshot) => snapshot.edit(MANIFEST, change), readAll(t, NO_MANIFEST));
  });
}

test('a previous snapshot without the metadata archive is no reference', async (t) => {
  await afterDamage(
    t,
    (snapshot) =>
      snapshot.changeManifest((manifest) => ({
        ...manifest,
        files: manifest.files.filter(({ filename }) => filename !== METADATA),
      })),
    readAll(
      t,
      /Previous manifest does not contain an archive called 'root\.mpxar\.didx', continue without reference/,
    ),
  );
});

test('a previous snapshot without the payload archive is no reference', async (t) => {
  await afterDamage(
    t,
    (snapshot) =>
      snapshot.changeManifest((manifest) => ({
        ...manifest,
        files: manifest.files.filter(({ filename }) => filename !== PAYLOAD),
      })),
    readAll(t, /No previous payload index found in manifest, continue without reference/),
  );
});

test('a previous archive of another crypt mode is no reference', async (t) => {
  await afterDamage(
    t,
    (snapshot) =>
      snapshot.changeManifest((manifest) => ({
        ...manifest,
        files: manifest.files.map((file) => ({ ...file, cryptMode: 'encrypt' as const })),
      })),
    readAll(t, /^Couldn't re-use previous manifest, .* - missing key - manifest was created with a key$/m),
  );
});

test('a previous snapshot whose verification failed is no reference', async (t) => {
  await afterDamage(
    t,
    (snapshot) =>
      snapshot.changeManifest(({ unprotected, ...manifest }) => ({
        ...manifest,
        unprotected: { ...unprotected, verify_state: { state: 'failed', upid: 'UPID:x' } },
      })),
    readAll(t, /Verification of the previous snapshot failed, fallback to regular mode/),
  );
});

for (const name of [METADATA, PAYLOAD]) {
  for (const [what, damage] of [
    ['is gone', (snapshot: StoredSnapshot) => rmSync(snapshot.path(name))],
    ['is cut', (snapshot: StoredSnapshot) => truncateSync(snapshot.path(name), 4096 + 20)],
    ['is empty', (snapshot: StoredSnapshot) => truncateSync(snapshot.path(name), 0)],
    ['has another digest', (snapshot: StoredSnapshot) => snapshot.edit(name, flip(4096 + 10))],
    ['has another end', (snapshot: StoredSnapshot) => snapshot.edit(name, flip(4096 + 1))],
    ['is of another kind', (snapshot: StoredSnapshot) => snapshot.edit(name, flip(0))],
  ] as const) {
    test(`an index ${name} that ${what} is no reference`, async (t) => {
      await afterDamage(
        t,
        damage,
        readAll(t, /No previous (?:metadata|payload) index, continue without reference: /),
      );
    });
  }
}

for (const name of [METADATA, PAYLOAD]) {
  test(`an index ${name} with a chunk that is longer than chunks can be fails no run`, async (t) => {
    await afterDamage(
      t,
      (snapshot) => {
        const entries = Buffer.alloc(40, 7);
        entries.writeBigUInt64LE(2n ** 40n, 0);
        snapshot.edit(name, (bytes) => Buffer.concat([bytes.subarray(0, 4096), entries]));
        snapshot.changeManifest((manifest) => ({
          ...manifest,
          files: manifest.files.map((file) =>
            file.filename === name
              ? { ...file, size: 2 ** 40, csum: createHash('sha256').update(entries).digest('hex') }
              : file,
          ),
        }));
      },
      ({ reasons: { reused = 0 } }) => t.is(reused, 0),
    );
  });
}

type Damage = (file: string, other: string) => void;
type Place = 'first' | 'middle' | 'last';

const CHUNK_DAMAGES: readonly (readonly [string, readonly Place[], Damage])[] = [
  ['is missing', ['first', 'middle', 'last'], (file) => rmSync(file)],
  ['is empty', ['middle'], (file) => truncateSync(file, 0)],
  ['is cut', ['middle'], (file) => editFile(file, (bytes) => bytes.subarray(0, bytes.length - 7))],
  ['is flipped', ['first', 'middle', 'last'], (file) => editFile(file, flip(100))],
  ['is exchanged', ['first', 'middle', 'last'], (file, other) => copyFileSync(other, file)],
];

/** The chunk in a place, and how many files at least and at most can be reused without it. */
const PLACES: Readonly<Record<Place, (chunks: number) => { i: number; least: number; most: number }>> = {
  // Without the root's entry nothing can be found.
  first: () => ({ i: 0, least: 0, most: 0 }),
  middle: (chunks) => ({ i: chunks >> 1, least: 900, most: 1490 }),
  // The tables that lead on are behind the damage.
  last: (chunks) => ({ i: chunks - 1, least: 800, most: 1499 }),
};

for (const [what, places, damage] of CHUNK_DAMAGES) {
  for (const place of places) {
    test(`a ${place} metadata chunk that ${what} costs only its own part`, async (t) => {
      let bounds = { i: 0, least: 0, most: 0 };
      await afterDamage(
        t,
        (snapshot) => {
          const files = snapshot.chunkFiles(METADATA);
          t.true(files.length >= 4, `${files.length} chunks`);
          bounds = PLACES[place](files.length);
          damage(files[bounds.i]!, files[bounds.i === 1 ? 2 : 1]!);
        },
        ({ reasons: { reused = 0, ...read }, stderr }) => {
          t.regex(stderr, /Metadata reference 'root\.mpxar\.didx' is damaged at byte \d+, /);
          t.true(
            reused >= bounds.least && reused <= bounds.most,
            `${reused} reused, ${JSON.stringify(read)}`,
          );
          t.true(Object.keys(read).every((reason) => ['new', 'padding'].includes(reason)));
        },
        // After a full run, files that are read again give the same metadata chunks: none may be taken for stored.
        place === 'first' ? 'data' : 'metadata',
      );
    });
  }
}

test('a reference of which nothing can be read costs a full run', async (t) => {
  await afterDamage(
    t,
    (snapshot) => {
      for (const file of snapshot.chunkFiles(METADATA)) rmSync(file);
    },
    ({ reasons: { reused = 0 }, stderr }) => {
      t.is(reused, 0);
      t.regex(stderr, /is damaged at byte 0/);
    },
  );
});

test('a payload chunk that is missing or empty is not referred to again', async (t) => {
  await afterDamage(
    t,
    (snapshot) => {
      const files = snapshot.chunkFiles(PAYLOAD);
      t.true(files.length >= 8);
      rmSync(files[2]!);
      truncateSync(files[5]!, 0);
    },
    ({ reasons }) => {
      t.true(reasons['chunk missing']! >= 20 && reasons['chunk missing']! <= 400, JSON.stringify(reasons));
      t.true(reasons['reused']! >= 500, JSON.stringify(reasons));
    },
  );
});

/** Replaces restat's notes of the run. */
function noting(notes: Record<string, unknown>): (snapshot: StoredSnapshot) => void {
  return (snapshot) =>
    snapshot.changeManifest(({ unprotected, ...manifest }) => ({
      ...manifest,
      unprotected: { ...unprotected, restat: JSON.parse(JSON.stringify(notes)) },
    }));
}

test('a start of 0 makes every file racy', async (t) => {
  await afterDamage(t, noting({ start: '0' }), ({ reasons }) => {
    t.deepEqual(reasons, { racy: FILES });
  });
});

test('notes of any other shape are no notes', async (t) => {
  for (const notes of [
    { start: 'x', generation: -1, untrusted: 7 },
    { start: 5, untrusted: { 'root.pxar': 'x' } },
  ]) {
    await afterDamage(t, noting(notes), ({ reasons, code }) => {
      t.is(code, 0);
      t.deepEqual(reasons, { reused: FILES });
    });
  }
});

test('files that the reference names as untrusted are read', async (t) => {
  await withWorld(async (world) => {
    makeSampleTree(world.source, TREE);
    await metadataRun(world, 1);
    const { entries } = await readSplit(world.store, 'host/t');
    const offsets = entries.filter(({ kind }) => kind === 'file').map(({ offset }) => offset);
    const some = [offsets[0]!, offsets[500]!, offsets[1499]!];
    const snapshot = new StoredSnapshot(world.store);
    noting({ start: '1', untrusted: { 'root.pxar': some, 'other.pxar': offsets } })(snapshot);
    const start = String(Math.floor(Date.now() / 1000) + 3600);
    noting({ start, untrusted: { 'root.pxar': some, 'other.pxar': offsets } })(snapshot);
    const run = await metadataRun(world, 2);
    t.is(run.reasons['untrusted'], 3);
    t.true(run.reasons['reused']! >= 900, JSON.stringify(run.reasons));
    await isTrue(t, world);
  });
});
