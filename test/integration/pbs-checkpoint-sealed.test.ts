/** Checkpoints of a first backup with a key: signed and encrypted themselves, and only those of the key are inherited. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { EncryptionKey } from '../../src/keys/encryption-key.js';
import { Seal } from '../../src/repository/seal.js';
import { type Bench, holdsCompleteSnapshot, manifestOf, withBench } from '../support/checkpoint-bench.js';
import { withGate } from '../support/gate.js';
import { secretOf, testKey } from '../support/keyed-world.js';
import { bytesOf } from '../support/recipe.js';
import { indexChunks } from '../support/replay/index-chunks.js';
import { RecordedKey } from '../support/replay/recorded-key.js';
import { changeManifest, copyOf, MANIFEST, replaceDigest } from '../support/sealed-server.js';
import { openContainer } from '../support/sealed-snapshot.js';
import { type SessionServer, withSessionServer } from '../support/session-server.js';
import type { SessionStore } from '../support/session-store.js';
import { isRoot, withTemporaryDirectory } from '../support/world.js';

const rootTest = isRoot ? test : test.skip;

const EARLIER = 'restat.earlier-incomplete.ppxar.didx';
const CONTENTS = 'root-incomplete.ppxar.didx';
const CHECKPOINTS = ['--checkpoint-interval', '1'];

type Files = ReadonlyMap<string, Buffer>;

/** Digests of all chunks of a snapshot, by file. */
function digestsOf(files: Files): Map<string, string[]> {
  const indexes = [...files].filter(([name]) => name.endsWith('.didx'));
  return new Map(
    indexes.map(([name, bytes]) => [name, [...indexChunks(bytes, name)].map(([digest]) => digest)]),
  );
}

/** The snapshot is signed with the key, and its chunks are encrypted with it, under keyed digests. */
function isSealed(t: ExecutionContext, files: Files, { chunks }: SessionStore, secret: Buffer): void {
  const key = new RecordedKey(secret);
  const text = JSON.parse(openContainer(files.get(MANIFEST)!, undefined).content.toString());
  t.is(text.signature, key.signature(text));
  t.is(text.unprotected['key-fingerprint'], key.fingerprint);
  t.true(text.files.length > 0);
  for (const file of text.files) t.is(file['crypt-mode'], 'encrypt');
  for (const digest of [...digestsOf(files).values()].flat()) {
    const { kind, content } = openContainer(chunks.get(digest)!, secret);
    t.is(kind, 'encrypted');
    t.is(key.digest(content), digest);
  }
}

/** A first backup that ended with a signal while `z` was read; what it has stored is a checkpoint. */
async function interrupted(t: ExecutionContext, bench: Bench, server: SessionServer, key: readonly string[]) {
  await withGate([bench.hold('z')], async () => {
    const { process, result } = bench.start(server, [...CHECKPOINTS, ...key]);
    bench.whenFinished(1, () => {
      process.kill('SIGTERM');
      bench.release('z');
    });
    const { code, stderr } = await result;
    t.is(code, 130, stderr);
  });
  // A session that was broken off holds nothing any more.
  bench.store.locked.clear();
}

rootTest('a checkpoint is signed and encrypted, and the next run sends only the rest', (t) =>
  withTemporaryDirectory((directory) =>
    withBench((bench) =>
      withSessionServer(bench.behaviour(), async (server) => {
        const { options, secret } = testKey(directory, 'ours');
        await interrupted(t, bench, server, options);
        const [checkpoint] = [...bench.store.snapshots.values()];
        t.like(manifestOf(checkpoint!).unprotected['restat'], { checkpoint: true });
        isSealed(t, checkpoint!, bench.store, secret);
        const before = bench.uploads.length;
        const { code, stderr } = await bench.start(server, options).result;
        t.is(code, 0, stderr);
        t.is(new Set(bench.uploads).size, bench.uploads.length, `${before} of ${bench.uploads.length}`);
        t.true(before > 60 && bench.uploads.length > before);
        isSealed(t, [...bench.store.snapshots.values()][0]!, bench.store, secret);
        await holdsCompleteSnapshot(t, bench, server, options);
      }),
    ),
  ),
);

const NOBODYS = 'ab'.repeat(32);

/** What a server may do to a checkpoint, and whether its chunks are listed in the next one. */
const CHANGES: readonly (readonly [
  what: string,
  change: (store: SessionStore, time: number) => void,
  inherited: boolean,
])[] = [
  ['it is as it was made', () => undefined, true],
  [
    'it lists something else and has lost its signature',
    (store, time) => {
      const csum = replaceDigest(store, time, CONTENTS, NOBODYS);
      changeManifest(store, time, ({ files, unprotected, ...manifest }) => ({
        ...manifest,
        files: files.map((file) => ({ ...file, csum })),
        signature: null,
        unprotected: { ...unprotected, 'key-fingerprint': null },
      }));
    },
    false,
  ],
  [
    'it was signed with another key',
    (store, time) =>
      changeManifest(store, time, (manifest) =>
        Seal.of('encrypt', EncryptionKey.generate()).manifest(manifest),
      ),
    false,
  ],
  [
    'it was signed with the key, as one of plain chunks',
    (store, time) =>
      changeManifest(store, time, ({ files, ...manifest }) =>
        Seal.of('sign-only', new EncryptionKey(secretOf('ours'))).manifest({
          ...manifest,
          files: files.map((file) => ({ ...file, cryptMode: 'sign-only' })),
        }),
      ),
    false,
  ],
];

/** The first checkpoint of the next run, which has changed content to send, and its end. */
async function nextCheckpoint(
  t: ExecutionContext,
  bench: Bench,
  server: SessionServer,
  key: readonly string[],
) {
  writeFileSync(join(bench.source, 'a'), bytesOf({ kind: 'drbg', seed: 'other', length: 5_000_000 }));
  const older = [...bench.store.snapshots.keys()];
  let found: Files = new Map();
  bench.whenFinished(1, () => {
    found = [...bench.store.snapshots].find(([name]) => !older.includes(name))![1];
    bench.release('m');
  });
  const words = [...CHECKPOINTS, ...key];
  const { code, stderr } = await withGate([bench.hold('m')], () => bench.start(server, words).result);
  t.is(code, 0, stderr);
  return found;
}

rootTest('the chunks of a checkpoint are listed in the next one only where the key has signed it', (t) =>
  withTemporaryDirectory(async (directory) => {
    const { options } = testKey(directory, 'ours');
    let made: SessionStore | undefined;
    /** What an honest server makes of the last run. */
    let wanted: string[] | undefined;
    await withBench((bench) =>
      withSessionServer(bench.behaviour(), async (server) => {
        await interrupted(t, bench, server, options);
        made = bench.store;
      }),
    );
    for (const [what, change, isInherited] of CHANGES) {
      const store = copyOf(made!);
      const [[name, files]] = [...store.snapshots] as [[string, Files]];
      change(store, Number(name.split('/').at(-1)));
      await withBench(
        (bench) =>
          withSessionServer(bench.behaviour(), async (server) => {
            const checkpoint = await nextCheckpoint(t, bench, server, options);
            const inherited = digestsOf(checkpoint).get(EARLIER);
            t.deepEqual(inherited, isInherited ? digestsOf(files).get(CONTENTS) : undefined, what);
            t.is(store.snapshots.size, 1, what);
            const complete = digestsOf([...store.snapshots.values()][0]!).get('root.ppxar.didx');
            wanted ??= complete;
            t.deepEqual(complete, wanted, what);
          }),
        store,
      );
    }
  }),
);
