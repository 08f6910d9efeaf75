/** Which older snapshots a run with a key refers to: the key rows of change-detection.md §3.2, design §4 (7). */
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { decodeDynamicIndex, encodeDynamicIndex } from '../../src/snapshot/dynamic-index.js';
import type { JsonValue } from '../../src/snapshot/json-text.js';
import type { Manifest } from '../../src/snapshot/manifest.js';
import { restatOk } from '../support/cli.js';
import { fillTree, type TestKey, TREE_FILES, testKey } from '../support/keyed-world.js';
import { type MetadataRun, metadataRun } from '../support/metadata-run.js';
import { newestSnapshot, readSealed, type SealedSnapshot } from '../support/sealed-snapshot.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { differences, scanTree } from '../support/tree.js';
import { type World, withWorld } from '../support/world.js';

interface Keys {
  readonly one: TestKey;
  readonly two: TestKey;
}

function withKeys(use: (world: World, keys: Keys) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    fillTree(world.source);
    await use(world, { one: testKey(world.directory, 'one'), two: testKey(world.directory, 'two') });
  });
}

/** How a run is protected. */
type Kind = 'none' | 'encrypt one' | 'encrypt two' | 'sign one' | 'sign two';

function keyOf(kind: Kind, { one, two }: Keys): TestKey | undefined {
  return kind === 'none' ? undefined : kind.endsWith('one') ? one : two;
}

function modeOf(kind: Kind): string {
  return kind === 'none' ? 'none' : kind.startsWith('sign') ? 'sign-only' : 'encrypt';
}

function optionsOf(kind: Kind, keys: Keys): string[] {
  return ['--crypt-mode', modeOf(kind), ...(keyOf(kind, keys)?.options ?? [])];
}

/** The newest snapshot has the live contents, is protected as it should be, and restores. */
async function holds(t: ExecutionContext, world: World, kind: Kind, keys: Keys): Promise<SealedSnapshot> {
  const { store, source, target } = world;
  const sealed = readSealed(store, newestSnapshot(store, 'host/t'), {
    secret: keyOf(kind, keys)?.secret,
    mode: modeOf(kind),
  });
  rmSync(target, { recursive: true, force: true });
  const { code, stderr } = await world.restore(keyOf(kind, keys)?.options ?? []);
  t.is(code, 0, stderr);
  t.deepEqual(differences(await scanTree(source), await scanTree(target)), []);
  return sealed;
}

const USING = /^Using previous (index|catalog) as metadata reference for 'root\.m?pxar\.didx'$/m;
const MISMATCH = /^Crypt mode mismatch, continue without reference$/m;
const LACKS =
  /^Couldn't re-use previous manifest, fallback to regular mode - missing key - manifest was created with key [0-9a-f:]{23}$/m;
const WRONG =
  /^Couldn't read previous manifest, fallback to regular mode - wrong key - unable to verify signature since manifest's key [0-9a-f:]{23} does not match provided key [0-9a-f:]{23}$/m;
const UNSIGNED =
  /^Couldn't read previous manifest, fallback to regular mode - it is not signed with the key of this backup$/m;

/** The first run, the second, what the second says; `known`: of what it reads nothing needs to be stored. */
const ROWS: readonly (readonly [Kind, Kind, RegExp, 'reuses' | 'known' | 'stores'])[] = [
  ['none', 'none', USING, 'reuses'],
  ['none', 'encrypt one', UNSIGNED, 'stores'],
  ['none', 'sign one', UNSIGNED, 'known'],
  ['encrypt one', 'none', LACKS, 'stores'],
  ['encrypt one', 'encrypt one', USING, 'reuses'],
  ['encrypt one', 'encrypt two', WRONG, 'stores'],
  ['encrypt one', 'sign one', MISMATCH, 'stores'],
  ['sign one', 'none', USING, 'reuses'],
  ['sign one', 'encrypt one', MISMATCH, 'stores'],
  ['sign one', 'sign one', USING, 'reuses'],
  ['sign one', 'sign two', WRONG, 'known'],
];

/** Rows that are tried with single archives, too: one for each message but those that the manifest alone decides. */
const SINGLE_ROWS: ReadonlySet<string> = new Set([
  'none, encrypt one',
  'encrypt one, encrypt one',
  'encrypt one, sign one',
  'sign one, none',
]);

