/** What backups with a key leave on disk, read by a reader of its own. cli.md §2.3, indexes-blobs-chunks.md §4–5, §10. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { MASTER_PASSWORD } from '../keys/vectors.js';
import { restat } from '../support/cli.js';
import { goldenKey } from '../support/golden-store.js';
import { fillTree, MARKER, type TestKey, testKey, writeOld } from '../support/keyed-world.js';
import { metadataRun } from '../support/metadata-run.js';
import {
  fingerprintOf,
  idKeyOf,
  newestSnapshot,
  openContainer,
  readSealed,
  type SealedSnapshot,
} from '../support/sealed-snapshot.js';
import { differences, scanTree } from '../support/tree.js';
import { type World, withWorld } from '../support/world.js';

const MIB = 2 ** 20;

/** Calls `use` in a world with a tree and a key. */
function withKey(use: (world: World, key: TestKey) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    fillTree(world.source);
    await use(world, testKey(world.directory, 'first'));
  });
}

function sealed({ store }: World, { secret }: TestKey, mode: string): SealedSnapshot {
  return readSealed(store, newestSnapshot(store, 'host/t'), { secret, mode });
}

/** Everything in the datastore, one file after the other. */
function bytesOf(store: string): Buffer {
  const names = readdirSync(store, { recursive: true, encoding: 'utf8' }).map((name) => join(store, name));
  return Buffer.concat(names.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path)));
}

/** What differs between the live tree and a restore of the newest snapshot with these options. */
async function restoredDifferences(world: World, options: readonly string[]): Promise<string[]> {
  rmSync(world.target, { recursive: true, force: true });
  const { code, stderr } = await world.restore(options);
  return code === 0 ? differences(await scanTree(world.source), await scanTree(world.target)) : [stderr];
}

/** A disk of 12 MiB: zeros, the marker, zeros. */
function makeDisk(directory: string): { readonly path: string; readonly content: Buffer } {
  const path = join(directory, 'disk');
  writeFileSync(path, '');
  truncateSync(path, 12 * MIB + 100);
  const content = Buffer.alloc(12 * MIB + 100);
  content.write(MARKER, 5 * MIB);
  writeFileSync(path, content);
  return { path, content };
}

const LAYOUTS = [
  ['split', [], ['root.ppxar.didx', 'root.mpxar.didx']],
  ['legacy', ['--change-detection-mode', 'legacy'], ['root.pxar.didx', 'catalog.pcat1.didx']],
  [
    'single',
    ['--change-detection-mode', 'metadata', '--layout', 'single'],
    ['root.pxar.didx', 'catalog.pcat1.didx'],
  ],
] as const;

for (const mode of ['encrypt', 'sign-only'] as const) {
  for (const [layout, words, names] of LAYOUTS) {
    test(`an independent reader verifies all of a backup: ${mode}, ${layout}`, (t) =>
      withKey(async (world, key) => {
        const disk = makeDisk(world.directory);
        const conf = join(world.directory, 'conf');
        writeOld(conf, Buffer.alloc(2000, 'x'));
        const sources = [`disk.img:${disk.path}`, `app.conf:${conf}`];
        const options = ['--crypt-mode', mode, '--chunk-size', '64', ...key.options];
        const { code, stderr } = await world.backup([...sources, ...words, ...options]);
        t.is(code, 0, stderr);
        t.true(
          stderr.includes(
            `Using encryption key from '${key.path}'..\nEncryption key fingerprint: ${fingerprintOf(key.secret).slice(0, 23)}\n`,
          ),
        );
        const { manifest, contents, digests } = sealed(world, key, mode);
        t.deepEqual(manifest.files.map(({ filename }) => filename).sort(), [
          ...['app.conf.blob', 'disk.img.fidx', ...names].sort(),
        ]);
        t.true(contents.get('disk.img.fidx')!.equals(disk.content));
        t.true(contents.get('app.conf.blob')!.equals(readFileSync(conf)));
        t.is(new Set(digests.get('disk.img.fidx')).size, 3, 'zeros, the marker, the last bytes');
        t.is(bytesOf(world.store).includes(MARKER), mode === 'sign-only');
        t.deepEqual(await restoredDifferences(world, key.options), []);
      }));
  }
}

test('zeros of an encrypted image are not read when it is restored', (t) =>
  withKey(async (world, key) => {
    const disk = makeDisk(world.directory);
    await world.backup([`disk.img:${disk.path}`, ...key.options]);
    const zeros = createHash('sha256')
      .update(Buffer.alloc(4 * MIB))
      .update(idKeyOf(key.secret))
      .digest('hex');
    const chunk = join(world.store, '.chunks', zeros.slice(0, 4), zeros);
    const bytes = readFileSync(chunk);
    t.true(openContainer(bytes, key.secret).content.equals(Buffer.alloc(4 * MIB)));
    writeFileSync(chunk, 'damaged');
    const words = ['restore', 'host/t', 'disk.img', world.target, '--repository', world.store];
    const { code, stderr } = await restat([...words, ...key.options]);
    t.is(code, 0, stderr);
    t.true(readFileSync(world.target).equals(disk.content));
  }));

const master = z.object({
  kdf: z.null(),
  created: z.string(),
  modified: z.string(),
  data: z.string(),
  fingerprint: z.string(),
});

