/** Images and blobs of a datastore that the reference programs wrote, and the same written anew. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { decodeIndex, encodeIndex } from '../../src/snapshot/archive-index.js';
import { parseServerName } from '../../src/snapshot/archive-names.js';
import { restatOk } from '../support/cli.js';
import { goldenJson, withGoldenStore } from '../support/golden-store.js';
import { recordedFiles } from '../support/images.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';

const DISK = 'snapshots/host_disk_2023-11-14T221321Z';
const SNAPSHOT = 'host/disk/2023-11-14T22:13:21Z';
const INDEX = parseServerName('disk0.img.fidx');
/** What the reference client restored. */
const DIGESTS = {
  'disk0.img': 'a479bd16d679b57932261129c3313ff219a9e1c83c94d5a5200e7e602560e3ce',
  'vm.conf': 'c0277d3cfef84bdfdc09d852b23b6135376e7811741dc7170c963f66996a7a54',
  'run.log': '28d8650cbc04c733e451cd45f2f9b250bcd594779222d5e9055425e1c97cb602',
} as const;

const indexes = z.record(z.string(), z.object({ csum: z.string(), chunks: z.array(z.string()) }));

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('an image, a config file and a log of the reference client are restored', async (t) => {
  await withGoldenStore(async (store, target) => {
    for (const [name, digest] of Object.entries(DIGESTS)) {
      const path = `${target}-${name}`;
      await restatOk(['restore', SNAPSHOT, name, path, '--repository', store]);
      t.is(sha256(readFileSync(path)), digest, name);
    }
  });
});

test('the index of an image is decoded, and encoded as it was', async (t) => {
  await withGoldenStore(async (store) => {
    const bytes = readFileSync(join(store, SNAPSHOT, INDEX));
    const index = decodeIndex(bytes, INDEX);
    const want = goldenJson(`${DISK}/indexes.json`, indexes)[INDEX]!;
    t.is(index.csum.toString('hex'), want.csum);
    const digests = Array.from({ length: index.count }, (_, i) => index.digest(i).toString('hex'));
    t.deepEqual(digests, want.chunks);
    t.true(encodeIndex(index, INDEX).equals(bytes));
  });
});

test('the same image gives the same index, and the same blobs the same files', async (t) => {
  const { image, conf, log } = await recordedFiles();
  await withGoldenStore(async (store) => {
    const directory = dirname(store);
    const sources = [
      ['disk0.img', image],
      ['vm.conf', conf],
      ['run.log', log],
    ] as const;
    const words = sources.map(([name, bytes]) => {
      writeFileSync(join(directory, name), bytes);
      return `${name}:${join(directory, name)}`;
    });
    await restatOk(['backup', ...words, '--backup-id', 'new', '--repository', store]);
    const stored = new StoredSnapshot(store, 'host/new');
    const [found, want] = [stored.path(INDEX), join(store, SNAPSHOT, INDEX)].map((path) =>
      readFileSync(path),
    );
    // What differs is the UUID and the time.
    t.deepEqual(found!.subarray(0, 8), want!.subarray(0, 8));
    t.true(found!.subarray(32).equals(want!.subarray(32)));
    for (const name of ['vm.conf', 'run.log']) {
      const { stdout } = await restatOk(['restore', 'host/new', name, '-', '--repository', store]);
      t.is(sha256(Buffer.from(stdout)), DIGESTS[name as keyof typeof DIGESTS], name);
    }
  });
});
