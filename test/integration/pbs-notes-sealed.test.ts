/** What restat notes of its runs stands outside of what manifests sign: with a key, notes that a server changed are not believed. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { Seal } from '../../src/repository/seal.js';
import { encodeDynamicIndex } from '../../src/snapshot/dynamic-index.js';
import type { JsonValue } from '../../src/snapshot/json-text.js';
import type { Manifest } from '../../src/snapshot/manifest.js';
import { fillTree, TREE_FILES, testKey } from '../support/keyed-world.js';
import { type MetadataRun, parseRun } from '../support/metadata-run.js';
import {
  changeManifest,
  copyOf,
  digestsOf,
  filesOf,
  replaceFile,
  sealedServer,
} from '../support/sealed-server.js';
import { openContainer } from '../support/sealed-snapshot.js';
import { SessionStore } from '../support/session-store.js';
import { type SplitEntry, splitEntries } from '../support/split-archive.js';

const server = sealedServer();
test.after.always(() => server.remove());

const source = join(server.directory, 'source');
const { options, secret } = testKey(server.directory, 'ours');
const [FIRST, NEXT] = [1_700_000_000, 1_700_003_600] as const;
/** Length of the header before a content, in bytes. */
const HEADER = 16;
const [TREE, PAYLOAD] = ['root.mpxar.didx', 'root.ppxar.didx'] as const;
/** By so much the first run's clock is ahead, in seconds, and then the second's. */
const AHEAD = 3600;
const tick = new Date(Date.now() + (AHEAD + 100) * 1000);

/** Nothing but the start of the first run tells that the file has changed: it did so in one tick of the clock. */
function write(content: 'before' | 'behind'): void {
  writeFileSync(join(source, 'small7'), content);
  utimesSync(join(source, 'small7'), tick, tick);
}

async function backup(
  store: SessionStore,
  time: number,
  words: readonly string[] = [],
): Promise<MetadataRun> {
  const group = ['--backup-id', 't', '--backup-time', String(time), '--chunk-size', '64'];
  const mode = ['--change-detection-mode', 'metadata', '--output-format', 'json'];
  const all = ['backup', `root.pxar:${source}`, ...group, ...mode, ...options, ...words];
  return parseRun(await server.run(store, all, AHEAD + time - FIRST));
}

type Notes = { readonly [key: string]: JsonValue };

function areNotes(value: JsonValue | undefined): value is Notes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notesOf({ unprotected: { restat } }: Manifest): Notes {
  if (!areNotes(restat)) throw new Error('no notes');
  return restat;
}

function withNotes(change: (notes: Notes) => Notes): (manifest: Manifest) => Manifest {
  return (manifest) => ({
    ...manifest,
    unprotected: { ...manifest.unprotected, restat: change(notesOf(manifest)) },
  });
}

/** The stream behind an index. */
function streamOf(store: SessionStore, time: number, name: string): Buffer {
  const chunks = digestsOf(store, time, name).map((digest) => store.chunks.get(digest)!);
  return Buffer.concat(chunks.map((chunk) => openContainer(chunk, secret).content));
}

function entryOf(store: SessionStore, time: number, path: string): SplitEntry {
  return splitEntries(streamOf(store, time, TREE)).find((entry) => entry.path === path)!;
}

/** A first run that noted of a file that it had changed while it was read. Its index claims to be made in the far future. */
async function firstRun(): Promise<SessionStore> {
  mkdirSync(source);
  fillTree(source);
  write('before');
  const store = new SessionStore();
  await backup(store, FIRST);
  write('behind');
  const untrusted = { 'root.pxar': [entryOf(store, FIRST, '/large/noise1').offset] };
  const noted = withNotes(({ mac: _, ...notes }) => ({ ...notes, untrusted }));
  const seal = Seal.of('encrypt', new EncryptionKey(Buffer.from(secret)));
  changeManifest(store, FIRST, (manifest) => seal.manifest(noted(manifest)));
  const entries = filesOf(store, FIRST).get(PAYLOAD)!.subarray(4096);
  const parts = { uuid: Buffer.alloc(16), ctime: 9_999_999_999, entries };
  replaceFile(store, FIRST, PAYLOAD, encodeDynamicIndex(parts, PAYLOAD));
  return store;
}

const prepared = firstRun();

const HONEST = { reused: TREE_FILES - 2, racy: 1, untrusted: 1 };
/** The signed time of the snapshot stands for the start. */
const WITHOUT = { reused: TREE_FILES - 1, racy: 1 };

const CASES: readonly (readonly [
  what: string,
  change: (manifest: Manifest) => Manifest,
  words: readonly string[],
  reasons: Readonly<Record<string, number>>,
])[] = [
  ['the notes of the run', (manifest) => manifest, [], HONEST],
  ['a later start', withNotes((notes) => ({ ...notes, start: '9999999999.000000000' })), [], WITHOUT],
  ['no files that changed', withNotes(({ untrusted: _, ...notes }) => notes), [], WITHOUT],
  [
    'another generation',
    withNotes((notes) => ({ ...notes, generation: 99 })),
    ['--full-every', '9'],
    WITHOUT,
  ],
  [
    'no notes at all',
    (manifest) => {
      const { restat: _, ...unprotected } = manifest.unprotected;
      return { ...manifest, unprotected };
    },
    [],
    WITHOUT,
  ],
];

for (const [what, change, words, reasons] of CASES) {
  test(`a signed manifest is served with ${what}`, async (t) => {
    const store = copyOf(await prepared);
    changeManifest(store, FIRST, change);
    const run = await backup(store, NEXT, words);
    t.regex(run.stderr, /^Using previous index as metadata reference for 'root\.mpxar\.didx'$/m);
    t.deepEqual(run.reasons, reasons);
    const { offset, size } = entryOf(store, NEXT, '/small7');
    const content = streamOf(store, NEXT, PAYLOAD).subarray(offset + HEADER);
    t.is(content.toString('latin1', 0, size), 'behind');
  });
}
