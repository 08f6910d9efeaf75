/** Backups with a key to `restat serve`: what stands on the server's disk, what is sent again, what is refused. */
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type RunOptions, restat, restatOk } from '../support/cli.js';
import { fedBy } from '../support/images.js';
import { fillTree, MARKER, type TestKey, TREE_FILES, testKey, writeOld } from '../support/keyed-world.js';
import { type MetadataRun, parseRun } from '../support/metadata-run.js';
import { sha256 } from '../support/replay/bodies.js';
import {
  newestSnapshot,
  openContainer,
  readSealed,
  type SealedSnapshot,
} from '../support/sealed-snapshot.js';
import { withServed } from '../support/served.js';
import { differences, scanTree } from '../support/tree.js';
import { withTemporaryDirectory } from '../support/world.js';

const HOUR = 3600;
const MIB = 2 ** 20;

/** A tree, a key and a server; groups are told apart by their ids. */
class Bench {
  readonly key: TestKey;
  readonly directory: string;
  readonly store: string;
  readonly source: string;
  readonly #run: typeof restat;
  #targets = 0;

  constructor(directory: string, store: string, run: typeof restat) {
    this.directory = directory;
    this.store = store;
    this.#run = run;
    this.key = testKey(directory, 'first');
    this.source = join(directory, 'source');
    mkdirSync(this.source);
    fillTree(this.source);
  }

  /** Runs a command with the server as its repository. */
  run(words: readonly string[], options: RunOptions = {}) {
    return this.#run(words, options);
  }

  /** Backs up the tree, `hour` hours from now, into group host/ID. */
  async backup(
    id: string,
    hour: number,
    words: readonly string[],
    options: RunOptions = {},
  ): Promise<MetadataRun> {
    const group = ['--backup-id', id, '--chunk-size', '64', '--output-format', 'json'];
    const all = ['backup', `root.pxar:${this.source}`, ...group, ...words];
    return parseRun(await this.run(all, { clockOffset: hour * HOUR, ...options }));
  }

  /** The newest snapshot of a group as it stands on the server's disk. */
  sealed(id: string, mode: string): SealedSnapshot {
    const snapshot = newestSnapshot(this.store, `host/${id}`);
    return readSealed(this.store, snapshot, { secret: this.key.secret, mode });
  }

  /** Restores an archive of the newest snapshot of a group, and returns where it is. */
  async restore(id: string, archive: string): Promise<string> {
    const target = join(this.directory, `target-${this.#targets++}`);
    const words = ['restore', `host/${id}`, archive, target, ...this.key.options];
    const { code, stderr } = await this.run(words);
    if (code !== 0) throw new Error(stderr);
    return target;
  }

  async restoresTree(t: ExecutionContext, id: string): Promise<void> {
    const target = await this.restore(id, 'root.pxar');
    t.deepEqual(differences(await scanTree(this.source), await scanTree(target)), [], id);
  }

  /** SHA-256 of every file of the datastore, by name. */
  files(): Record<string, string> {
    return Object.fromEntries(this.#contents().map(([name, bytes]) => [name, sha256(bytes)]));
  }

  /** Whether something of the tree can be read in the datastore. */
  holdsMarker(): boolean {
    return this.#contents().some(([, bytes]) => bytes.includes(MARKER));
  }

  #contents(): [name: string, bytes: Buffer][] {
    const entries = readdirSync(this.store, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    // Lock files stay where they were made.
    const stored = paths.filter((path) => !path.includes('/.restat/'));
    return stored.sort().map((path) => [path, readFileSync(path)]);
  }
}

function withBench(use: (bench: Bench) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const [store, state] = [join(directory, 'store'), join(directory, 'state')];
    await restatOk(['datastore', 'create', store]);
    mkdirSync(state, { mode: 0o700 });
    await withServed(store, state, ({ repository, env }) =>
      use(
        new Bench(directory, store, (words, options = {}) =>
          restat([...words, '--repository', repository], { ...options, env: { ...env, ...options.env } }),
        ),
      ),
    );
  });
}

/** Bytes of a run's tree that were sent, of how many. */
function sent({ summary }: MetadataRun): { readonly bytes: number; readonly of: number } {
  const { 'new-bytes': bytes, size } = summary.archives.find(
    ({ archive }) => archive === 'root.pxar',
  )!.payload;
  return { bytes, of: size };
}

/** Runs of one group, one after the other: mode, part of the contents that is sent at most, files that are not read. */
const DATA = ['data', 0, 0] as const;
const METADATA = ['metadata', 0.01, TREE_FILES] as const;
const SPLIT = { id: 'split', layout: [], files: ['root.ppxar.didx', 'root.mpxar.didx'] } as const;
const SINGLE = ['root.pxar.didx', 'catalog.pcat1.didx'] as const;

/** All of the first run is sent; `next` are the ones after it. */
const GROUPS = {
  encrypt: [
    { ...SPLIT, first: 'data', next: [DATA, METADATA] },
    { id: 'legacy', layout: [], files: SINGLE, first: 'legacy', next: [] },
    { id: 'single', layout: ['--layout', 'single'], files: SINGLE, first: 'metadata', next: [METADATA] },
  ],
  'sign-only': [{ ...SPLIT, id: 'signed', first: 'data', next: [METADATA] }],
} as const;

