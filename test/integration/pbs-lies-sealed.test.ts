/** A server that lies to backups with a key: nothing that it chose gets into what they sign. Design §4 (7). */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeBlob } from '../../src/snapshot/blob.js';
import { encodeManifest, type Manifest } from '../../src/snapshot/manifest.js';
import { fillTree, TREE_FILES, testKey, writeOld } from '../support/keyed-world.js';
import { parseRun } from '../support/metadata-run.js';
import { sha256 } from '../support/replay/bodies.js';
import { RecordedKey } from '../support/replay/recorded-key.js';
import {
  changeManifest,
  copyOf,
  digestsOf,
  filesOf,
  firstLength,
  MANIFEST,
  manifestOf,
  replaceDigest,
  sealedServer,
} from '../support/sealed-server.js';
import { openContainer } from '../support/sealed-snapshot.js';
import { SessionStore } from '../support/session-store.js';
import { differences, scanTree } from '../support/tree.js';

const server = sealedServer();
test.after.always(() => server.remove());

const source = join(server.directory, 'source');
const [ours, theirs] = ['ours', 'theirs'].map((name) => testKey(server.directory, name));
const [OLDER, PREVIOUS, NEXT] = [1_700_000_000, 1_700_003_600, 1_700_007_200] as const;
const [TREE, PAYLOAD] = ['root.mpxar.didx', 'root.ppxar.didx'] as const;

type Words = readonly string[];
const ENCRYPT: Words = ours!.options;
const SIGN: Words = [...ours!.options, '--crypt-mode', 'sign-only'];
const SINGLE: Words = [...ours!.options, '--layout', 'single'];

async function backup(store: SessionStore, time: number, options: Words) {
  const group = ['--backup-id', 't', '--backup-time', String(time), '--chunk-size', '64'];
  const mode = ['--change-detection-mode', 'metadata', '--output-format', 'json'];
  const words = ['backup', `root.pxar:${source}`, ...group, ...mode, ...options];
  // Long after the tree was made.
  return parseRun(await server.run(store, words, time - OLDER + 3600));
}

async function storeWith(options: Words): Promise<SessionStore> {
  const store = new SessionStore();
  await backup(store, PREVIOUS, options);
  return store;
}

/** Two snapshots: a file has the same size and time in both, but another content and mode. */
async function storeWithOlder(options: Words): Promise<SessionStore> {
  const older = new SessionStore();
  const file = join(source, 'small3');
  writeOld(file, Buffer.alloc(503, 'old '));
  chmodSync(file, 0o600);
  await backup(older, OLDER, options);
  writeOld(file, Buffer.alloc(503, 'new '));
  chmodSync(file, 0o644);
  const store = await storeWith(options);
  for (const [key, files] of older.snapshots) store.snapshots.set(key, files);
  for (const [digest, container] of older.chunks) store.chunks.set(digest, container);
  return store;
}

/** One after the other: they share the tree. */
async function makeStores() {
  mkdirSync(source);
  fillTree(source);
  return {
    encrypted: await storeWithOlder(ENCRYPT),
    signed: await storeWith(SIGN),
    single: await storeWith(SINGLE),
    foreign: await storeWith(theirs!.options),
  };
}

const prepared = makeStores();

const key = new RecordedKey(ours!.secret);

/** What a manifest says as text. */
function textOf(manifest: Buffer): Readonly<Record<string, unknown>> {
  return JSON.parse(openContainer(manifest, undefined).content.toString());
}

/** The new snapshot is signed, and its archives are what the honest one has: the same chunks at the same places. */
function holdsOwnContent(t: ExecutionContext, store: SessionStore, honest: SessionStore, what: string): void {
  const [files, expected] = [filesOf(store, NEXT), filesOf(honest, PREVIOUS)];
  const text = textOf(files.get(MANIFEST)!);
  t.is(text['signature'], key.signature(text), what);
  t.is(manifestOf(store, NEXT).unprotected['key-fingerprint'], key.fingerprint, what);
  const names = [...files.keys()].filter((name) => name !== MANIFEST);
  t.deepEqual(names.sort(), [...expected.keys()].filter((name) => name !== MANIFEST).sort(), what);
  for (const name of names)
    t.deepEqual(digestsOf(store, NEXT, name), digestsOf(honest, PREVIOUS, name), `${what}: ${name}`);
}

type Kind = 'encrypted' | 'signed' | 'single';
type Lie = (store: SessionStore, parts: Awaited<typeof prepared>) => void;

const strip: Lie = (store) =>
  changeManifest(store, PREVIOUS, (manifest) => {
    const { 'key-fingerprint': _, ...unprotected } = manifest.unprotected;
    return { ...manifest, signature: null, unprotected };
  });

/** A digest of nothing. */
const NOBODYS = 'ab'.repeat(32);

/** Puts another chunk in the place of the first one of an index; `agrees`: the manifest says so, too. */
function exchange(
  name: string,
  agrees: 'agrees' | 'index only',
  chosen: (store: SessionStore, name: string) => string = ofOlder,
): Lie {
  return (store) => {
    const csum = replaceDigest(store, PREVIOUS, name, chosen(store, name));
    if (agrees === 'index only') return;
    const files = (manifest: Manifest) =>
      manifest.files.map((file) => (file.filename === name ? { ...file, csum } : file));
    changeManifest(store, PREVIOUS, (manifest) => ({ ...manifest, files: files(manifest) }));
  };
}

