/** Encrypted and signed snapshots of a golden datastore, read with their keys. cli.md §3. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { restatOk } from '../support/cli.js';
import {
  BARE,
  checkSecrets,
  ENCRYPTED,
  ENCRYPTED_DISK,
  ENCRYPTED_LAST,
  ENCRYPTED_SPLIT,
  SCRYPT,
  SIGNED,
  WITH_PASSWORD,
  withEncrypted,
} from '../support/encrypted-world.js';
import { goldenJson, goldenText } from '../support/golden-store.js';
import { withServed } from '../support/served.js';
import { differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot } from '../support/world.js';

const whole = isRoot ? test : test.skip;

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

function goldenTree(): TreeEntry[] {
  const path = 'snapshots/host_crypt_2023-11-14T221330Z/restored-root.pxar.json';
  return parseEntries(goldenJson(path, z.object({ entries: z.unknown() })).entries);
}

/** The path of an entry as text. */
const pathOf = ({ path }: TreeEntry): string => `/${Buffer.from(path, 'hex').toString('latin1')}`;
const digest = z.record(z.string(), z.looseObject({ content_sha256: z.string() }));
const APP = goldenJson('snapshots/host_crypt_2023-11-14T221330Z/blobs.json', digest)['app.conf.blob']!;
const stream = z.looseObject({ 'disk0.img.fidx': z.object({ sha256: z.string() }) });
const IMAGE = goldenJson('snapshots/host_disk_2023-11-14T221322Z/streams.json', stream)['disk0.img.fidx'];

for (const snapshot of [ENCRYPTED, ENCRYPTED_SPLIT, ENCRYPTED_LAST]) {
  test(`ls and cat look into ${snapshot}`, (t) =>
    withEncrypted(async ({ run, unlocked }) => {
      const listed = await run(['ls', snapshot, 'root.pxar', '/', '--output-format', 'json', ...unlocked]);
      const rows = z.array(z.looseObject({ name: z.string() })).parse(JSON.parse(listed.stdout));
      t.is(rows.length, goldenTree().length - 1);
      const file = goldenTree().find((entry) => pathOf(entry) === '/d11.txt')!;
      const { stdout, code } = await run(['cat', snapshot, 'root.pxar', '/d11.txt', ...unlocked]);
      t.is(code, 0);
      t.is(file.sha256, sha256(stdout));
    }));
}

test('find and diff look into encrypted snapshots', (t) =>
  withEncrypted(async ({ run, unlocked }) => {
    const where = ['--group', 'host/crypt', ...unlocked];
    const found = await run(['find', 'd1?.txt', ...where, '--output-format', 'json']);
    t.is(found.code, 0, found.stderr);
    t.is(z.array(z.unknown()).parse(JSON.parse(found.stdout)).length, 3 * 2);
    const same = await run(['diff', ENCRYPTED, ENCRYPTED_SPLIT, '--content', ...unlocked]);
    t.like(same, { code: 0, stdout: '' });
    const changed = await run(['diff', ENCRYPTED_SPLIT, ENCRYPTED_LAST, ...unlocked]);
    t.is(changed.code, 0);
    t.regex(changed.stdout, /^M f root\.pxar:\/d\d\d\.txt \(time\)$/m);
  }));

test('a search goes on behind snapshots that other keys are for', (t) =>
  withEncrypted(async ({ run }) => {
    const all = await run(['find', 'd00.txt']);
    t.is(all.code, 3);
    t.regex(all.stdout, /^host\/alpha\/2023-11-14T23:36:40Z root\.pxar/m);
    t.regex(all.stdout, /^host\/alpha\/2023-11-14T22:30:00Z root\.pxar/m);
    t.is(all.stderr.match(/^Warning: .* missing key - /gm)?.length, 6);
    const other = await run(['find', 'd00.txt', ...BARE]);
    t.is(other.code, 3);
    t.deepEqual(other.stdout.match(/^host\/\w+/gm), ['host/signed', 'host/signed']);
    t.is(other.stderr.match(/^Warning: host\/crypt.* wrong key - /gm)?.length, 3);
    t.is(other.stderr.match(/^Warning: .* made without a key/gm)?.length, 9);
  }));

test('the shell reads lines in an encrypted archive', (t) =>
  withEncrypted(async ({ run, unlocked }) => {
    const wrapper = ['sh', '-c', 'printf "ls\\nstat d00.txt\\n" | "$@"', 'sh'];
    const args = ['catalog', 'shell', ENCRYPTED, 'root.pxar', ...unlocked];
    const { stdout, code } = await run(args, { wrapper });
    t.is(code, 0);
    t.regex(stdout, /^d11\.txt$/m);
    t.regex(stdout, /File: .*d00\.txt\n +Size: 500 /);
  }));