for (const [first, second, message, expected] of ROWS) {
  for (const layout of SINGLE_ROWS.has(`${first}, ${second}`) ? ['split', 'single'] : ['split']) {
    test(`from ${first} to ${second}, ${layout}: ${expected}`, (t) =>
      withKeys(async (world, keys) => {
        const words = ['--layout', layout];
        await metadataRun(world, 1, [...words, ...optionsOf(first, keys)]);
        const run = await metadataRun(world, 2, [...words, ...optionsOf(second, keys)]);
        t.regex(run.stderr, message);
        t.deepEqual(run.reasons, { [expected === 'reuses' ? 'reused' : 'no reference']: TREE_FILES });
        const { 'new-bytes': stored, size } = run.summary.archives[0]!.payload;
        // A single archive has metadata between contents, and its beginning and end are made anew.
        const little = layout === 'split' ? 1000 : 100_000;
        t.true(expected === 'stores' ? stored === size : stored <= little, `${stored} of ${size}`);
        await holds(t, world, second, keys);
      }));
  }
}

/** Makes a first run of a kind, lets `change` do what a server might, and makes the second. */
async function afterChange(
  world: World,
  keys: Keys,
  change: (snapshot: StoredSnapshot) => void,
  kind: Kind = 'encrypt one',
): Promise<MetadataRun> {
  await metadataRun(world, 1, optionsOf(kind, keys));
  change(new StoredSnapshot(world.store));
  return metadataRun(world, 2, optionsOf(kind, keys));
}

function stripped(manifest: Manifest): Manifest {
  const { 'key-fingerprint': _, ...unprotected } = manifest.unprotected;
  return { ...manifest, signature: null, unprotected };
}

/** Exchanges the digests of two chunks, with every checksum that is not signed put right. */
function swapDigests(snapshot: StoredSnapshot, name: string): void {
  const bytes = readFileSync(snapshot.path(name));
  const index = decodeDynamicIndex(bytes, name);
  const entries = Buffer.from(index.entries);
  const [first, second] = [Buffer.from(entries.subarray(8, 40)), Buffer.from(entries.subarray(48, 80))];
  second.copy(entries, 8);
  first.copy(entries, 48);
  const changed = encodeDynamicIndex({ uuid: bytes.subarray(8, 24), ctime: index.ctime, entries }, name);
  writeFileSync(snapshot.path(name), changed);
  const { csum } = decodeDynamicIndex(changed, name);
  snapshot.changeManifest((manifest) => ({
    ...manifest,
    files: manifest.files.map((file) =>
      file.filename === name ? { ...file, csum: csum.toString('hex') } : file,
    ),
  }));
}

const PAYLOAD = 'root.ppxar.didx';
const SIGNATURE =
  /^Couldn't read previous manifest, fallback to regular mode - the signature of the manifest is wrong/m;

for (const [what, change, message] of [
  [
    'strips the signature and exchanges digests',
    (snapshot: StoredSnapshot) => {
      swapDigests(snapshot, PAYLOAD);
      snapshot.changeManifest(stripped);
    },
    UNSIGNED,
  ],
  [
    'strips the signature only',
    (snapshot: StoredSnapshot) => snapshot.changeManifest((manifest) => ({ ...manifest, signature: null })),
    UNSIGNED,
  ],
  [
    'exchanges digests under the old signature',
    (snapshot: StoredSnapshot) => swapDigests(snapshot, PAYLOAD),
    SIGNATURE,
  ],
  [
    'takes away the fingerprint and signs with nothing',
    (snapshot: StoredSnapshot) =>
      snapshot.changeManifest((manifest) => ({ ...stripped(manifest), signature: '0'.repeat(64) })),
    SIGNATURE,
  ],
  [
    'gives the mode of plain archives',
    (snapshot: StoredSnapshot) =>
      snapshot.changeManifest((manifest) => ({
        ...manifest,
        files: manifest.files.map((file) => ({ ...file, cryptMode: 'none' as const })),
      })),
    SIGNATURE,
  ],
] as const) {
  for (const kind of ['encrypt one', 'sign one'] as const) {
    test(`who ${what} gets none of it signed: ${kind}`, (t) =>
      withKeys(async (world, keys) => {
        const protection = { secret: keys.one.secret, mode: modeOf(kind) };
        const sound: string[] = [];
        const changed = (snapshot: StoredSnapshot): void => {
          const first = readSealed(world.store, newestSnapshot(world.store, 'host/t'), protection);
          sound.push(...first.digests.get(PAYLOAD)!);
          change(snapshot);
        };
        const run = await afterChange(world, keys, changed, kind);
        t.regex(run.stderr, message);
        t.deepEqual(run.reasons, { 'no reference': TREE_FILES });
        const { digests } = await holds(t, world, kind, keys);
        t.deepEqual(digests.get(PAYLOAD), sound, 'the same contents');
      }));
  }
}

