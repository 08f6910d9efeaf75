/** Backup sessions beyond the recorded ones: images, benchmarks, bases, tasks. protocol.md §4, §5. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { encodeBlob } from '../../../src/snapshot/blob.js';
import {
  backUp,
  backupSteps,
  begun,
  plainChunk,
  putBlob,
  refused,
  type TestChunk,
  type TestSession,
  upload,
} from './session-client.js';
import { LIMITED, namesBelow, type SessionWorld, withSessions } from './session-world.js';

const FULL = 4 * 1024 * 1024;
const A = plainChunk(Buffer.alloc(FULL, 'a'));
const B = plainChunk(Buffer.alloc(FULL, 'b'));
const SHORT = plainChunk(Buffer.from('the end of the image'));
const SMALL = plainChunk(Buffer.from('something small'));

/** The checksum of a fixed index. */
function fixedCsum(chunks: readonly TestChunk[]): string {
  const hash = createHash('sha256');
  for (const { digest } of chunks) hash.update(digest, 'hex');
  return hash.digest('hex');
}

function place(session: TestSession, chunks: readonly (readonly [TestChunk, number])[]) {
  return session.call(...(['PUT', '/fixed_index', {}] as const), {
    wid: 1,
    'digest-list': chunks.map(([{ digest }]) => digest),
    'offset-list': chunks.map(([, offset]) => offset),
  });
}

function closeFixed(session: TestSession, chunks: readonly TestChunk[], count = chunks.length) {
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  const query = { wid: 1, 'chunk-count': count, size, csum: fixedCsum(chunks) };
  return session.call('POST', '/fixed_close', query);
}

function imageManifest(chunks: readonly TestChunk[], time: number): Buffer {
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  const files = [{ filename: 'd.img.fidx', 'crypt-mode': 'none', size, csum: fixedCsum(chunks) }];
  const head = { 'backup-type': 'host', 'backup-id': 'pc', 'backup-time': time };
  const text = JSON.stringify({ ...head, files, signature: null, unprotected: {} });
  return encodeBlob(Buffer.from(text), 'index.json.blob', { compress: true });
}

const IMAGE = { 'archive-name': 'd.img.fidx' };

test('an image whose length is not told gets it from its short chunk', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    t.is((await session.call('POST', '/fixed_index', IMAGE)).text, '{"data":1}');
    for (const chunk of [A, B, SHORT]) t.is((await upload(session, 1, chunk, 'fixed')).status, 200);
    t.is(
      (
        await place(session, [
          [B, FULL],
          [A, 0],
        ])
      ).status,
      200,
    );
    t.is((await place(session, [[SHORT, 0]])).text, 'chunk with unexpected length (20 != 4194304');
    t.is((await place(session, [[SHORT, 2 * FULL]])).status, 200);
    t.is((await place(session, [[A, 2 * FULL]])).text, 'refusing to resize from 8388628 to 12582912');
    t.is((await closeFixed(session, [A, B, SHORT])).status, 200);
    await putBlob(session, 'index.json.blob', imageManifest([A, B, SHORT], 1_700_000_000));
    t.is((await session.call('POST', '/finish')).status, 200);
    const index = readFileSync(join(world.store, 'host/pc/2023-11-14T22:13:20Z/d.img.fidx'));
    t.is(index.length, 4096 + 3 * 32);
    t.is(index.readBigUInt64LE(64), BigInt(2 * FULL + 20));
    await session.close();
  }));

test('an image can begin as a copy of the last one', (t) =>
  withSessions(async (world) => {
    const first = await begun(world);
    const size = 2 * FULL;
    await first.call('POST', '/fixed_index', { ...IMAGE, size });
    for (const chunk of [A, B]) await upload(first, 1, chunk, 'fixed');
    await place(first, [
      [A, 0],
      [B, FULL],
    ]);
    t.is((await closeFixed(first, [A, B])).status, 200);
    await putBlob(first, 'index.json.blob', imageManifest([A, B], 1_700_000_000));
    t.is((await first.call('POST', '/finish')).status, 200);
    await first.close();
    const time = 1_700_000_100;
    const session = await begun(world, { time });
    const reuse = { ...IMAGE, size, 'reuse-csum': fixedCsum([A, B]) };
    const other = await session.call('POST', '/fixed_index', { ...reuse, size: FULL });
    t.is(other.text, `expected size (${FULL}) doesn't match last backup's (${size})`);
    t.is((await session.call('POST', '/fixed_index', reuse)).text, '{"data":1}');
    t.is((await place(session, [[A, FULL]])).status, 200);
    const wrong = await closeFixed(session, [A, A]);
    t.is(wrong.text, "fixed writer 'd.img.fidx' close failed - received wrong number of chunk (1 != 2)");
    t.is((await closeFixed(session, [A, A], 1)).status, 200);
    await putBlob(session, 'index.json.blob', imageManifest([A, A], time));
    t.is((await session.call('POST', '/finish')).status, 200);
    await session.close();
    const index = readFileSync(join(world.store, 'host/pc/2023-11-14T22:15:00Z/d.img.fidx'));
    t.is(index.toString('hex', 4096), A.digest + A.digest);
  }));

