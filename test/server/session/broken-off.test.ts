/** Clients that die, and servers that stop: nothing stays but chunks, and the next backup succeeds. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { startServer } from '../../../src/server/serve.js';
import { backUp, backupSteps, begun, type ManifestOptions, plainChunk, refused } from './session-client.js';
import { namesBelow, type SessionWorld, STORE, withSessions } from './session-world.js';

const CHUNKS = ['one', 'two', 'three'].map((text) => plainChunk(Buffer.from(text.repeat(5000))));
const OPTIONS: ManifestOptions = { time: 1_700_000_500 };

/** Waits until the server has nothing of the group open any more. */
async function settled(world: SessionWorld): Promise<string[]> {
  const group = join(world.store, 'host/pc');
  for (;;) {
    const names = readdirSync(group);
    if (!names.some((name) => name.startsWith('.restat-'))) return names;
    await nextTurn();
  }
}

const STEPS = CHUNKS.length + 5;

for (let done = 0; done < STEPS; done += 1) {
  test(`a client that dies after ${done} of ${STEPS} steps leaves no snapshot and no lock`, (t) =>
    withSessions(async (world) => {
      const session = await begun(world);
      for (const step of backupSteps(session, CHUNKS).slice(0, done)) t.is((await step()).status, 200);
      await session.close();
      t.deepEqual(await settled(world), ['owner']);
      await backUp(world, CHUNKS, OPTIONS);
      const files = namesBelow(join(world.store, 'host'));
      t.deepEqual(files, [
        'pc/2023-11-14T22:21:40Z/a.pxar.didx',
        'pc/2023-11-14T22:21:40Z/index.json.blob',
        'pc/owner',
      ]);
    }));
}

test('a client that dies in the middle of a body leaves nothing', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    await session.call('POST', '/dynamic_index', { 'archive-name': 'a.pxar.didx' });
    const { digest, size, encoded } = CHUNKS[0]!;
    const stream = session.open('POST', '/dynamic_chunk', {
      wid: 1,
      digest,
      size,
      'encoded-size': encoded.length,
    });
    stream.write(encoded.subarray(0, 20));
    await session.call('GET', '/previous_backup_time');
    await session.close();
    t.deepEqual(await settled(world), ['owner']);
    t.deepEqual(namesBelow(join(world.store, '.chunks')), []);
    await backUp(world, CHUNKS, OPTIONS);
  }));

test('a server that stops ends its sessions, and leaves nothing of them', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    for (const step of backupSteps(session, CHUNKS).slice(0, -1)) await step();
    await world.stop();
    t.deepEqual(readdirSync(join(world.store, 'host/pc')), ['owner']);
  }));

test('a group is free as soon as its backup is finished, though the connection is open', (t) =>
  withSessions(async (world) => {
    const first = await begun(world);
    const busy = await refused(world, { time: 1_700_000_500 });
    t.is(busy.status, 400);
    t.is(
      busy.text,
      `unable to acquire backup group lock "${world.store}/.restat/locks/host-pc" while creating locked backup group "${world.store}/host/pc"`,
    );
    for (const step of backupSteps(first, CHUNKS)) await step();
    await backUp(world, CHUNKS, OPTIONS);
    t.deepEqual((await first.call('POST', '/finish')).text, 'backup already marked as finished.');
    await first.close();
    t.deepEqual(readdirSync(join(world.store, 'host/pc')).sort(), [
      '2023-11-14T22:13:20Z',
      '2023-11-14T22:21:40Z',
      'owner',
    ]);
  }));

test('what a server that was killed left goes with the next backup of the group', (t) =>
  withSessions(async (world) => {
    const session = await begun(world);
    for (const step of backupSteps(session, CHUNKS).slice(0, -1)) await step();
    // The next server finds what the first one would leave behind if it were killed now, with its locks gone.
    const copy = `${world.store}-copy`;
    cpSync(world.store, copy, { recursive: true });
    const server = await startServer({
      ...{ host: '127.0.0.1', port: 0, stateDirectory: world.state, version: 'test', openMetrics: false },
      ...{ datastores: [{ name: STORE, directory: copy }], names: ['localhost'], log: () => undefined },
    });
    try {
      t.true(readdirSync(join(copy, 'host/pc')).some((name) => name.startsWith('.restat-')));
      await backUp({ ...world, store: copy, port: server.port }, CHUNKS, OPTIONS);
      t.deepEqual(readdirSync(join(copy, 'host/pc')).sort(), ['2023-11-14T22:21:40Z', 'owner']);
    } finally {
      await server.stop(0);
      await session.close();
    }
  }));
