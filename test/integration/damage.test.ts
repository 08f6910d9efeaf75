/** Damage in a datastore is reported by name: no crash, no silently wrong file. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { type RunResult, restat } from '../support/cli.js';
import { apply, corruptCases, type Edit } from '../support/corrupt.js';
import { goldenJson, withGoldenStore } from '../support/golden-store.js';
import { differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot } from '../support/world.js';

const whole = isRoot ? test : test.skip;

/** A crash would show as a signal, an exit code that is none of ours, or a stack. */
function saysWhat(t: ExecutionContext, result: RunResult, what: RegExp): void {
  t.is(result.signal, null);
  t.true(result.code === 1 || result.code === 3, `${result.code}: ${result.stderr}`);
  t.regex(result.stderr, what);
  t.notRegex(result.stderr, /^\s+at |undefined|\[object/m);
}

function goldenTree(directory: string): TreeEntry[] {
  const restored = goldenJson(
    `snapshots/${directory}/restored-root.pxar.json`,
    z.object({ entries: z.unknown() }),
  );
  return parseEntries(restored.entries);
}

const TREES: Readonly<Record<string, string>> = {
  'host/alpha/2023-11-14T22:30:00Z': 'host_alpha_2023-11-14T223000Z',
  'host/alpha/2023-11-14T23:36:40Z': 'host_alpha_2023-11-14T233640Z',
};

/** Every file that was restored has the content that it ought to have; directories may lack times and entries. */
async function isTrue(t: ExecutionContext, target: string, tree: readonly TreeEntry[]): Promise<void> {
  if (!existsSync(target)) return;
  const found = (await scanTree(target)).filter(({ type }) => type === 'file');
  const known = tree.filter(({ path }) => found.some((entry) => entry.path === path));
  const differing = differences(known, found).filter((line) => !line.includes('hardlink_to'));
  t.deepEqual(differing, []);
}

/** What a message has to name: the chunk, or the file of the snapshot. */
function nameIn({ path }: Edit): RegExp {
  return new RegExp(path.split('/').at(-1)!.replaceAll('.', '\\.'));
}

/** Header checksums repeat what the manifest says of the entries: they need not match. */
const HARMLESS = ['index-header-csum-flipped'];

for (const { name, snapshot, archive, edits } of corruptCases()) {
  const tree = TREES[snapshot];
  if (tree === undefined || HARMLESS.includes(name)) continue;
  whole(`damage '${name}' is reported by name, and what is restored is true`, async (t) => {
    await withGoldenStore(async (store, target) => {
      for (const each of edits) apply(store, each);
      const result = await restat(['restore', snapshot, archive, target, '--repository', store]);
      saysWhat(
        t,
        result,
        /manifest-(?:csum|size|lacks)|payload-chunk/.test(name)
          ? /root\.m?p?pxar|[0-9a-f]{64}/
          : nameIn(edits[0]!),
      );
      await isTrue(t, target, goldenTree(tree));
    });
  });
}

const SPLIT = 'host/alpha/2023-11-14T22:46:40Z';
const SPLIT_TREE = 'host_alpha_2023-11-14T224640Z';

/** Offsets of every class of bytes: the header field by field, the middle, the end. */
function offsetsOf(length: number): number[] {
  const all = [0, 4, 8, 12, 16, 24, 32, 40, 63, 64, 100, 4095, 4096, 4104, length >> 1, length - 1];
  return [...new Set(all.filter((offset) => offset < length))];
}

function lengthsOf(length: number): number[] {
  return [...new Set([0, 1, 8, 11, 12, 64, 4095, 4096, length >> 1, length - 41, length - 1])].filter(
    (cut) => cut >= 0 && cut < length,
  );
}

/** Tries one damage after the other on one file, putting it back each time. */
async function damageAll(
  t: ExecutionContext,
  store: string,
  path: string,
  use: (what: string) => Promise<void>,
): Promise<void> {
  const file = join(store, path);
  const whole = readFileSync(file);
  for (const offset of offsetsOf(whole.length)) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x41, offset);
    writeFileSync(file, bytes);
    await use(`${path}: byte ${offset} flipped`);
  }
  for (const length of lengthsOf(whole.length)) {
    writeFileSync(file, whole.subarray(0, length));
    await use(`${path}: cut to ${length}`);
  }
  writeFileSync(file, whole);
  t.pass();
}

const digests = z.record(z.string(), z.object({ chunks: z.array(z.tuple([z.number(), z.string()])) }));

/** One chunk of the metadata, one in the middle of the payload, and the files of the snapshot. */
function targetsOf(): string[] {
  const indexes = goldenJson(`snapshots/${SPLIT_TREE}/indexes.json`, digests);
  const chunk = (name: string, i: number): string => {
    const digest = indexes[name]!.chunks.at(i)![1];
    return `.chunks/${digest.slice(0, 4)}/${digest}`;
  };
  const files = ['root.mpxar.didx', 'root.ppxar.didx', 'index.json.blob'];
  return [
    chunk('root.mpxar.didx', 0),
    chunk('root.ppxar.didx', 20),
    ...files.map((name) => `${SPLIT}/${name}`),
  ];
}

/** Bytes of an index header that nothing depends on: uuid, creation time, its own checksum, room to spare. */
function isIgnored(what: string): boolean {
  const offset = Number(/didx: byte (\d+) flipped/.exec(what)?.[1] ?? '-1');
  return offset >= 8 && offset < 4096;
}

for (const path of targetsOf()) {
  whole(`every class of damage to ${path} is found`, async (t) => {
    t.timeout(120_000);
    await withGoldenStore(async (store, target) => {
      const tree = goldenTree(SPLIT_TREE);
      await damageAll(t, store, path, async (what) => {
        const result = await restat(['restore', SPLIT, 'root.pxar', target, '--repository', store]);
        if (isIgnored(what)) t.true(result.code === 0 || result.code === 1, `${what}: ${result.stderr}`);
        else saysWhat(t, result, new RegExp(path.split('/').at(-1)!.replaceAll('.', '\\.')));
        await isTrue(t, target, tree);
        rmSync(target, { recursive: true, force: true });
      });
    });
  });
}

whole('a blob that is damaged is not restored', async (t) => {
  await withGoldenStore(async (store, target) => {
    const snapshot = 'host/disk/2023-11-14T22:13:21Z';
    await damageAll(t, store, `${snapshot}/vm.conf.blob`, async (what) => {
      const result = await restat(['restore', snapshot, 'vm.conf', target, '--repository', store]);
      saysWhat(t, result, /vm\.conf\.blob/);
      t.throws(() => readFileSync(target), { code: 'ENOENT' }, what);
    });
    t.deepEqual(readdirSync(join(store, snapshot)).length, 5);
  });
});