/** What OpenSSL makes of the encrypted key with the recorded private key. */
function decryptedKey(t: ExecutionContext, { directory }: World, encrypted: Buffer): string {
  const [pem, file] = [join(directory, 'private.pem'), join(directory, 'encrypted')];
  writeFileSync(pem, execFileSync('zstd', ['-dc', goldenKey('master-private.pem.zst')]));
  writeFileSync(file, encrypted);
  t.is(encrypted.length, 512);
  const words = ['pkeyutl', '-decrypt', '-inkey', pem, '-passin', 'env:MASTER', '-in', file];
  return execFileSync('openssl', words, {
    env: { ...process.env, MASTER: MASTER_PASSWORD },
    encoding: 'utf8',
  });
}

test('the key is kept with the snapshot, encrypted for a master key', (t) =>
  withKey(async (world, key) => {
    const pem = goldenKey('master-public.pem');
    await world.backup([...key.options, '--master-pubkey-file', pem]);
    const { manifest, contents } = sealed(world, key, 'encrypt');
    t.is(manifest.files.at(-1)?.filename, 'rsa-encrypted.key.blob');
    const file = decryptedKey(t, world, contents.get('rsa-encrypted.key.blob')!);
    const parsed = master.parse(JSON.parse(file));
    t.is(file, JSON.stringify(parsed), 'compact, fields in order');
    t.is(parsed.created, '2023-11-14T22:13:20+00:00');
    t.is(parsed.data, key.secret.toString('base64'));
    t.is(parsed.fingerprint, fingerprintOf(key.secret));
    // Whoever lost the key restores it, and with it the rest.
    const restored = join(world.directory, 'recovered.json');
    writeFileSync(restored, file);
    t.is((await world.restore(['--keyfile', restored])).code, 0);
  }));

for (const layout of ['split', 'single']) {
  test(`encrypted runs reuse as much as plain ones: ${layout}`, async (t) => {
    const results: unknown[] = [];
    for (const isEncrypted of [false, true]) {
      await withKey(async (world, key) => {
        const options = isEncrypted ? key.options : [];
        const words = ['--layout', layout, ...options];
        await metadataRun(world, 1, words);
        writeOld(join(world.source, 'small3'), Buffer.alloc(900, 'changed'));
        writeOld(join(world.source, 'large/noise2'), Buffer.alloc(100_000, 'changed'));
        const { reasons, summary } = await metadataRun(world, 2, words);
        const { payload, padding } = summary.archives[0]!;
        t.deepEqual(await restoredDifferences(world, options), []);
        t.is(bytesOf(world.store).includes(MARKER), !isEncrypted);
        t.deepEqual(reasons, { reused: 22, size: 2 });
        results.push({ size: payload.size, chunks: payload['injected-chunks'], padding });
      });
    }
    t.deepEqual(results[0], results[1]);
  });
}

test('a second backup stores nothing again, and another key everything', (t) =>
  withKey(async (world, key) => {
    const data = ['--change-detection-mode', 'data'];
    const written = async (hour: number, options: readonly string[]): Promise<number> =>
      (await metadataRun(world, hour, [...data, ...options])).summary.archives[0]!.payload['new-bytes'];
    const all = await written(1, key.options);
    t.true(all > 1_200_000);
    t.is(await written(2, key.options), 0);
    t.is(await written(3, testKey(world.directory, 'second').options), all);
    t.is(await written(4, ['--crypt-mode', 'none']), all);
    t.is(await written(5, ['--crypt-mode', 'sign-only', ...key.options]), 0, 'plain chunks are plain chunks');
    t.is(await written(6, ['--crypt-mode', 'none']), 0);
  }));

test('files under the names of encrypted chunks are kept only where they are those', (t) =>
  withKey(async (world, key) => {
    await world.backup([...key.options, '--chunk-size', '64'], { clockOffset: 3600 });
    const first = sealed(world, key, 'encrypt').digests.get('root.ppxar.didx')!;
    const path = (i: number): string => join(world.store, '.chunks', first[i]!.slice(0, 4), first[i]!);
    const [plain, other, kept] = [path(0), path(1), path(2)];
    const before = statSync(kept).ino;
    writeFileSync(plain, Buffer.concat([Buffer.from('42ab3807be8370a1', 'hex'), Buffer.alloc(4)]));
    writeFileSync(other, readFileSync(kept));
    // Another group: nothing is known.
    const words = ['--backup-id', 'other', ...key.options, '--chunk-size', '64'];
    const where = ['--repository', world.store, '--sync', 'none'];
    t.is((await restat(['backup', `root.pxar:${world.source}`, ...where, ...words])).code, 0);
    sealed(world, key, 'encrypt');
    t.is(statSync(kept).ino, before);
  }));

test('the log of a run is encrypted where the backup is', (t) =>
  withKey(async (world, key) => {
    const log = join(world.directory, 'log');
    writeOld(log, Buffer.alloc(5000, 'a line of the log\n'));
    for (const [hour, options, expected] of [
      [1, key.options, 'encrypted'],
      [2, [...key.options, '--crypt-mode', 'sign-only'], 'plain'],
      [3, ['--crypt-mode', 'none'], 'plain'],
    ] as const) {
      await world.backup(options, { clockOffset: hour * 3600 });
      const snapshot = newestSnapshot(world.store, 'host/t');
      const where = ['--repository', world.store];
      const { code, stderr } = await restat([
        ...['snapshot', 'upload-log', snapshot, log, ...where],
        ...options,
      ]);
      t.is(code, 0, stderr);
      const blob = readFileSync(join(world.store, snapshot, 'client.log.blob'));
      const { kind, content } = openContainer(blob, key.secret);
      t.is(kind, expected);
      t.true(content.equals(readFileSync(log)));
    }
  }));
