/** Mount points in the tree: skipped, entered on request, never entered where the file system is virtual. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { restat } from '../support/cli.js';
import { isRoot, type World, withMounted, withTmpfs, withWorld } from '../support/world.js';

const whole = isRoot ? test.serial : test.serial.skip;

function mount(...words: readonly string[]): void {
  execFileSync('mount', words);
}

/** A tree with a tmpfs, a bind mount of an ext4 image and proc in it. */
async function withMounts(use: (world: World) => Promise<void>): Promise<void> {
  await withMounted('ext4', (image) =>
    withWorld(async (world) => {
      const { source } = world;
      writeFileSync(join(image, 'in-image'), 'i');
      for (const name of ['disk', 'proc', 'plain']) mkdirSync(join(source, name));
      writeFileSync(join(source, 'plain/file'), 'p');
      await withTmpfs(join(source, 'memory'), async () => {
        mount('--bind', image, join(source, 'disk'));
        mount('-t', 'proc', 'proc', join(source, 'proc'));
        try {
          writeFileSync(join(source, 'memory/in-memory'), 'm');
          await use(world);
        } finally {
          execFileSync('umount', [join(source, 'disk'), join(source, 'proc')]);
        }
      });
    }),
  );
}

const CASES = [
  { options: [], disk: [], memory: [] },
  { options: ['--all-file-systems'], disk: ['in-image', 'lost+found'], memory: ['in-memory'] },
  { options: ['--include-dev', 'memory'], disk: [], memory: ['in-memory'] },
  {
    options: ['--include-dev', 'memory', '--include-dev', 'disk'],
    disk: ['in-image', 'lost+found'],
    memory: ['in-memory'],
  },
];

for (const { options, disk, memory } of CASES) {
  whole(
    `mount points with ${options.join(' ') || 'no option'} are entered as asked, proc never`,
    async (t) => {
      await withMounts(async (world) => {
        const paths = options.map((word) => (word.startsWith('--') ? word : join(world.source, word)));
        const stored = await world.backup(paths);
        t.is(stored.code, 0, stored.stderr);
        t.regex(stored.stderr, /"\/proc": skipping mount point/);
        t.is(/"\/memory": skipping mount point/.test(stored.stderr), memory.length === 0);
        const restored = await world.restore();
        t.is(restored.code, 0, restored.stderr);
        const found = (name: string): Promise<string[]> => readdir(join(world.target, name));
        t.deepEqual(await found('.'), ['disk', 'memory', 'plain', 'proc']);
        t.deepEqual([await found('disk'), await found('memory'), await found('proc')], [disk, memory, []]);
        t.deepEqual(await found('plain'), ['file']);
      });
    },
  );
}

whole('a virtual file system is refused as the root, and leaves no snapshot', async (t) => {
  await withWorld(async ({ store }) => {
    const result = await restat(['backup', 'root.pxar:/proc', '--repository', store, '--backup-id', 't']);
    t.is(result.code, 1);
    t.regex(result.stderr, /virtual file system/);
    t.deepEqual(
      (await readdir(join(store, 'host/t')).catch(() => [])).filter((name) => name !== 'owner'),
      [],
    );
  });
});

test('a symbolic link to a directory is followed as a source, those in the tree are not', async (t) => {
  await withWorld(async ({ directory, source, target, backup, restore }) => {
    const real = join(directory, 'real');
    mkdirSync(join(source, 'sub'));
    symlinkSync('sub', join(source, 'link'));
    renameSync(source, real);
    symlinkSync('real', source);
    t.is((await backup()).code, 0);
    t.is((await restore()).code, 0);
    const kinds = (await readdir(target, { withFileTypes: true })).map((each) => [
      each.name,
      each.isSymbolicLink(),
    ]);
    t.deepEqual(kinds, [
      ['link', true],
      ['sub', false],
    ]);
  });
});