/** Makes the runs of all groups of a mode, and looks at what they leave. */
async function holdsTrees(t: ExecutionContext, bench: Bench, mode: keyof typeof GROUPS): Promise<void> {
  for (const { id, layout, files, first, next } of GROUPS[mode]) {
    const backup = (hour: number, how: string): Promise<MetadataRun> => {
      const words = ['--change-detection-mode', how, ...layout, '--crypt-mode', mode];
      return bench.backup(id, hour, [...words, ...bench.key.options]);
    };
    const all = sent(await backup(1, first));
    t.is(all.bytes, all.of, id);
    for (const [i, [how, most, reused]] of next.entries()) {
      const run = await backup(i + 2, how);
      t.true(sent(run).bytes <= most * all.of, `${id}: ${sent(run).bytes} of ${all.of}`);
      t.is(run.reasons['reused'] ?? 0, reused, id);
    }
    const { manifest } = bench.sealed(id, mode);
    t.deepEqual(manifest.files.map(({ filename }) => filename).sort(), [...files].sort());
    await bench.restoresTree(t, id);
  }
  t.is(bench.holdsMarker(), mode === 'sign-only');
}

test("trees are sound on the server's disk, sent once, and restored", (t) =>
  withBench(async (bench) => {
    await holdsTrees(t, bench, 'encrypt');
    await holdsTrees(t, bench, 'sign-only');
  }));

test('images, files, standard input and logs are encrypted, and a dry run sends nothing', (t) =>
  withBench(async (bench) => {
    const [disk, conf, piped] = ['disk', 'conf', 'piped'].map((name) => join(bench.directory, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(disk, '');
    truncateSync(disk, 12 * MIB + 100);
    const content = Buffer.alloc(12 * MIB + 100);
    content.write(MARKER, 5 * MIB);
    writeFileSync(disk, content);
    writeOld(conf, Buffer.alloc(2000, 'x'));
    writeOld(piped, Buffer.alloc(70_000, 'y'));
    const sources = [`disk.img:${disk}`, `app.conf:${conf}`, 'in.img:-'];
    await bench.backup('t', 1, [...sources, ...bench.key.options], { wrapper: fedBy(`cat '${piped}'`) });
    const { contents, digests } = bench.sealed('t', 'encrypt');
    t.true(contents.get('disk.img.fidx')!.equals(content));
    t.is(new Set(digests.get('disk.img.fidx')).size, 3, 'zeros, the marker, the last bytes');
    t.true(contents.get('app.conf.blob')!.equals(readFileSync(conf)));
    t.true(contents.get('in.img.fidx')!.equals(readFileSync(piped)));
    t.true(readFileSync(await bench.restore('t', 'disk.img')).equals(content));
    const snapshot = newestSnapshot(bench.store, 'host/t');
    const { code, stderr } = await bench.run([
      'snapshot',
      'upload-log',
      snapshot,
      conf,
      ...bench.key.options,
    ]);
    t.is(code, 0, stderr);
    const log = openContainer(readFileSync(join(bench.store, snapshot, 'client.log.blob')), bench.key.secret);
    t.deepEqual(log, { kind: 'encrypted', content: readFileSync(conf) });
    t.false(bench.holdsMarker());
    writeOld(join(bench.source, 'new'), Buffer.alloc(50_000, 'new'));
    const before = bench.files();
    const group = ['--backup-id', 't', '--chunk-size', '64', ...bench.key.options];
    const dry = [...group, '--change-detection-mode', 'metadata', '--dry-run'];
    const run = await bench.run(['backup', `root.pxar:${bench.source}`, ...dry], { clockOffset: 2 * HOUR });
    t.is(run.code, 0, run.stderr);
    t.regex(run.stderr, new RegExp(` - ${TREE_FILES} unchanged, reusable files`));
    t.deepEqual(bench.files(), before);
  }));

test('who begins or ends to encrypt sends everything anew', (t) =>
  withBench(async (bench) => {
    const plain = ['--crypt-mode', 'none'];
    for (const [hour, options] of [
      [1, plain],
      [2, bench.key.options],
      [3, plain],
    ] as const) {
      const { bytes, of } = sent(await bench.backup('t', hour, options));
      t.is(bytes, of, `run ${hour}`);
    }
    const snapshots = readdirSync(join(bench.store, 'host/t')).filter((name) => /^\d/.test(name));
    const [first, second, third] = snapshots.map((name) => join('host/t', name)) as [string, string, string];
    const kept = { secret: undefined, mode: 'none' };
    const before = readSealed(bench.store, first, kept).digests.get('root.ppxar.didx');
    t.deepEqual(readSealed(bench.store, third, kept).digests.get('root.ppxar.didx'), before);
    const sealed = readSealed(bench.store, second, { secret: bench.key.secret, mode: 'encrypt' });
    t.false(sealed.digests.get('root.ppxar.didx')!.some((digest) => before!.includes(digest)));
  }));
