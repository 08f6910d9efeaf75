/** A server whose process is killed: the next one finds nothing that is broken. */

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Running, startRestat } from '../../support/cli.js';
import { backUp, backupSteps, begun, plainChunk } from './session-client.js';
import { type SessionWorld, STORE, withSessions } from './session-world.js';

const CHUNKS = ['one', 'two'].map((text) => plainChunk(Buffer.from(text.repeat(5000))));
const STEPS = CHUNKS.length + 5;

/** The port in the first line of the server's output. Throws where it does not come. */
async function portOf({ process, result }: Running): Promise<number> {
  let text = '';
  process.stdout!.on('data', (part: Buffer) => {
    text += part.toString();
  });
  for (;;) {
    const port = /:(\d+)\n/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
    const ended = await Promise.race([once(process.stdout!, 'data'), result]);
    if ('stderr' in ended) throw new Error(ended.stderr);
  }
}

/** Calls `use` with a server that has a process of its own, which is killed afterwards. */
async function withProcess(world: SessionWorld, use: (world: SessionWorld) => Promise<void>): Promise<void> {
  const where = ['--listen', '127.0.0.1:0', '--state-dir', world.state];
  const running = startRestat(['serve', '--datastore', `${STORE}=${world.store}`, ...where]);
  try {
    await use({ ...world, port: await portOf(running) });
  } finally {
    running.process.kill('SIGKILL');
    await running.result;
  }
}

for (const done of [1, 3, STEPS - 1, STEPS]) {
  test(`a server that is killed after ${done} of ${STEPS} steps`, (t) =>
    withSessions(async (world) => {
      await world.stop();
      await withProcess(world, async (here) => {
        const session = await begun(here);
        for (const step of backupSteps(session, CHUNKS).slice(0, done)) t.is((await step()).status, 200);
      });
      const finished = done === STEPS ? ['2023-11-14T22:13:20Z'] : [];
      const group = join(world.store, 'host/pc');
      t.deepEqual(
        readdirSync(group).filter((name) => !name.startsWith('.restat-')),
        [...finished, 'owner'],
      );
      await withProcess(world, (here) => backUp(here, CHUNKS, { time: 1_700_000_500 }));
      t.deepEqual(readdirSync(group).sort(), [...finished, '2023-11-14T22:21:40Z', 'owner']);
    }));
}
