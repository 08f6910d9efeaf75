/** Checkpoints on a server that holds its rules: locks, times, open indexes. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { restatOk, startRestat } from '../support/cli.js';
import { withGate } from '../support/gate.js';
import { testKey } from '../support/keyed-world.js';
import { bytesOf } from '../support/recipe.js';
import { readSealed } from '../support/sealed-snapshot.js';
import { withServed } from '../support/served.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, withTemporaryDirectory } from '../support/world.js';

const rootTest = isRoot ? test : test.skip;

/** Finished snapshots of the group. */
function snapshots(store: string): string[] {
  const group = join(store, 'host/t');
  if (!existsSync(group)) return [];
  return readdirSync(group).filter(
    (name) => existsSync(join(group, name, 'index.json.blob')) && name[0] !== '.',
  );
}

/** Files of snapshots, when there is one that was not there before. */
async function nextSnapshot(store: string, before: readonly string[]): Promise<string> {
  for (;;) {
    const found = snapshots(store).find((name) => !before.includes(name));
    if (found !== undefined) return found;
    await sleep(20);
  }
}

/** The key is that of `testKey`. */
const MODES = [
  {
    mode: 'data',
    protection: 'none',
    contents: 'root-incomplete.ppxar.didx',
    whole: ['root.mpxar.didx', 'root.ppxar.didx'],
  },
  {
    mode: 'legacy',
    protection: 'encrypt',
    contents: 'root-incomplete.pxar.didx',
    whole: ['catalog.pcat1.didx', 'root.pxar.didx'],
  },
];

for (const { mode, protection, contents, whole } of MODES)
  rootTest(
    `a first backup with checkpoints, an interruption and another attempt ends with one whole snapshot (${mode}, ${protection})`,
    (t) =>
      withTemporaryDirectory(async (directory) => {
        const [store, state, source, target] = ['store', 'state', 'source', 'target'].map((name) =>
          join(directory, name),
        ) as [string, string, string, string];
        await restatOk(['datastore', 'create', store]);
        const key = protection === 'none' ? undefined : testKey(directory, 'first');
        const isSound = (name: string) =>
          readSealed(store, join('host/t', name), { secret: key?.secret, mode: protection });
        mkdirSync(state, { mode: 0o700 });
        mkdirSync(source);
        for (const name of ['a', 'm', 'z'])
          writeFileSync(join(source, name), bytesOf({ kind: 'drbg', seed: name, length: 5_000_000 }));
        const hold = (name: string) =>
          ({
            path: join(source, name),
            on: 'read',
            nth: 1,
            act: 'hold',
            until: join(directory, `go-${name}`),
          }) as const;
        await withServed(store, state, async ({ repository, env }) => {
          const where = [
            '--repository',
            repository,
            '--backup-id',
            't',
            '--chunk-size',
            '64',
            ...(key?.options ?? []),
          ];
          const words = [
            'backup',
            `root.pxar:${source}`,
            ...where,
            '--checkpoint-interval',
            '1',
            '--change-detection-mode',
            mode,
          ];
          await withGate([hold('m'), hold('z')], async () => {
            const { process, result } = startRestat(words, { env });
            const first = await nextSnapshot(store, []);
            const names = readdirSync(join(store, 'host/t', first)).sort();
            t.deepEqual(names, ['index.json.blob', contents]);
            t.notThrows(() => isSound(first));
            writeFileSync(hold('m').until, '');
            await nextSnapshot(store, [first]);
            process.kill('SIGTERM');
            writeFileSync(hold('z').until, '');
            const { code, stderr } = await result;
            t.is(code, 130, stderr);
          });
          t.is(snapshots(store).length, 1);
          const { code, stderr } = await startRestat(words, { env, clockOffset: 60 }).result;
          t.is(code, 0, stderr);
          const left = snapshots(store);
          t.is(left.length, 1);
          const files = readdirSync(join(store, 'host/t', left[0]!)).sort();
          t.deepEqual(files, ['index.json.blob', ...whole].sort());
          t.notThrows(() => isSound(left[0]!));
          const restore = ['restore', 'host/t', 'root.pxar', target, '--repository', repository];
          await restatOk([...restore, ...(key?.options ?? [])], { env });
          t.deepEqual(differences(await scanTree(source), await scanTree(target)), []);
        });
      }),
  );
