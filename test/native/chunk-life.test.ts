import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { native } from '../../src/native.js';
import { withChunkDirectory } from '../support/chunk-store.js';

const PROGRAM = fileURLToPath(new URL('./chunk-life-program.js', import.meta.url));

for (const [what, mode] of [
  ['process.exit in the middle of a stream ends the process', 'exit'],
  ['a worker thread is terminated in the middle of a stream', 'terminate'],
  ['streams and readers that are collected while they work finish their work', 'collect'],
] as const) {
  test(what, async (t) => {
    await withChunkDirectory(async (directory) => {
      const child = fork(PROGRAM, [mode, directory.path], { execArgv: ['--expose-gc'] });
      const [code, signal] = await once(child, 'exit');
      t.is(signal, null);
      t.is(code, 7);
    });
  });
}

test('an aborted stream rejects what waits, and takes nothing more', async (t) => {
  await withChunkDirectory(async (directory) => {
    const stream = new native.Ingest({ store: directory.open(), averageSize: 65536, payload: false });
    const waiting = stream.write(Buffer.alloc(50_000_000));
    stream.abort();
    await t.throwsAsync(waiting, { code: 'ABORT_ERR' });
    await t.throwsAsync(stream.write(Buffer.alloc(1)), { code: 'ABORT_ERR' });
    await t.throwsAsync(stream.finish(), { code: 'ABORT_ERR' });
  });
});

test('a finished stream takes nothing more', async (t) => {
  await withChunkDirectory(async (directory) => {
    const stream = new native.Ingest({ store: directory.open(), averageSize: 65536, payload: true });
    await stream.write(Buffer.alloc(16));
    t.is(stream.position, 16);
    t.is((await stream.finish()).chunks, 1);
    t.is(stream.progress().readBytes, 16);
    await t.throwsAsync(stream.write(Buffer.alloc(1)), { code: 'INGEST_FINISHED' });
    await t.throwsAsync(stream.finish(), { code: 'INGEST_FINISHED' });
  });
});

test('a file that was compared and a batch that was discarded are refused', async (t) => {
  await withChunkDirectory(async (directory) => {
    writeFileSync(join(directory.path, 'f'), 'content');
    const tree = new native.Tree(directory.path, false, undefined);
    const list = await tree.list(0, 100);
    const stats = await tree.stat(0, list, Uint32Array.of(1));
    const stream = new native.Ingest({ store: directory.open(), averageSize: 65536, payload: true });
    const file = await tree.open(0, Buffer.from('f'), stats);
    t.is(await stream.writeFile(file, 7), 7);
    t.is(tree.compare(file, stats), 0);
    t.throws(() => tree.compare(file, stats), { instanceOf: TypeError });
    t.throws(() => stream.writeFile(file, 7), { instanceOf: TypeError });
    const indexes = Uint32Array.of(0);
    const { batch } = await tree.read([{ directory: 0, list, stats, indexes }]);
    const [bytes, none] = [Buffer.alloc(10), new Uint32Array(0)];
    for (const [ends, files] of [
      [Uint32Array.of(11), indexes],
      [none, indexes],
      [Uint32Array.of(5), Uint32Array.of(1)],
      [Uint32Array.of(6, 5), Uint32Array.of(0, 0)],
    ] as const)
      t.throws(() => stream.writeMixed(batch, files, bytes, ends), { instanceOf: TypeError });
    const before = stream.position;
    await stream.writeMixed(batch, indexes, bytes, Uint32Array.of(10));
    await stream.writeMixed(batch, none, bytes, none);
    t.is(stream.position, before + 10 + 16 + 7 + 10);
    tree.discard(batch);
    t.throws(() => stream.writeBatch(batch, indexes), { instanceOf: TypeError });
    t.throws(() => stream.writeMixed(batch, indexes, bytes, Uint32Array.of(10)), { instanceOf: TypeError });
    stream.abort();
  });
});

test('wrong arguments throw', async (t) => {
  await withChunkDirectory(async (directory) => {
    const store = directory.open();
    const wrong: (() => unknown)[] = [
      () => new native.ChunkStore({ path: '', sync: 'none', uid: 0, gid: 0 }),
      () => new native.ChunkStore({ path: directory.path, sync: 'none', uid: -1, gid: 0 }),
      () => store.read(Buffer.alloc(31)),
      () => new native.Ingest({ store, averageSize: 100_000, payload: false }),
      () => new native.Ingest({ store, averageSize: 65536, payload: false, ringBytes: 2 ** 40 }),
      () => new native.ChunkReader({ store, entries: Buffer.alloc(0), cacheBytes: -1 }),
    ];
    for (const call of wrong) t.throws(call, { instanceOf: TypeError });
    t.throws(() => store.register(Buffer.alloc(39)), { code: 'INDEX_ENTRIES' });
    t.throws(() => new native.ChunkReader({ store, entries: Buffer.alloc(40), cacheBytes: 0 }), {
      code: 'INDEX_ENTRIES',
    });
    const reader = new native.ChunkReader({ store, entries: Buffer.alloc(0), cacheBytes: 0 });
    t.throws(() => reader.read(0, 1), { instanceOf: RangeError });
  });
});
