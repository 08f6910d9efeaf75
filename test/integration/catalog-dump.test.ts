/** `catalog dump` where a snapshot has a catalog: it is what is printed, and nothing in it is trusted. */

import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { native } from '../../src/native.js';
import { openRepository } from '../../src/repository/open.js';
import { Seal } from '../../src/repository/seal.js';
import { serverName } from '../../src/snapshot/archive-names.js';
import { backupTime, parseBackupId, parseBackupType, parseNamespace } from '../../src/snapshot/names.js';
import { catalogOf, raw } from '../catalog/catalogs.js';
import { type RunResult, restat, restatOk } from '../support/cli.js';
import { goldenText, withGoldenStore } from '../support/golden-store.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { assembled } from '../support/streams.js';

const AVERAGE = 4 * 1024 * 1024;
const TIME = 1_700_000_000;

/** Stores a snapshot of group host/t with these streams. */
async function storeStreams(store: string, streams: Readonly<Record<string, Buffer>>): Promise<void> {
  const repository = await openRepository(
    { kind: 'local', directory: store },
    { create: false, sync: 'none' },
  );
  const group = { type: parseBackupType('host'), id: parseBackupId('t') };
  const options = { owner: 'root@pam', seal: Seal.none, now: TIME, waitSeconds: 0 };
  const session = await repository.begin(parseNamespace(''), group, backupTime(TIME), options);
  for (const [text, bytes] of Object.entries(streams)) {
    const name = serverName(text);
    const ingest = new native.Ingest({
      store: await session.sink(name),
      averageSize: AVERAGE,
      payload: false,
    });
    await ingest.write(bytes);
    await session.putIndex(name, await ingest.finish());
  }
  await session.finish({});
}

function dump(store: string, snapshot = 'host/t/2023-11-14T22:13:20Z'): Promise<RunResult> {
  return restat(['catalog', 'dump', snapshot, '--repository', store]);
}

const SINGLE = { snapshot: 'host/alpha/2023-11-14T22:30:00Z', directory: 'host_alpha_2023-11-14T223000Z' };
const SPLIT = { snapshot: 'host/alpha/2023-11-14T22:46:40Z', directory: 'host_alpha_2023-11-14T224640Z' };

test('the archives of a catalog are not read', async (t) => {
  await withGoldenStore(async (store) => {
    const group = join(store, 'host', 'alpha');
    for (const name of readdirSync(group))
      if (/^2023/.test(name) && name !== '2023-11-14T22:30:00Z')
        rmSync(join(group, name), { recursive: true });
    const snapshot = new StoredSnapshot(store, 'host/alpha');
    const kept = new Set(snapshot.chunkFiles('catalog.pcat1.didx'));
    const lost = snapshot.chunkFiles('root.pxar.didx').filter((file) => !kept.has(file));
    t.true(lost.length > 0);
    for (const file of new Set(lost)) rmSync(file);
    const { stdout } = await restatOk(['catalog', 'dump', SINGLE.snapshot, '--repository', store]);
    t.is(stdout, goldenText(`snapshots/${SINGLE.directory}/catalog-dump.txt`));
  });
});

test('split archives beside a catalog are printed behind it', async (t) => {
  await withGoldenStore(async (store) => {
    const catalog = await assembled(store, SINGLE.snapshot, 'catalog.pcat1.didx');
    const metadata = await assembled(store, SPLIT.snapshot, 'root.mpxar.didx');
    const payload = await assembled(store, SPLIT.snapshot, 'root.ppxar.didx');
    await storeStreams(store, {
      'root.mpxar.didx': metadata,
      'root.ppxar.didx': payload,
      'catalog.pcat1.didx': catalog,
    });
    const { stdout } = await dump(store);
    const texts = [SINGLE, SPLIT].map(({ directory }) =>
      goldenText(`snapshots/${directory}/catalog-dump.txt`),
    );
    t.is(stdout, texts.join(''));
  });
});

test('single archives without a catalog are read themselves', async (t) => {
  await withGoldenStore(async (store) => {
    const archive = await assembled(store, SINGLE.snapshot, 'root.pxar.didx');
    await storeStreams(store, { 'root.pxar.didx': archive });
    const { stdout } = await dump(store);
    t.is(stdout, goldenText(`snapshots/${SINGLE.directory}/catalog-dump.txt`));
  });
});

test('a catalog of many chunks is printed as a whole', async (t) => {
  const count = 300_000;
  await withGoldenStore(async (store) => {
    const catalog = catalogOf((writer) => {
      writer.startDirectory(raw('root.pxar.didx'));
      for (let i = 0; i < count; i++) writer.file(raw(`file-with-a-long-name-${i * 7919}`), i, i);
      writer.endDirectory();
    });
    await storeStreams(store, { 'catalog.pcat1.didx': catalog });
    const lines = (await dump(store)).stdout.trimEnd().split('\n');
    t.is(lines.length, count + 1);
    t.is(
      lines[count],
      `f "./root.pxar.didx/file-with-a-long-name-${(count - 1) * 7919}" ${count - 1} 1970-01-04T11:19:59Z`,
    );
  });
});

test('a damaged catalog is named with the place', async (t) => {
  await withGoldenStore(async (store) => {
    const catalog = await assembled(store, SINGLE.snapshot, 'catalog.pcat1.didx');
    catalog.writeUInt8(0x7a, catalog.length - 1);
    await storeStreams(store, { 'catalog.pcat1.didx': catalog });
    const { code, stdout, stderr } = await dump(store);
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, /^Error: catalog\.pcat1\.didx: at byte 723: root directory at \d+$/m);
  });
});

test('a catalog whose chunk is missing is an error', async (t) => {
  await withGoldenStore(async (store) => {
    await storeStreams(store, { 'catalog.pcat1.didx': catalogOf(() => {}) });
    const [chunk] = new StoredSnapshot(store).chunkFiles('catalog.pcat1.didx');
    renameSync(chunk!, `${chunk}.away`);
    const { code, stderr } = await dump(store);
    t.is(code, 1);
    t.regex(stderr, /^Error: /);
  });
});
