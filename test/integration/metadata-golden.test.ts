/** Snapshots and recorded pairs of runs of the reference programs, continued by restat in mode metadata. */
import { readdirSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { restat, restatOk } from '../support/cli.js';
import { BARE, SCRYPT, WITH_PASSWORD } from '../support/encrypted-world.js';
import { goldenJson, withGoldenStore } from '../support/golden-store.js';
import { type MetadataRun, metadataRun, parseRun } from '../support/metadata-run.js';
import { readSplit } from '../support/split-archive.js';
import { editFile, flip, StoredSnapshot } from '../support/stored-snapshot.js';
import { buildTree, differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;

const restored = z.object({ entries: z.unknown() });

/** The tree of a golden snapshot, without what an unprivileged archive cannot hold. */
function goldenTree(directory: string): TreeEntry[] {
  const file = `snapshots/${directory}/restored-root.pxar.json`;
  return parseEntries(goldenJson(file, restored).entries);
}

interface Continued {
  readonly run: MetadataRun;
  readonly store: string;
}

/** Rebuilds the tree of a golden snapshot, and backs it up into the same group. */
async function goOn(
  t: ExecutionContext,
  group: string,
  directory: string,
  check: (continued: Continued) => Promise<void> | void,
  {
    prepare = () => undefined,
    key = [],
    env = {},
  }: {
    readonly prepare?: (store: string) => void;
    readonly key?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<void> {
  await withGoldenStore(async (store, target) => {
    prepare(store);
    const source = join(dirname(store), 'source');
    await mkdir(source);
    const tree = goldenTree(directory);
    await buildTree(source, tree);
    const words = ['--repository', store, '--backup-id', group, '--chunk-size', '64', '--exclude', '*.bak'];
    const mode = ['--change-detection-mode', 'metadata', '--output-format', 'json', '--sync', 'none'];
    const result = await restat(['backup', `root.pxar:${source}`, ...words, ...mode, ...key], {
      clockOffset: 36_000,
      env,
    });
    const run = parseRun(result);
    t.is(run.code, 0, run.stderr);
    // Another test reads encrypted archives by their bytes.
    if (key.length === 0) t.deepEqual((await readSplit(store, `host/${group}`)).problems, []);
    await restatOk(['restore', `host/${group}`, 'root.pxar', target, '--repository', store, ...key], { env });
    t.deepEqual(differences(tree, await scanTree(target)), []);
    await check({ run, store });
  });
}

const USING = /Using previous index as metadata reference for 'root\.mpxar\.didx'/;

whole('a group of three metadata generations with holes and padding is continued', async (t) => {
  await goOn(t, 'alpha', 'host_alpha_2023-11-14T233640Z', ({ run }) => {
    t.regex(run.stderr, USING);
    // 41 files, of which nothing changed.
    t.deepEqual(run.reasons, { reused: run.summary.files });
    t.is(run.summary.archives[0]!.payload['new-bytes'], 0, 'the markers are known, too');
  });
});

whole('a group is continued from an older tree: what differs is read, the rest reused', async (t) => {
  await goOn(t, 'alpha', 'host_alpha_2023-11-14T232000Z', ({ run }) => {
    const { reused = 0 } = run.reasons;
    t.true(reused >= 0.6 * run.summary.files && reused < run.summary.files, JSON.stringify(run.reasons));
  });
});

whole('a tree with every kind of entry is continued', async (t) => {
  await goOn(t, 'kinds', 'host_kinds_2023-11-14T221323Z', ({ run }) => {
    t.regex(run.stderr, USING);
    // 6 KiB in one chunk: with times near the epoch in between it costs less to read them all.
    const { reused = 0, padding = 0, ...others } = run.reasons;
    t.deepEqual(Object.keys(others), ['no mtime']);
    t.true(reused + padding >= 60, JSON.stringify(run.reasons));
  });
});

whole('a signed snapshot is a reference for a run without a key', async (t) => {
  await goOn(t, 'signed', 'host_signed_2023-11-14T221340Z', ({ run }) => {
    t.regex(run.stderr, USING);
    t.deepEqual(run.reasons, { reused: run.summary.files });
  });
});

whole('an encrypted snapshot is no reference for a run without a key', async (t) => {
  await goOn(t, 'crypt', 'host_signed_2023-11-14T221340Z', ({ run }) => {
    t.regex(
      run.stderr,
      /^Couldn't re-use previous manifest, .* - missing key - manifest was created with key/m,
    );
    t.deepEqual(run.reasons, { 'no reference': run.summary.files });
  });
});

for (const [group, directory, mode, key, env] of [
  ['crypt', 'host_crypt_2023-11-14T221350Z', 'encrypt', SCRYPT, WITH_PASSWORD],
  ['signed', 'host_signed_2023-11-14T221340Z', 'sign-only', BARE, {}],
] as const) {
  whole(`a snapshot of the reference client is a reference with its key: ${mode}`, async (t) => {
    const check = ({ run }: Continued): void => {
      t.regex(run.stderr, USING);
      // The time of the snapshot was given by hand, and one file is newer; nothing that is signed says when it was really made.
      t.deepEqual(run.reasons, { reused: 7, racy: 1, padding: 5 });
    };
    await goOn(t, group, directory, check, { key: [...key, '--crypt-mode', mode], env });
  });
}

/** Leaves the first snapshot of a group only. */
function onlyFirst(group: string): (store: string) => void {
  return (store) => {
    const names = readdirSync(join(store, 'host', group)).filter((name) => /^\d{4}-/.test(name));
    for (const name of names.sort().slice(1)) rmSync(join(store, 'host', group, name), { recursive: true });
  };
}

whole('a legacy snapshot is no reference', async (t) => {
  const check = ({ run }: Continued): void => {
    t.regex(run.stderr, /Previous manifest does not contain an archive called 'root\.mpxar\.didx'/);
    t.deepEqual(run.reasons, { 'no reference': run.summary.files });
  };
  await goOn(t, 'alpha', 'host_alpha_2023-11-14T224640Z', check, { prepare: onlyFirst('alpha') });
});

const position = z.object({ path: z.string(), payload_at: z.number(), size: z.number() });
const change = z.object({ path: z.string(), removed: z.literal(true).optional() });
const pairs = z.object({
  tree: z.unknown(),
  cases: z.array(
    z.object({
      case: z.string(),
      what: z.string(),
      tree_changes: z.array(z.looseObject(change.shape)),
      previous: z.object({ mode: z.string(), options: z.array(z.string()), archive: z.string() }),
      current: z.object({ options: z.array(z.string()), chunk_size: z.string() }),
      exit: z.number(),
      stderr: z.array(z.string()),
      previous_files: z.array(position).optional(),
    }),
  ),
});
type Pair = z.infer<typeof pairs>['cases'][number];

/** Directories in front of what is in them, names in order of their bytes. */
function byPath(a: TreeEntry, b: TreeEntry): number {
  const [left, right] = [a, b].map(({ path }) => Buffer.from(path, 'hex').toString('latin1').split('/'));
  for (const [i, name] of left!.entries()) {
    const other = right![i];
    if (other === undefined) return 1;
    if (name !== other) return name < other ? -1 : 1;
  }
  return left!.length - right!.length;
}

/** The tree with the changes of a pair. */
function changed(tree: readonly TreeEntry[], pair: Pair): TreeEntry[] {
  const entries = new Map(tree.map((entry) => [entry.path, entry]));
  for (const each of pair.tree_changes) {
    if (each.removed === true) entries.delete(each.path);
    else for (const entry of parseEntries([each])) entries.set(entry.path, entry);
  }
  return [...entries.values()].sort(byPath);
}

function chunk(snapshot: StoredSnapshot, index: string): string {
  return snapshot.chunkFiles(index)[0]!;
}

function without(name: string): (snapshot: StoredSnapshot) => void {
  return (snapshot) =>
    snapshot.changeManifest((manifest) => ({
      ...manifest,
      files: manifest.files.filter(({ filename }) => filename !== name),
    }));
}

/** What was done to the first snapshot in the recorded cases. */
const DAMAGES: Readonly<Record<string, (snapshot: StoredSnapshot) => void>> = {
  'metadata-chunk-missing': (snapshot) => rmSync(chunk(snapshot, 'root.mpxar.didx')),
  'metadata-chunk-corrupt': (snapshot) => editFile(chunk(snapshot, 'root.mpxar.didx'), flip(60)),
  'payload-chunk-missing': (snapshot) => rmSync(chunk(snapshot, 'root.ppxar.didx')),
  'metadata-index-missing': (snapshot) => rmSync(snapshot.path('root.mpxar.didx')),
  'metadata-index-wrong': (snapshot) => snapshot.edit('root.mpxar.didx', flip(4096 + 12)),
  'payload-index-missing': (snapshot) => rmSync(snapshot.path('root.ppxar.didx')),
  'payload-index-wrong': (snapshot) => snapshot.edit('root.ppxar.didx', flip(4096 + 12)),
  'manifest-corrupt': (snapshot) => snapshot.edit('index.json.blob', flip(20)),
  'manifest-lacks-ppxar': without('root.ppxar.didx'),
  'manifest-lacks-mpxar': without('root.mpxar.didx'),
  'verify-failed': (snapshot) =>
    snapshot.changeManifest(({ unprotected, ...manifest }) => ({
      ...manifest,
      unprotected: { ...unprotected, verify_state: { state: 'failed', upid: 'UPID:x' } },
    })),
};

/** How many files the real client reused, and how many it read. */
function recorded({ stderr }: Pair): { reused: number; read: number } {
  const number = (line: RegExp): number => Number(line.exec(stderr.join('\n'))?.[1] ?? '0');
  return {
    reused: number(/- (\d+) unchanged, reusable files/),
    read: number(/- (\d+) changed or non-reusable files/),
  };
}

function usedReference({ stderr, exit }: Pair): boolean {
  return exit === 0 && stderr.some((line) => USING.test(line));
}

/** Makes the source anew: the trees of a pair have the same times where nothing changed. */
async function rebuild(world: World, tree: readonly TreeEntry[]): Promise<void> {
  rmSync(world.source, { recursive: true });
  await mkdir(world.source);
  await buildTree(world.source, tree);
}

async function firstRun(t: ExecutionContext, world: World, pair: Pair): Promise<void> {
  const words = ['--change-detection-mode', 'data', '--chunk-size', '64', '--output-format', 'json'];
  const source = `${pair.previous.archive}.pxar:${world.source}`;
  const where = ['--repository', world.store, '--backup-id', 't', '--sync', 'none'];
  await restatOk(['backup', source, ...where, ...words], { clockOffset: 3600 });
  if (pair.previous_files === undefined || pair.previous.archive !== 'root') return;
  const { entries } = await readSplit(world.store, 'host/t');
  const files = entries.filter(({ kind }) => kind === 'file');
  t.deepEqual(
    files.map(({ path, offset, size }) => ({ path: path.slice(1), payload_at: offset, size })),
    pair.previous_files,
    'the first run puts contents where the real client does',
  );
}

const golden = goldenJson('metadata-mode.json', pairs);
/** Keys and single archives come with later versions; group alpha stands for a legacy snapshot. */
const plain = golden.cases.filter(
  ({ previous, current }) =>
    previous.mode === 'data' && ![...previous.options, ...current.options].includes('--keyfile'),
);

test('the recorded pairs are all there', (t) => {
  t.is(golden.cases.length, 33);
  t.true(plain.length >= 25, String(plain.length));
  for (const name of Object.keys(DAMAGES)) t.true(plain.some((pair) => pair.case === name));
});

for (const pair of plain) {
  whole(`recorded pair '${pair.case}': ${pair.what}`, async (t) => {
    await withWorld(async (world) => {
      const tree = parseEntries(golden.tree);
      await rebuild(world, tree);
      await firstRun(t, world, pair);
      DAMAGES[pair.case]?.(new StoredSnapshot(world.store));
      const now = changed(tree, pair);
      await rebuild(world, now);
      const run = await metadataRun(world, 2, [
        '--chunk-size',
        pair.current.chunk_size,
        ...pair.current.options,
      ]);
      t.is(run.code, 0, run.stderr);
      const { problems } = await readSplit(world.store, 'host/t');
      t.deepEqual(problems, []);
      const read = run.summary.files - (run.reasons['reused'] ?? 0);
      if (!usedReference(pair)) t.true(read > 0, JSON.stringify(run.reasons));
      else if (pair.case === 'payload-chunk-missing') t.true(run.reasons['chunk missing']! > 0);
      else t.true(read <= recorded(pair).read, `${read} read, the real client ${recorded(pair).read}`);
      await isLive(t, world, pair, now);
    });
  });
}

/** The restored tree is the live one; in the blind spot that every client has it is the one before. */
async function isLive(
  t: ExecutionContext,
  world: World,
  pair: Pair,
  now: readonly TreeEntry[],
): Promise<void> {
  t.is((await world.restore()).code, 0);
  const excluded = pair.case === 'exclude-now' ? '64' : undefined;
  const expected = now.filter(({ path }) => path !== excluded && !path.startsWith(`${excluded}2f`));
  const found = differences(expected, await scanTree(world.target));
  if (pair.case !== 'same-size-same-mtime') t.deepEqual(found, []);
  else t.true(found.length === 1 && /^"d\/f05": sha256 /.test(found[0]!), found.join('\n'));
}