test('an image with a gap is not closed, whatever is counted', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    await session.call('POST', '/fixed_index', { ...IMAGE, size: 2 * FULL });
    await upload(session, 1, A, 'fixed');
    t.is(
      (
        await place(session, [
          [A, 0],
          [A, 0],
        ])
      ).status,
      200,
    );
    const hole = { ...A, digest: '0'.repeat(64) };
    const reply = await closeFixed(session, [A, hole]);
    t.is(reply.text, "fixed writer 'd.img.fidx' close failed - a chunk is missing");
    await session.close();
  }));

test('of a benchmark nothing stays, and nobody owns it', (t) =>
  withSessions(async (world) => {
    const options = { id: 'benchmark', more: { benchmark: 'true' } };
    for (const authId of [LIMITED, undefined]) {
      const session = await begun(world, { ...options, ...(authId === undefined ? {} : { authId }) });
      const reply = await session.call('POST', '/speedtest', {}, Buffer.alloc(4 * 1024 * 1024));
      t.is(reply.text, '{"data":null}');
      for (const step of backupSteps(session, [SMALL], { id: 'benchmark' })) t.is((await step()).status, 200);
      await session.close();
    }
    t.deepEqual(namesBelow(join(world.store, 'host')), ['benchmark/owner']);
  }));

test('a base with a damaged manifest lets nobody begin', (t) =>
  withSessions(async (world) => {
    await backUp(world, [SMALL]);
    const path = join(world.store, 'host/pc/2023-11-14T22:13:20Z/index.json.blob');
    const bytes = readFileSync(path);
    bytes[20]! ^= 1;
    writeFileSync(path, bytes);
    const { status, text } = await refused(world, { time: 1_700_000_100 });
    t.is(status, 400);
    t.is(text, `unable to load blob '"${path}"' - Data blob has wrong CRC checksum.`);
  }));

test('a base that is read meanwhile can be had', (t) =>
  withSessions(async (world) => {
    await backUp(world, [SMALL]);
    const reader = await begun(world, { kind: 'reader' });
    const session = await begun(world, { time: 1_700_000_100 });
    t.is((await session.call('GET', '/previous_backup_time')).text, '{"data":1700000000}');
    await session.close();
    await reader.close();
  }));

/** Logs of tasks by what they are about: type and worker of the UPID in their first line. */
function taskLogs({ state }: SessionWorld): Map<string, string> {
  const directory = join(state, 'tasks');
  const texts = namesBelow(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
  return new Map(texts.map((text) => [text.split(':').slice(6, 8).join(':'), text]));
}

/** The logs, when so many tasks have ended. */
async function endedLogs(world: SessionWorld, count: number): Promise<Map<string, string>> {
  for (;;) {
    const logs = taskLogs(world);
    if ([...logs.values()].filter((text) => /: TASK /.test(text)).length >= count) return logs;
    await sleep(10);
  }
}

test('every session is a task with a log, which ends well or with the reason', (t) =>
  withSessions(async (world) => {
    await backUp(world, [SMALL]);
    await (await begun(world, { id: 'dead' })).close();
    await (await begun(world, { kind: 'reader' })).close();
    const logs = await endedLogs(world, 3);
    t.regex(logs.get('backup:vectors\\x3ahost-pc') ?? '', /successfully finished backup\n.*TASK OK/);
    t.regex(
      logs.get('backup:vectors\\x3ahost-dead') ?? '',
      /removing unfinished backup\n.*TASK ERROR: backup ended without finish/,
    );
    t.regex(logs.get('reader:vectors\\x3ahost-pc-6553F100') ?? '', /TASK OK/);
    t.deepEqual(readdirSync(join(world.store, 'host/dead')), ['owner']);
  }));