test('a blob, the manifest and an image of encrypted snapshots are those that were recorded', (t) =>
  withEncrypted(async ({ run, target, unlocked }) => {
    t.is((await run(['restore', ENCRYPTED, 'app.conf', target, ...unlocked])).code, 0);
    t.is(sha256(readFileSync(target)), APP.content_sha256);
    const image = await run(['restore', ENCRYPTED_DISK, 'disk0.img', `${target}.img`, ...BARE]);
    t.is(image.code, 0, image.stderr);
    t.is(sha256(readFileSync(`${target}.img`)), IMAGE.sha256);
    const manifest = await run(['restore', ENCRYPTED, 'index.json', '-', ...unlocked]);
    const fields = z.looseObject({ signature: z.string() });
    const path = 'snapshots/host_crypt_2023-11-14T221330Z/manifest.json';
    t.is(fields.parse(JSON.parse(manifest.stdout)).signature, goldenJson(path, fields).signature);
  }));

test('what is encrypted for a master key needs no other key, but is checked with one that is named', (t) =>
  withEncrypted(async ({ run, store, target, unlocked }) => {
    t.is((await run(['restore', ENCRYPTED, 'rsa-encrypted.key', target])).code, 0);
    const stored = readFileSync(join(store, ENCRYPTED, 'rsa-encrypted.key.blob'));
    t.deepEqual(readFileSync(target), stored.subarray(12));
    const words = ['restore', ENCRYPTED, 'rsa-encrypted.key'];
    t.is((await run([...words, `${target}.2`, ...unlocked])).code, 0);
    t.regex((await run([...words, `${target}.3`, ...BARE])).stderr, /^Error: wrong key - /);
    // Of the same snapshot, nothing else.
    for (const name of ['app.conf', 'index.json', 'root.pxar'])
      t.regex((await run(['restore', ENCRYPTED, name, `${target}.4`])).stderr, /^Error: missing key - /);
  }));

whole('an encrypted tree is restored as it was recorded, and from a tar archive, too', (t) =>
  withEncrypted(async ({ run, target, unlocked }) => {
    const args = ['restore', ENCRYPTED, 'root.pxar'];
    const progress = ['--progress', 'json', '--crypt-mode', 'encrypt'];
    const result = await run([...args, target, ...progress, ...unlocked]);
    t.is(result.code, 0, result.stderr);
    t.deepEqual(differences(goldenTree(), await scanTree(target)), []);
    const wrapper = ['sh', '-c', `"$@" | tar -tf -`, 'sh'];
    const tar = await run([...args, '-', '--format', 'tar', ...unlocked], { wrapper });
    t.is(tar.stdout.trim().split('\n').length, goldenTree().length);
  }),
);

test('a signed snapshot is read with its key only', (t) =>
  withEncrypted(async ({ run, unlocked }) => {
    const words = ['cat', SIGNED, 'root.pxar', 'd00.txt'];
    t.is((await run([...words, ...BARE])).stdout.length, 500);
    t.regex(
      (await run(words)).stderr,
      /^Error: missing key - manifest was created with key 7b:b6:d1:bb:21:d2:0e:52\n/,
    );
    t.regex((await run([...words, ...unlocked])).stderr, /^Error: wrong key - /);
  }));

whole('encrypted snapshots are read through a server that has no key', (t) =>
  withEncrypted(async ({ store, target }) => {
    const state = `${target}.state`;
    mkdirSync(state);
    await withServed(store, state, async ({ repository, env }) => {
      const run = async (...args: string[]) =>
        checkSecrets(
          await restatOk([...args, '--repository', repository], { env: { ...env, ...WITH_PASSWORD } }),
        );
      for (const snapshot of [ENCRYPTED, ENCRYPTED_SPLIT]) {
        const to = `${target}.${snapshot === ENCRYPTED}`;
        await run('restore', snapshot, 'root.pxar', to, ...SCRYPT);
        t.deepEqual(differences(goldenTree(), await scanTree(to)), []);
      }
      const dump = await run('catalog', 'dump', ENCRYPTED, ...SCRYPT);
      t.is(dump.stdout, goldenText('snapshots/host_crypt_2023-11-14T221330Z/catalog-dump.txt'));
      await run('restore', ENCRYPTED, 'app.conf', `${target}.conf`, ...SCRYPT);
      t.is(sha256(readFileSync(`${target}.conf`)), APP.content_sha256);
      await run('restore', ENCRYPTED_DISK, 'disk0.img', `${target}.img`, ...BARE);
      t.is(sha256(readFileSync(`${target}.img`)), IMAGE.sha256);
      await t.throwsAsync(run('ls', ENCRYPTED, 'root.pxar'), { message: /missing key - / });
    });
  }),
);
