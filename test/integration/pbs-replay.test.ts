/** The built command line against recorded exchanges with a real server. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { type RunOptions, type RunResult, restat } from '../support/cli.js';
import { BARE, SCRYPT, WITH_PASSWORD } from '../support/encrypted-world.js';
import { goldenKey } from '../support/golden-store.js';
import { recordedFiles } from '../support/images.js';
import { type Replay, type ReplayOptions, startReplay } from '../support/replay/replay.js';
import { buildTree, differences, parseEntries, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot } from '../support/world.js';

const SOURCES = fileURLToPath(new URL('../../../test/fixtures/protocol/sources.json', import.meta.url));
const whole = isRoot ? test : test.skip;

function sourceTree(name: 'tree_before' | 'tree_after'): TreeEntry[] {
  const schema = z.record(z.string(), z.object({ entries: z.unknown().optional() }).loose());
  const sources = schema.parse(JSON.parse(readFileSync(SOURCES, 'utf8')));
  return parseEntries(sources[name]!.entries);
}

interface Played {
  readonly result: RunResult;
  /** What was not as recorded. */
  readonly differences: readonly string[];
  readonly replay: Replay;
  readonly directory: string;
}

/** Runs `words` against a recorded session. */
async function play(
  t: ExecutionContext,
  [recording, session]: readonly [string, string],
  words: (directory: string) => Promise<readonly string[]>,
  options: ReplayOptions & Pick<RunOptions, 'clockOffset' | 'env'> = {},
): Promise<Played> {
  const directory = mkdtempSync(join(tmpdir(), 'restat-pbs-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const own = await words(directory);
  const replay = await startReplay(`${recording}.jsonl`, session, options);
  const env = { ...options.env, PBS_PASSWORD: replay.secret, PBS_FINGERPRINT: replay.fingerprint };
  const all = [...own, '--repository', replay.repository];
  const result = await restat(all, { env, clockOffset: options.clockOffset ?? 0 });
  return { result, differences: await replay.finish(), replay, directory };
}

function backupOf(
  tree: 'tree_before' | 'tree_after',
  time: number,
  more: readonly string[],
  id: string = 'proto',
) {
  return async (directory: string): Promise<readonly string[]> => {
    const source = join(directory, 'source');
    mkdirSync(source);
    await buildTree(source, sourceTree(tree));
    const group = ['--backup-id', id, '--backup-time', String(time), '--chunk-size', '64'];
    return ['backup', `root.pxar:${source}`, ...group, ...more];
  };
}

// The payload stream is cut at other places than the reference client cuts it (design: cuts of the payload stream).
whole('a backup in mode data sends a whole snapshot as the protocol wants it', async (t) => {
  const words = backupOf('tree_before', 1_702_000_003, []);
  const { result, differences: found } = await play(t, ['backup-data', 'backup-data'], words, {
    uploads: 'content',
  });
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
});

whole('a backup in mode metadata reads its reference from the server and refers to old chunks', async (t) => {
  const words = backupOf('tree_after', 1_702_000_004, ['--change-detection-mode', 'metadata']);
  const played = await play(t, ['backup-metadata', 'backup-metadata'], words, { uploads: 'subset' });
  t.is(played.result.code, 0, played.result.stderr);
  t.deepEqual(played.differences, []);
  t.regex(played.result.stderr, /Using previous index as metadata reference for 'root\.mpxar\.didx'/);
  t.regex(played.result.stderr, / - 2\d unchanged, reusable files/);
});

whole('a dry run ends its session without storing anything', async (t) => {
  const words = backupOf('tree_before', 1_702_000_005, ['--dry-run']);
  const { result, differences: found } = await play(t, ['backup-dry-run', 'backup-dry-run'], words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
});

const LEGACY = ['--change-detection-mode', 'legacy'];

/** The recorded file, as the specification of an archive. */
async function recordedConf(directory: string): Promise<string> {
  const file = join(directory, 'vm.conf');
  writeFileSync(file, (await recordedFiles()).conf);
  return `a.conf:${file}`;
}

whole('a legacy backup sends what was recorded: chunks, indexes, catalog and manifest', async (t) => {
  const words = backupOf('tree_before', 1_702_000_001, LEGACY);
  const session = ['backup-legacy-first', 'backup-legacy-first'] as const;
  const { result, differences: found } = await play(t, session, words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  t.regex(result.stderr, /Uploaded backup catalog \(635 B\)/);
});

whole('a second legacy backup sends nothing of the tree again', async (t) => {
  const words = async (directory: string): Promise<readonly string[]> => {
    const conf = await recordedConf(directory);
    return backupOf('tree_before', 1_702_000_002, [...LEGACY, conf])(directory);
  };
  const session = ['backup-legacy-second', 'backup-legacy-second'] as const;
  const { result, differences: found } = await play(t, session, words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  t.regex(result.stderr, /root\.pxar: had to backup 0 B of 693\.242 KiB/);
});

function imageBackup(time: number, withLog: boolean) {
  return async (directory: string): Promise<readonly string[]> => {
    const { image, log } = await recordedFiles();
    const [disk, run] = [join(directory, 'disk.raw'), join(directory, 'run.log')];
    writeFileSync(disk, image);
    writeFileSync(run, log);
    const sources = [`disk.img:${disk}`, ...(withLog ? [`l.log:${run}`] : [])];
    return ['backup', ...sources, '--backup-id', 'proto-img', '--backup-time', String(time)];
  };
}

test('an image and a log are sent as they were recorded', async (t) => {
  const words = imageBackup(1_702_000_001, true);
  const { result, differences: found } = await play(t, ['backup-image', 'backup-image'], words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  t.regex(result.stderr, /disk\.img: had to backup 12 MiB of 16 MiB/);
});

test('nothing of an image that has not changed is sent again', async (t) => {
  const words = imageBackup(1_702_000_002, false);
  const { result, differences: found } = await play(t, ['backup-image-second', 'backup-image-second'], words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  t.regex(result.stderr, /disk\.img: had to backup 0 B of 16 MiB/);
});

const SPLIT = 'host/proto/2023-12-08T01:46:44Z';

whole('a split archive is restored from a server', async (t) => {
  const words = (directory: string) =>
    Promise.resolve(['restore', SPLIT, 'root.pxar', join(directory, 'target')]);
  const { result, differences: found, directory } = await play(t, ['restore', 'restore-split'], words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  const expected = join(directory, 'expected');
  mkdirSync(expected);
  await buildTree(expected, sourceTree('tree_after'));
  t.deepEqual(differences(await scanTree(expected), await scanTree(join(directory, 'target'))), []);
});

whole('only what a pattern selects is restored from a server', async (t) => {
  const words = (directory: string) =>
    Promise.resolve(['restore', SPLIT, 'root.pxar', join(directory, 'target'), '--pattern', 'docs/d0*']);
  const { result, differences: found, directory } = await play(t, ['restore', 'restore-pattern'], words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  const names = (await scanTree(join(directory, 'target'))).map(({ path }) =>
    Buffer.from(path, 'hex').toString(),
  );
  t.true(names.length > 1);
  for (const name of names) t.regex(name, /^(docs(\/d0.*)?)?$/);
});

function sealedBackup(time: number, more: readonly string[]) {
  return backupOf('tree_after', time, [...SCRYPT, ...more], 'proto-enc');
}

whole(
  'an encrypted legacy backup sends the recorded chunks, blobs and signature, and the key for a master',
  async (t) => {
    const master = ['--master-pubkey-file', goldenKey('master-public.pem')];
    const words = async (directory: string): Promise<readonly string[]> =>
      sealedBackup(1_702_000_001, [...LEGACY, await recordedConf(directory), ...master])(directory);
    const session = ['backup-encrypted', 'backup-encrypted'] as const;
    const { result, differences: found } = await play(t, session, words, { env: WITH_PASSWORD });
    t.is(result.code, 0, result.stderr);
    t.deepEqual(found, []);
  },
);

whole('an encrypted backup in mode data has the recorded content', async (t) => {
  const words = sealedBackup(1_702_000_002, []);
  const session = ['backup-encrypted', 'backup-encrypted-metadata'] as const;
  const options = { uploads: 'content', env: WITH_PASSWORD } as const;
  const { result, differences: found } = await play(t, session, words, options);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
});

whole('an encrypted backup in mode metadata refers to the chunks of the one before it', async (t) => {
  const words = sealedBackup(1_702_000_003, ['--change-detection-mode', 'metadata']);
  const session = ['backup-encrypted', 'backup-encrypted-metadata-2'] as const;
  const options = { uploads: 'subset', env: WITH_PASSWORD } as const;
  const { result, differences: found } = await play(t, session, words, options);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  t.regex(result.stderr, /Using previous index as metadata reference for 'root\.mpxar\.didx'/);
  t.regex(result.stderr, / - 3\d unchanged, reusable files/);
});

const SEALED = 'host/proto-enc/2023-12-08T01:46:41Z';
const ofSealed =
  (archive: string, ...key: readonly string[]) =>
  (directory: string): Promise<readonly string[]> =>
    Promise.resolve(['restore', SEALED, archive, join(directory, 'target'), ...key]);

whole('an encrypted archive is restored from a server with its key', async (t) => {
  const words = ofSealed('root.pxar', ...SCRYPT);
  const played = await play(t, ['restore', 'restore-encrypted'], words, { env: WITH_PASSWORD });
  t.is(played.result.code, 0, played.result.stderr);
  t.deepEqual(played.differences, []);
  const expected = join(played.directory, 'expected');
  mkdirSync(expected);
  await buildTree(expected, sourceTree('tree_after'));
  t.deepEqual(differences(await scanTree(expected), await scanTree(join(played.directory, 'target'))), []);
});

test('without the key nothing but the manifest of an encrypted snapshot is asked for', async (t) => {
  for (const [session, key, message] of [
    [
      'restore-encrypted-no-key',
      [],
      /^Error: missing key - manifest was created with key e1:3c:81:47:97:ab:69:8a$/m,
    ],
    [
      'restore-encrypted-wrong-key',
      BARE,
      /^Error: wrong key - .* e1:3c:81:47:97:ab:69:8a does not match provided key 7b:b6:d1:bb:21:d2:0e:52$/m,
    ],
  ] as const) {
    const { result, differences: found } = await play(t, ['restore', session], ofSealed('root.pxar', ...key));
    t.is(result.code, 1);
    t.regex(result.stderr, message);
    t.deepEqual(found, []);
  }
});

test('the manifest comes from a server as it is', async (t) => {
  const words = () => Promise.resolve(['restore', 'host/proto/2023-12-08T01:46:42Z', 'index.json', '-']);
  const { result, differences: found } = await play(t, ['restore', 'restore-manifest'], words);
  t.is(result.code, 0, result.stderr);
  t.deepEqual(found, []);
  t.is(z.object({ 'backup-id': z.string() }).parse(JSON.parse(result.stdout))['backup-id'], 'proto');
});

test('what a server does not have is said clearly', async (t) => {
  const archive = (directory: string) =>
    Promise.resolve([
      'restore',
      'host/proto/2023-12-08T01:46:41Z',
      'nothing.pxar',
      join(directory, 'target'),
    ]);
  const noArchive = await play(t, ['restore', 'restore-missing-archive'], archive);
  t.is(noArchive.result.code, 1);
  t.regex(noArchive.result.stderr, /^Error: .*nothing\.pxar/m);
  t.deepEqual(noArchive.differences, []);
  const snapshot = (directory: string) =>
    Promise.resolve(['restore', 'host/proto/2023-12-08T01:47:57Z', 'root.pxar', join(directory, 'target')]);
  const noSnapshot = await play(t, ['restore', 'restore-missing-snapshot'], snapshot);
  t.is(noSnapshot.result.code, 1);
  t.regex(noSnapshot.result.stderr, /^Error: snapshot host\/proto\/2023-12-08T01:47:57Z does not exist/m);
});
