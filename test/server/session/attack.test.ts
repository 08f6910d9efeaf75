/** Writers that want a digest to have another content than its own, or somebody else's chunks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  backUp,
  backupSteps,
  begun,
  dynamicCsum,
  encryptedChunk,
  manifestOf,
  plainChunk,
  putBlob,
  type TestChunk,
  upload,
} from './session-client.js';
import { LIMITED, namesBelow, type SessionWorld, withSessions } from './session-world.js';

const VICTIM = plainChunk(Buffer.from('what the victim has in its files '.repeat(200)));
const BAD = { id: 'evil', authId: LIMITED } as const;

function chunkFile({ store }: SessionWorld, { digest }: TestChunk): string {
  return join(store, '.chunks', digest.slice(0, 4), digest);
}

async function restored(
  world: SessionWorld,
  id: string,
  time?: number,
): Promise<{ status: number; bytes: Buffer }> {
  const options = time === undefined ? {} : { time };
  const reader = await begun(world, { kind: 'reader', id, ...options });
  await reader.call('GET', '/download', { 'file-name': 'a.pxar.didx' });
  const reply = await reader.call('GET', '/chunk', { digest: VICTIM.digest });
  await reader.close();
  return reply;
}

for (const size of [VICTIM.size, VICTIM.encoded.length - 44, 100_000]) {
  test(`an encrypted chunk of ${size} bytes under a plain chunk's digest is refused where that is`, (t) =>
    withSessions(async (world) => {
      await backUp(world, [VICTIM]);
      const before = readFileSync(chunkFile(world, VICTIM));
      const session = await begun(world, BAD);
      await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
      const reply = await upload(session, 1, encryptedChunk(VICTIM.digest, size));
      t.is(reply.status, 400);
      t.is(reply.text, `chunk ${VICTIM.digest} exists and is another one`);
      const append = { wid: 1, 'digest-list': [VICTIM.digest], 'offset-list': [0] };
      const listed = await session.call('PUT', '/dynamic_index', {}, append);
      t.is(listed.text, `no such chunk ${VICTIM.digest}`);
      await session.close();
      t.deepEqual(readFileSync(chunkFile(world, VICTIM)), before);
      t.deepEqual((await restored(world, 'pc')).bytes, before);
    }));
}

test('who occupies a digest before its owner comes gives way to it, and does not get to read it', (t) =>
  withSessions(async (world) => {
    const junk = encryptedChunk(VICTIM.digest, VICTIM.size);
    await backUp(world, [junk], { ...BAD, cryptMode: 'encrypt' });
    t.is((await restored(world, 'evil')).status, 200);
    await backUp(world, [VICTIM]);
    t.deepEqual(readFileSync(chunkFile(world, VICTIM)), VICTIM.encoded);
    t.deepEqual((await restored(world, 'pc')).bytes, VICTIM.encoded);
    const stolen = await restored(world, 'evil');
    t.is(stolen.status, 400);
    t.is(stolen.bytes.toString(), `chunk ${VICTIM.digest} is not encrypted, as its archive is`);
  }));

test('a manifest that says plain of encrypted chunks, or is of another snapshot, finishes no backup', (t) =>
  withSessions(async (world) => {
    const junk = encryptedChunk(VICTIM.digest, VICTIM.size);
    const lies: readonly (readonly [Parameters<typeof manifestOf>[2], RegExp])[] = [
      [
        { id: 'evil', cryptMode: 'none' },
        /the chunks of a\.pxar\.didx are encrypted, its crypt-mode is none/,
      ],
      [{ id: 'pc', cryptMode: 'encrypt' }, /it is the manifest of host\/pc/],
    ];
    for (const [lie, text] of lies) {
      const session = await begun(world, BAD);
      for (const step of backupSteps(session, [junk], { id: 'evil' }).slice(0, -2))
        t.is((await step()).status, 200);
      await putBlob(session, 'index.json.blob', manifestOf('a.pxar.didx', [junk], lie));
      t.regex((await session.call('POST', '/finish')).text, text);
      t.is((await session.call('POST', '/finish')).text, 'backup is already in the process of finishing.');
      await session.close();
    }
    t.deepEqual(
      namesBelow(join(world.store, 'host')).filter((name) => name.startsWith('evil/2')),
      [],
    );
  }));

test('an archive has chunks of one class', (t) =>
  withSessions(async (world) => {
    const other = plainChunk(Buffer.from('another one'));
    const junk = encryptedChunk('ab'.repeat(32), 500);
    const session = await begun(world, BAD);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    for (const chunk of [other, junk]) t.is((await upload(session, 1, chunk)).status, 200);
    const { offsets } = dynamicCsum([other, junk]);
    const append = { wid: 1, 'digest-list': [other.digest, junk.digest], 'offset-list': offsets };
    const reply = await session.call('PUT', '/dynamic_index', {}, append);
    t.is(reply.status, 400);
    t.regex(reply.text, /append chunk failed - chunk (?:ab){32} is encrypted, those before it are plain/);
    await session.close();
  }));

test("somebody else's chunk cannot be listed by its digest, and not without its content", (t) =>
  withSessions(async (world) => {
    await backUp(world, [VICTIM]);
    const session = await begun(world, BAD);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    const append = { wid: 1, 'digest-list': [VICTIM.digest], 'offset-list': [0] };
    const forged = { ...plainChunk(Buffer.alloc(VICTIM.size, 'x')), digest: VICTIM.digest };
    t.is((await upload(session, 1, forged)).text, 'detected chunk with wrong digest.');
    t.is((await session.call('PUT', '/dynamic_index', {}, append)).text, `no such chunk ${VICTIM.digest}`);
    await session.close();
  }));

test('the announced size bounds what is decompressed', (t) =>
  withSessions(async (world) => {
    const bomb = plainChunk(Buffer.alloc(16 * 1024 * 1024));
    const session = await begun(world, BAD);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    const reply = await upload(session, 1, { ...bomb, size: 1000 });
    t.is(reply.text, 'detected chunk with wrong length (1000 != 16777216)');
    t.is((await upload(session, 1, bomb)).status, 200);
    await session.close();
  }));

test('a chunk of the base whose file is gone, or empty, must be sent again', (t) =>
  withSessions(async (world) => {
    await backUp(world, [VICTIM]);
    writeFileSync(chunkFile(world, VICTIM), '');
    const session = await begun(world, { time: 1_700_000_100 });
    t.is((await session.call('GET', '/previous', { 'archive-name': 'a.pxar.didx' })).status, 200);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    const append = { wid: 1, 'digest-list': [VICTIM.digest], 'offset-list': [0] };
    t.is((await session.call('PUT', '/dynamic_index', {}, append)).text, `no such chunk ${VICTIM.digest}`);
    t.is((await upload(session, 1, VICTIM)).status, 200);
    t.is((await session.call('PUT', '/dynamic_index', {}, append)).status, 200);
    await session.close();
    t.deepEqual(readFileSync(chunkFile(world, VICTIM)), VICTIM.encoded);
  }));

test('an index of the base that is not what the manifest says makes no chunk known', (t) =>
  withSessions(async (world) => {
    await backUp(world, [VICTIM]);
    const path = join(world.store, 'host/pc/2023-11-14T22:13:20Z/a.pxar.didx');
    const bytes = readFileSync(path);
    const stranger = plainChunk(Buffer.from('stored by somebody else'));
    await backUp(world, [stranger], { id: 'other' });
    Buffer.from(stranger.digest, 'hex').copy(bytes, 4096 + 8);
    writeFileSync(path, bytes);
    const session = await begun(world, { time: 1_700_000_100 });
    t.is((await session.call('GET', '/previous', { 'archive-name': 'a.pxar.didx' })).status, 200);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    const append = { wid: 1, 'digest-list': [stranger.digest], 'offset-list': [0] };
    t.is((await session.call('PUT', '/dynamic_index', {}, append)).text, `no such chunk ${stranger.digest}`);
    await session.close();
  }));
