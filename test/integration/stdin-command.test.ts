/** Commands whose output is an image, when a run is interrupted. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { withPlace } from '../support/place.js';

const WORDS = ['backup', 'out.img:-', '--backup-id', 't', '--stdin-command'];

test('a command that does not end is not waited for by a run that is interrupted', async (t) => {
  await withPlace('local', async ({ directory, store, start }) => {
    const pid = join(directory, 'pid');
    const command = `trap '' TERM; echo $$ > '${pid}'; echo x; exec >&-; echo silent >&2; exec 2>&-; while :; do sleep 1; done`;
    const { process: backup, result } = start([...WORDS, command]);
    backup.stderr!.on('data', (text: Buffer) => {
      if (text.includes('silent')) backup.kill('SIGINT');
    });
    try {
      t.is((await result).code, 130);
    } finally {
      process.kill(-Number(readFileSync(pid, 'utf8')), 'SIGKILL');
    }
    t.deepEqual(readdirSync(join(store, 'host/t')), ['owner']);
  });
});

test('what a command has left behind with its output ends with an interrupted run', async (t) => {
  await withPlace('local', async ({ directory, start }) => {
    const ended = join(directory, 'ended');
    const alone = 'while kill -0 $$ 2>/dev/null; do sleep 0.05; done; echo alone >&2';
    // Nobody reads what the shell says of its `sleep`.
    const left = `trap '' PIPE; trap 'echo > ${ended}; exit' TERM; ${alone}; while :; do sleep 0.05; done`;
    const { process: backup, result } = start([...WORDS, `(${left}) & echo x`]);
    backup.stderr!.on('data', (text: Buffer) => {
      if (text.includes('alone')) backup.kill('SIGINT');
    });
    t.is((await result).code, 130);
    while (!existsSync(ended)) await wait(20);
    t.pass();
  });
});
