/** restat's own client with restat's own server. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  backupWords,
  fill,
  nextBackupWords,
  restoreWords,
  run,
  wholeFiles,
} from '../../support/pbs-world.js';
import { withTemporaryDirectory } from '../../support/world.js';
import { LAPTOP, namesBelow, type SessionWorld, STORE, withSessions } from './session-world.js';

function clientOf({ port, fingerprint, secrets }: SessionWorld): {
  repository: string;
  env: Readonly<Record<string, string>>;
} {
  return {
    repository: `${LAPTOP}@127.0.0.1:${port}:${STORE}`,
    env: { PBS_PASSWORD: secrets.get(LAPTOP)!, PBS_FINGERPRINT: fingerprint },
  };
}

test('what is backed up is restored, and a second backup with detection of changes refers to the first', (t) =>
  withSessions((world) =>
    withTemporaryDirectory(async (directory) => {
      const { repository, env } = clientOf(world);
      const source = fill(join(directory, 'source'));
      const first = await run(backupWords(source, repository), env);
      t.is(first.code, 0, first.stderr);
      const chunks = namesBelow(join(world.store, '.chunks'));
      const second = await run(nextBackupWords(source, repository), env);
      t.is(second.code, 0, second.stderr);
      const more = namesBelow(join(world.store, '.chunks')).filter((name) => !chunks.includes(name));
      t.true(more.length <= 1, `only metadata is new: ${more.join(' ')}`);
      for (const next of [false, true]) {
        const target = join(directory, `target-${next}`);
        const { code, stderr } = await run(restoreWords(target, repository, { next }), env);
        t.is(code, 0, stderr);
        t.is(wholeFiles(t, target, `restore ${next}`), 4);
      }
      const local = await run(restoreWords(join(directory, 'local'), world.store, { next: true }), {});
      t.is(local.code, 0, local.stderr);
      t.is(wholeFiles(t, join(directory, 'local'), 'as a local datastore'), 4);
    }),
  ));

test('a large file that changes in the middle is stored again there only', (t) =>
  withSessions((world) =>
    withTemporaryDirectory(async (directory) => {
      const { repository, env } = clientOf(world);
      const source = fill(join(directory, 'source'));
      const big = join(source, 'big');
      writeFileSync(big, Buffer.alloc(40 << 20, 'some text that is long enough to be cut '));
      const first = await run(backupWords(source, repository), env);
      t.is(first.code, 0, first.stderr);
      appendFileSync(big, 'the end');
      const second = await run(nextBackupWords(source, repository), env);
      t.is(second.code, 0, second.stderr);
      t.deepEqual(
        namesBelow(join(world.store, 'host')).filter((name) => name.includes('22:15')),
        ['index.json.blob', 'root.mpxar.didx', 'root.ppxar.didx'].map(
          (name) => `t/2023-11-14T22:15:00Z/${name}`,
        ),
      );
    }),
  ));
