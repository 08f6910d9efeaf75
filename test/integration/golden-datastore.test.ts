/** A datastore that the reference programs wrote is listed, dumped, restored and cut as they do it. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { z } from 'zod';
import { ingest, rows, withChunkDirectory } from '../support/chunk-store.js';
import { restatOk } from '../support/cli.js';
import {
  type GoldenSnapshot,
  goldenJson,
  goldenSnapshots,
  goldenText,
  KEY_PASSWORD,
  keyOptions,
  withGoldenStore,
} from '../support/golden-store.js';
import { assembled } from '../support/streams.js';
import { differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const snapshots = goldenSnapshots();
const trees = snapshots.filter(({ files }) => files.some((name) => name.endsWith('pxar.didx')));

function where(store: string, namespace = ''): string[] {
  return ['--repository', store, ...(namespace === '' ? [] : ['--ns', namespace])];
}

const rowList = z.array(z.record(z.string(), z.unknown()));

/** Runs a command that reads a snapshot, with its key. */
async function read(snapshot: GoldenSnapshot, store: string, args: readonly string[]): Promise<string> {
  const words = [...args, ...where(store, snapshot.namespace), ...keyOptions(snapshot)];
  return (await restatOk(words, { env: { PBS_ENCRYPTION_PASSWORD: KEY_PASSWORD } })).stdout;
}

async function jsonOf(args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await restatOk([...args, '--output-format', 'json']);
  return rowList.parse(JSON.parse(stdout));
}

/** Servers list in no order, and names of files in that of the directory. */
function sorted(list: readonly Record<string, unknown>[]): string[] {
  return list
    .map(({ files, ...row }) => ({
      ...row,
      ...(Array.isArray(files) ? { files: files.toSorted(byText) } : {}),
    }))
    .map((row) => JSON.stringify(row))
    .sort();
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

test('groups and snapshots of all namespaces are listed as the server lists them', async (t) => {
  const lists = goldenJson('lists.json', z.record(z.string(), z.record(z.string(), z.unknown())));
  await withGoldenStore(async (store) => {
    for (const namespace of ['', 'ns1/ns2']) {
      for (const command of ['list', 'snapshot list']) {
        const found = await jsonOf([...command.split(' '), ...where(store, namespace)]);
        const want = rowList.parse(lists[namespace]?.[command]);
        t.deepEqual(sorted(found), sorted(want), `${command} of '${namespace}'`);
      }
    }
  });
});

test('files of every snapshot are those that the server names', async (t) => {
  await withGoldenStore(async (store) => {
    for (const { snapshot, namespace, directory } of snapshots) {
      const found = await jsonOf(['snapshot', 'files', snapshot, ...where(store, namespace)]);
      t.deepEqual(sorted(found), sorted(goldenJson(`${directory}/files.json`, rowList)), directory);
    }
  });
});

test('catalog dump prints what the reference client prints', async (t) => {
  await withGoldenStore(async (store) => {
    for (const each of trees) {
      const dump = await read(each, store, ['catalog', 'dump', each.snapshot]);
      t.is(dump, goldenText(`${each.directory}/catalog-dump.txt`), each.directory);
    }
  });
});

const restored = z.object({
  entries: z.unknown(),
  differences_from_source: z.array(
    z.object({
      path: z.string(),
      source_vs_restore: z.record(z.string(), z.tuple([z.unknown(), z.unknown()])).optional(),
    }),
  ),
});

/** What the reference client restored, but with the flags of the source: it cannot set all of them. */
function expectedTree({ directory }: GoldenSnapshot): TreeEntry[] {
  const { entries, differences_from_source: known } = goldenJson(
    `${directory}/restored-root.pxar.json`,
    restored,
  );
  return parseEntries(entries).map((entry) => {
    const flags = known.find(({ path }) => path === entry.path)?.source_vs_restore?.['flags']?.[0];
    return flags === undefined ? entry : { ...entry, flags: z.array(z.string()).parse(flags) };
  });
}

for (const snapshot of trees) {
  whole(`restore of ${snapshot.directory} gives what the reference client restores`, async (t) => {
    await withGoldenStore(async (store, target) => {
      await read(snapshot, store, ['restore', snapshot.snapshot, 'root.pxar', target]);
      t.deepEqual(differences(expectedTree(snapshot), await scanTree(target)), []);
    });
  });
}

const indexes = z.record(
  z.string(),
  z.object({ kind: z.string(), csum: z.string(), chunks: z.array(z.tuple([z.number(), z.string()])) }),
);

/** Average chunk size of a golden backup, in bytes. */
function averageOf(options: readonly string[]): number {
  const at = options.indexOf('--chunk-size');
  return Number(at < 0 ? '4096' : options[at + 1]) * 1024;
}

for (const { snapshot, namespace, directory, files, options } of trees.filter(
  ({ directory }) => !directory.includes('crypt'),
)) {
  // Payload streams are also cut where files begin: only what is a pure function of the bytes is cut again.
  const streams = files.filter((name) => /(?<!p)pxar\.didx$/.test(name));
  test(`streams of ${directory} are cut again into the same chunks`, async (t) => {
    await withGoldenStore(async (store) => {
      for (const name of streams) {
        const want = goldenJson(`${directory}/indexes.json`, indexes)[name]!;
        const bytes = await assembled(store, snapshot, name, namespace);
        const found = await withChunkDirectory((chunks) =>
          ingest(chunks.open(), bytes, { averageSize: averageOf(options) }),
        );
        t.deepEqual(
          rows(found.entries).map(({ end, digest }) => [end, digest]),
          want.chunks,
          name,
        );
        t.is(createHash('sha256').update(found.entries).digest('hex'), want.csum, name);
      }
    });
  });
}