test('digests that are exchanged before a plain run signs nothing are believed by plain runs only', (t) =>
  withKeys(async (world, keys) => {
    const run = await afterChange(world, keys, (snapshot) => swapDigests(snapshot, PAYLOAD), 'none');
    // Without a key whoever may write to the datastore may write what it likes.
    t.deepEqual(run.reasons, { reused: TREE_FILES });
    const signed = await metadataRun(world, 3, optionsOf('sign one', keys));
    t.regex(signed.stderr, UNSIGNED);
    await holds(t, world, 'sign one', keys);
  }));

type Notes = { readonly [key: string]: JsonValue };

function areNotes(value: JsonValue | undefined): value is Notes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notesOf({ unprotected: { restat } }: Manifest): Notes {
  if (!areNotes(restat)) throw new Error('no notes');
  return restat;
}

function withNotes(change: (notes: Notes) => JsonValue) {
  return (snapshot: StoredSnapshot): void =>
    snapshot.changeManifest((manifest) => ({
      ...manifest,
      unprotected: { ...manifest.unprotected, restat: change(notesOf(manifest)) },
    }));
}

for (const [what, change] of [
  ['later', withNotes((notes) => ({ ...notes, start: '9999999999.000000000' }))],
  ['later, without a mark', withNotes(({ mac: _, ...notes }) => ({ ...notes, start: '9999999999' }))],
  ['to what has no canonical form', withNotes((notes) => ({ ...notes, start: null }))],
  ['to something else', withNotes(() => [1, 2])],
] as const) {
  test(`the start of a signed run is not believed when somebody sets it ${what}`, (t) =>
    withKeys(async (world, keys) => {
      // Written while the first run reads, at its clock, in one tick: nothing but its start tells that it has changed.
      const tick = new Date(Date.now() + 3_700_000);
      const write = (content: string): void => {
        writeFileSync(join(world.source, 'small7'), content);
        utimesSync(join(world.source, 'small7'), tick, tick);
      };
      write('before');
      const run = await afterChange(world, keys, (snapshot) => {
        write('behind');
        change(snapshot);
      });
      t.regex(run.stderr, USING);
      t.deepEqual(run.reasons, { reused: TREE_FILES - 1, racy: 1 });
      await holds(t, world, 'encrypt one', keys);
    }));
}

test('the notes of another snapshot count for nothing, though the key has marked them', (t) =>
  withKeys(async (world, keys) => {
    const tick = new Date(Date.now() + 3_700_000);
    const write = (content: string): void => {
      writeFileSync(join(world.source, 'small7'), content);
      utimesSync(join(world.source, 'small7'), tick, tick);
    };
    write('before');
    const time = String(Math.floor(Date.now() / 1000) + 3600);
    const options = [...optionsOf('encrypt one', keys), '--backup-time', time];
    // The same name in another datastore, an hour later.
    const other = join(world.directory, 'other');
    await restatOk(['datastore', 'create', other]);
    const where = ['--repository', other, '--backup-id', 't', '--sync', 'none'];
    await restatOk(['backup', `root.pxar:${world.source}`, ...where, ...options], { clockOffset: 7200 });
    await metadataRun(world, 1, options);
    write('behind');
    const { unprotected } = new StoredSnapshot(other).manifest();
    new StoredSnapshot(world.store).changeManifest((manifest) => ({ ...manifest, unprotected }));
    const run = await metadataRun(world, 3, optionsOf('encrypt one', keys));
    t.regex(run.stderr, USING);
    t.deepEqual(run.reasons, { reused: TREE_FILES - 1, racy: 1 });
  }));