/** A chunk of the same key and length, which only the older snapshot has. */
function ofOlder(store: SessionStore, name: string): string {
  const own = digestsOf(store, PREVIOUS, name);
  return digestsOf(store, OLDER, name).find((digest) => !own.includes(digest))!;
}

/** A plain chunk of the same length with what the server likes. */
function madeUp(store: SessionStore, name: string): string {
  const evil = Buffer.alloc(firstLength(store, PREVIOUS, name), 'evil');
  const digest = sha256(evil);
  store.chunks.set(digest, encodeBlob(evil, digest, { compress: false }));
  return digest;
}

function both(...lies: readonly Lie[]): Lie {
  return (store, parts) => {
    for (const lie of lies) lie(store, parts);
  };
}

/** All of another snapshot in the place of the previous one. */
function insteadOfAll(
  files: (store: SessionStore, parts: Awaited<typeof prepared>) => Map<string, Buffer>,
): Lie {
  return (store, parts) => {
    for (const [digest, container] of parts.foreign.chunks) store.chunks.set(digest, container);
    store.snapshots.set(`host/t/${PREVIOUS}`, files(store, parts));
  };
}

const UNREADABLE = "^Couldn't read previous manifest, fallback to regular mode - ";
const UNSIGNED = new RegExp(`${UNREADABLE}it is not signed with the key of this backup$`, 'm');
const SIGNATURE = new RegExp(`${UNREADABLE}the signature of the manifest is wrong`, 'm');
const OTHER_KEY = new RegExp(`${UNREADABLE}wrong key - unable to verify signature`, 'm');
const OTHER_SNAPSHOT = new RegExp(
  `${UNREADABLE}the manifest of host/t/\\S+ is that of host/t/2023-11-14T22:13:20Z`,
  'm',
);
const OTHER_INDEX = /^No previous metadata index, continue without reference: root\.\wpxar\.didx/m;
const BAD_CATALOG = /^Previous catalog cannot be read, continue without reference: catalog\.pcat1\.didx/m;

const LIES: readonly (readonly [what: string, kind: Kind, Lie, RegExp])[] = [
  ['strips and exchanges contents', 'encrypted', both(strip, exchange(PAYLOAD, 'agrees')), UNSIGNED],
  ['strips and exchanges metadata', 'encrypted', both(strip, exchange(TREE, 'agrees')), UNSIGNED],
  ['exchanges contents', 'encrypted', exchange(PAYLOAD, 'agrees'), SIGNATURE],
  ['exchanges contents in the index', 'encrypted', exchange(PAYLOAD, 'index only'), OTHER_INDEX],
  ['strips and makes contents up', 'signed', both(strip, exchange(PAYLOAD, 'agrees', madeUp)), UNSIGNED],
  ['makes contents up', 'signed', exchange(PAYLOAD, 'agrees', madeUp), SIGNATURE],
  [
    'exchanges the catalog',
    'single',
    exchange('catalog.pcat1.didx', 'index only', () => NOBODYS),
    BAD_CATALOG,
  ],
  [
    'gives a snapshot of another key',
    'encrypted',
    insteadOfAll((_, { foreign }) => filesOf(foreign, PREVIOUS)),
    OTHER_KEY,
  ],
  [
    'gives a snapshot of another key with the fingerprint of this one',
    'encrypted',
    insteadOfAll((_, { foreign }) => {
      const manifest = manifestOf(foreign, PREVIOUS);
      const unprotected = { ...manifest.unprotected, 'key-fingerprint': key.fingerprint };
      return filesOf(foreign, PREVIOUS).set(MANIFEST, encodeManifest({ ...manifest, unprotected }));
    }),
    SIGNATURE,
  ],
  [
    'gives an older snapshot as the newest one',
    'encrypted',
    insteadOfAll((store) => filesOf(store, OLDER)),
    OTHER_SNAPSHOT,
  ],
  [
    'renames an older snapshot',
    'encrypted',
    insteadOfAll((store) => {
      const { snapshot } = manifestOf(store, PREVIOUS);
      const manifest = encodeManifest({ ...manifestOf(store, OLDER), snapshot });
      return filesOf(store, OLDER).set(MANIFEST, manifest);
    }),
    SIGNATURE,
  ],
];

const OPTIONS = { encrypted: ENCRYPT, signed: SIGN, single: SINGLE } as const;

for (const [what, kind, lie, message] of LIES) {
  test(`a server that ${what} gets none of it signed: ${kind}`, async (t) => {
    const parts = await prepared;
    const store = copyOf(parts[kind]);
    lie(store, parts);
    const run = await backup(store, NEXT, OPTIONS[kind]);
    holdsOwnContent(t, store, parts[kind], what);
    t.regex(run.stderr, message);
    t.deepEqual(run.reasons, { 'no reference': TREE_FILES });
    t.true(run.summary.archives.every(({ payload }) => payload['injected-chunks'] === 0));
  });
}

for (const kind of ['encrypted', 'signed', 'single'] as const) {
  test(`an honest server's chunks are referred to, and what is restored is the tree: ${kind}`, async (t) => {
    const honest = (await prepared)[kind];
    const store = copyOf(honest);
    const { reasons } = await backup(store, NEXT, OPTIONS[kind]);
    t.deepEqual(reasons, { reused: TREE_FILES });
    const target = join(server.directory, `target-${kind}`);
    const words = ['restore', 'host/t/2023-11-14T23:13:20Z', 'root.pxar', target, ...ours!.options];
    const { code, stderr } = await server.run(store, words);
    t.is(code, 0, stderr);
    t.deepEqual(differences(await scanTree(source), await scanTree(target)), []);
  });
}
