/** What a repository without the key can do to encrypted and signed snapshots: nothing but make them unreadable. */
import { copyFileSync, cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { decodeBlob, encodeBlob } from '../../src/snapshot/blob.js';
import { decodeManifest, encodeManifest, type Manifest } from '../../src/snapshot/manifest.js';
import { KEYS } from '../keys/vectors.js';
import { fixture } from '../snapshot/fixtures.js';
import type { RunResult } from '../support/cli.js';
import { apply, corruptCases } from '../support/corrupt.js';
import {
  BARE,
  ENCRYPTED,
  ENCRYPTED_DISK,
  ENCRYPTED_SPLIT,
  type EncryptedWorld,
  PLAIN,
  SIGNED,
  withEncrypted,
} from '../support/encrypted-world.js';
import { goldenJson } from '../support/golden-store.js';
import { differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';

const MANIFEST = 'index.json.blob';

function goldenTree(): TreeEntry[] {
  const path = 'snapshots/host_crypt_2023-11-14T221330Z/restored-root.pxar.json';
  return parseEntries(goldenJson(path, z.object({ entries: z.unknown() })).entries);
}

/** Digests of the chunks of an archive. */
function digestsOf(snapshot: string, name: string): string[] {
  const directory = snapshot.replaceAll('/', '_').replaceAll(':', '');
  const chunks = z.array(z.union([z.string(), z.tuple([z.number(), z.string()])]));
  const indexes = goldenJson(
    `snapshots/${directory}/indexes.json`,
    z.record(z.string(), z.object({ chunks })),
  );
  return indexes[name]!.chunks.map((chunk) => (typeof chunk === 'string' ? chunk : chunk[1]));
}

function chunkFile(store: string, digest: string): string {
  return join(store, '.chunks', digest.slice(0, 4), digest);
}

function changeManifest(store: string, snapshot: string, change: (manifest: Manifest) => Manifest): void {
  const path = join(store, snapshot, MANIFEST);
  writeFileSync(path, encodeManifest(change(decodeManifest(readFileSync(path)))));
}

/** Restores the tree of a snapshot, which must fail with this; a file that is there all the same is the true one. */
async function isRefused(
  t: ExecutionContext,
  { run, target, unlocked }: EncryptedWorld,
  what: RegExp,
  snapshot: string = ENCRYPTED,
): Promise<void> {
  const key = snapshot === SIGNED || snapshot === ENCRYPTED_DISK ? BARE : unlocked;
  const result = await run(['restore', snapshot, 'root.pxar', target, ...key]);
  saysWhat(t, result, what);
  if (!existsSync(target)) return;
  const found = (await scanTree(target)).filter(({ type }) => type === 'file');
  const known = goldenTree().filter(({ path }) => found.some((entry) => entry.path === path));
  t.deepEqual(differences(known, found), []);
}

function saysWhat(t: ExecutionContext, { code, stderr, stdout }: RunResult, what: RegExp): void {
  t.true(code === 1 || code === 3, `${code}: ${stderr}`);
  t.regex(stderr, what);
  t.is(stdout, '');
}

const SIGNATURE =
  /^Error: the signature of the manifest is wrong: it was changed, or signed with another key$/m;
const EXPECTED: Readonly<Record<string, RegExp>> = {
  'encrypted-chunk-tag-flipped': /chunk 530e8e27.*the key is another one, or the data were changed/,
  'encrypted-chunk-iv-flipped': /chunk 530e8e27.*the key is another one, or the data were changed/,
  'encrypted-chunk-data-flipped': /chunk 530e8e27.*the checksum does not match/,
  'encrypted-archive-plain-chunk': /chunk 530e8e27.*the data are not encrypted, as they should be/,
  'manifest-signature-wrong': SIGNATURE,
  // The reference client takes this one.
  'manifest-signature-null': /^Error: the manifest has no signature, where one is expected$/m,
  'manifest-fingerprint-other': /^Error: wrong key - .* 00:00:00:00:00:00:00:00 does not match/m,
};

for (const { name, snapshot, edits } of corruptCases()) {
  const expected = EXPECTED[name];
  if (expected === undefined) continue;
  test(`damage '${name}' is noticed with the key`, (t) =>
    withEncrypted(async (world) => {
      for (const each of edits) apply(world.store, each);
      await isRefused(t, world, expected, snapshot);
    }));
}

test('all recorded damage of encrypted and signed trees was tried', (t) => {
  const cases = corruptCases().filter(
    ({ snapshot, archive }) => /crypt|signed/.test(snapshot) && archive === 'root.pxar',
  );
  t.deepEqual(cases.map(({ name }) => name).sort(), Object.keys(EXPECTED).sort());
});

test('a plain chunk does not pass for an encrypted one, though its content is right', (t) =>
  withEncrypted(async (world) => {
    const path = chunkFile(world.store, digestsOf(ENCRYPTED, 'root.pxar.didx')[0]!);
    const key = new EncryptionKey(
      Buffer.from(KEYS.find(({ file }) => file === 'key-scrypt.json')!.enc_key, 'hex'),
    );
    const content = decodeBlob(readFileSync(path), path, undefined, key);
    writeFileSync(path, encodeBlob(content, path, { compress: true }));
    await isRefused(t, world, /the data are not encrypted, as they should be/);
  }));

test('an encrypted chunk does not pass for a plain one, with and without the key', (t) =>
  withEncrypted(async (world) => {
    const { store, run, target } = world;
    const sealed = chunkFile(store, digestsOf(ENCRYPTED_DISK, 'disk0.img.fidx')[0]!);
    copyFileSync(sealed, chunkFile(store, digestsOf(SIGNED, 'root.pxar.didx')[0]!));
    await isRefused(t, world, /the data are encrypted/, SIGNED);
    copyFileSync(sealed, chunkFile(store, digestsOf(PLAIN, 'root.pxar.didx')[0]!));
    saysWhat(t, await run(['restore', PLAIN, 'root.pxar', target]), /the data are encrypted/);
  }));

test('a chunk that was encrypted with another key is refused', (t) =>
  withEncrypted(async (world) => {
    const theirs = chunkFile(world.store, digestsOf(ENCRYPTED_DISK, 'disk0.img.fidx')[0]!);
    copyFileSync(theirs, chunkFile(world.store, digestsOf(ENCRYPTED, 'root.pxar.didx')[1]!));
    await isRefused(t, world, /the key is another one, or the data were changed/);
  }));

test('chunks of one key do not pass for each other', (t) =>
  withEncrypted(async (world) => {
    const [first, second] = digestsOf(ENCRYPTED_DISK, 'disk0.img.fidx').map((digest) =>
      chunkFile(world.store, digest),
    );
    renameSync(first!, `${first}.kept`);
    copyFileSync(second!, first!);
    const args = ['restore', ENCRYPTED_DISK, 'disk0.img', world.target, ...BARE];
    saysWhat(t, await world.run(args), /the data have another digest/);
  }));

test('an index of another snapshot of the key is refused', (t) =>
  withEncrypted(async (world) => {
    const index = (snapshot: string): string => join(world.store, snapshot, 'root.pxar.didx');
    copyFileSync(index(SIGNED), index(ENCRYPTED));
    await isRefused(t, world, /root\.pxar\.didx/);
  }));

test('a signature that was changed or taken away is missed', (t) =>
  withEncrypted(async (world) => {
    const { store, run, target } = world;
    const restored = join(store, ENCRYPTED, MANIFEST);
    const whole = readFileSync(restored);
    const changed = async (change: (manifest: Manifest) => Manifest, what: RegExp): Promise<void> => {
      writeFileSync(restored, whole);
      changeManifest(store, ENCRYPTED, change);
      await isRefused(t, world, what);
    };
    const unsigned = /^Error: the manifest has no signature, where one is expected$/m;
    await changed((manifest) => ({ ...manifest, signature: '0'.repeat(64) }), SIGNATURE);
    await changed((manifest) => ({ ...manifest, signature: null }), unsigned);
    await changed((manifest) => ({ ...manifest, signature: null, unprotected: {} }), unsigned);
    // All that tells of a key is gone: whoever names one learns of it.
    const plain = (manifest: Manifest): Manifest => ({
      ...manifest,
      files: manifest.files.map((file) => ({ ...file, cryptMode: 'none' })),
      signature: null,
      unprotected: {},
    });
    await changed(plain, /^Error: the snapshot was made without a key: leave out/m);
    // Without a key the chunks do not open.
    saysWhat(t, await run(['restore', ENCRYPTED, 'root.pxar', target]), /the data are encrypted/);
  }));

test('a blob of another snapshot of the key does not pass, with its manifest entry or without', (t) =>
  withEncrypted(async (world) => {
    const { store, target, unlocked, run } = world;
    const theirs = fixture('blobs/encrypt-scrypt/text.conf.blob');
    const entry = decodeManifest(fixture('blobs/encrypt-scrypt/index.json.blob')).files.find(
      ({ filename }) => filename === 'text.conf.blob',
    )!;
    writeFileSync(join(store, ENCRYPTED, 'app.conf.blob'), theirs);
    const args = ['restore', ENCRYPTED, 'app.conf', target, ...unlocked];
    saysWhat(t, await run(args), /app\.conf\.blob: .* the manifest says 83 bytes/);
    changeManifest(store, ENCRYPTED, (manifest) => ({
      ...manifest,
      files: manifest.files.map((file) =>
        file.filename === 'app.conf.blob' ? { ...entry, filename: file.filename } : file,
      ),
    }));
    saysWhat(t, await run(args), SIGNATURE);
    t.false(existsSync(target));
  }));

test('a plain blob does not pass for an encrypted one', (t) =>
  withEncrypted(async ({ store, run, target, unlocked }) => {
    const bytes = encodeBlob(Buffer.from('mine'), 'x', { compress: false });
    writeFileSync(join(store, ENCRYPTED, 'app.conf.blob'), bytes);
    const args = ['restore', ENCRYPTED, 'app.conf', target, ...unlocked];
    saysWhat(t, await run(args), /app\.conf\.blob/);
    t.false(existsSync(target));
  }));

test('a snapshot does not pass for another one of the same key', (t) =>
  withEncrypted(async (world) => {
    const { store, run } = world;
    const later = 'host/crypt/2023-11-14T22:14:00Z';
    cpSync(join(store, ENCRYPTED), join(store, later), { recursive: true });
    await isRefused(
      t,
      world,
      /the manifest of host\/crypt\/2023-11-14T22:14:00Z is that of host\/crypt\/2023-11-14T22:13:30Z/,
      later,
    );
    copyFileSync(join(store, ENCRYPTED, MANIFEST), join(store, ENCRYPTED_SPLIT, MANIFEST));
    await isRefused(t, world, /is that of host\/crypt\/2023-11-14T22:13:30Z/, ENCRYPTED_SPLIT);
    // What nobody signed may have been renamed.
    const renamed = PLAIN.replace('alpha', 'renamed');
    cpSync(join(store, PLAIN), join(store, renamed), { recursive: true });
    t.is((await run(['cat', renamed, 'root.pxar', 'docs/d00.txt'])).stdout.length, 500);
  }));
