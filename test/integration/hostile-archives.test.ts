/** Archives that were made to write elsewhere write nothing outside the target. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Item } from '../../src/pxar/format.js';
import { item, u64 } from '../pxar/encoding.js';
import { directory, entry, hardlink, inlineFile, type RawChild, subdirectory } from '../pxar/raw.js';
import type { RunResult } from '../support/cli.js';
import { storeArchive } from '../support/streams.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;

function symlink(target: string): Buffer {
  return Buffer.concat([entry(0o120777), item(Item.SYMLINK, Buffer.from(`${target}\0`))]);
}

const evil = inlineFile('evil');

/** Stores the archive, lets `prepare` lay traps, restores, and checks that the world around the target is as it was. */
async function restoreHostile(
  t: ExecutionContext,
  children: readonly RawChild[],
  {
    options = [],
    prepare,
  }: { options?: readonly string[]; prepare?: (world: World, outside: string) => void },
  check: (result: RunResult, world: World, outside: string) => void,
): Promise<void> {
  await withWorld(async (world) => {
    const outside = join(world.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'precious');
    prepare?.(world, outside);
    await storeArchive(world.store, directory(children));
    const before = await scanTree(outside);
    const result = await world.restore(options);
    t.deepEqual(differences(before, await scanTree(outside)), []);
    t.false(existsSync(join(world.directory, 'evil')));
    check(result, world, outside);
  });
}

const NAMES: Readonly<Record<string, string>> = {
  'dot dot': '..',
  dot: '.',
  empty: '',
  'a path': 'a/b',
  'a path upwards': '../evil',
  absolute: '/tmp/evil',
  'cut by NUL': 'a\0b',
};

for (const [what, name] of Object.entries(NAMES)) {
  for (const child of [{ name, content: evil }, subdirectory(name, [{ name: 'in', content: evil }])]) {
    const kind = child.content === evil ? 'file' : 'directory';
    whole(`a ${kind} whose name is ${what} is refused`, async (t) => {
      await restoreHostile(t, [child], {}, ({ code, stderr }) => {
        t.is(code, 1, stderr);
        t.regex(stderr, /root\.pxar/);
      });
    });
  }
}

const THROUGH: Readonly<Record<string, (outside: string) => RawChild[]>> = {
  'a directory of the same name': (outside) => [
    { name: 'x', content: symlink(outside) },
    subdirectory('x', [{ name: 'file', content: evil }]),
  ],
  'a file of the same name': (outside) => [
    { name: 'x', content: symlink(join(outside, 'file')) },
    { name: 'x', content: evil },
  ],
  'a hard link that names it': (outside) => [
    { name: 'a', content: evil },
    { name: 'b', content: symlink(outside) },
    { name: 'c', content: (position) => hardlink(position - 56, 'b/file') },
  ],
  'a hard link upwards': () => [
    { name: 'a', content: evil },
    { name: 'c', content: (position) => hardlink(position - 56, '../outside/file') },
  ],
};

for (const [what, children] of Object.entries(THROUGH)) {
  for (const options of [[], ['--overwrite', '--allow-existing-dirs']]) {
    whole(`nothing goes through a symbolic link by ${what} (${options[0] ?? 'plain'})`, async (t) => {
      await withWorld(async (world) => {
        const outside = join(world.directory, 'outside');
        mkdirSync(outside);
        writeFileSync(join(outside, 'file'), 'precious');
        await storeArchive(world.store, directory(children(outside)));
        const before = await scanTree(outside);
        const result = await world.restore(options);
        t.true(result.code === 0 || result.code === 1 || result.code === 3, result.stderr);
        t.deepEqual(differences(before, await scanTree(outside)), []);
        t.is(lstatSync(join(outside, 'file')).nlink, 1);
      });
    });
  }
}

const OVERWRITE = ['--overwrite', '--allow-existing-dirs'];
const FILE = [{ name: 'x', content: evil }];

whole(
  'an existing hard link, symbolic link or FIFO at a name is replaced, never written through',
  async (t) => {
    const traps: ((path: string, outside: string) => void)[] = [
      (path, outside) => linkSync(join(outside, 'file'), path),
      (path, outside) => symlinkSync(join(outside, 'file'), path),
      (path) => execFileSync('mkfifo', [path]),
    ];
    for (const trap of traps) {
      const prepare = ({ target }: World, outside: string): void => {
        mkdirSync(target);
        trap(join(target, 'x'), outside);
      };
      await restoreHostile(
        t,
        FILE,
        { options: OVERWRITE, prepare },
        ({ code, stderr }, { target }, outside) => {
          t.is(code, 0, stderr);
          t.true(lstatSync(join(target, 'x')).isFile());
          t.is(readFileSync(join(target, 'x'), 'utf8'), 'evil');
          t.is(lstatSync(join(outside, 'file')).nlink, 1);
        },
      );
      await restoreHostile(t, FILE, { options: ['--allow-existing-dirs'], prepare }, ({ code, stderr }) => {
        t.not(code, 0);
        t.regex(stderr, /"\/?x".*(?:EEXIST|exists)/i);
      });
    }
  },
);

whole('an existing symbolic link at the name of a directory is not entered', async (t) => {
  const children = [subdirectory('x', [{ name: 'file', content: evil }])];
  const prepare = ({ target }: World, outside: string): void => {
    mkdirSync(target);
    symlinkSync(outside, join(target, 'x'));
  };
  await restoreHostile(t, children, { options: OVERWRITE, prepare }, ({ code, stderr }) => {
    t.not(code, 0);
    t.regex(stderr, /"\/?x"/);
  });
});

whole('an archive that one does not trust makes no devices and no setuid programs', async (t) => {
  const device = Buffer.concat([entry(0o060666), item(Item.DEVICE, u64(8, 1))]);
  const program = Buffer.concat([entry(0o106755), item(Item.PAYLOAD, Buffer.from('#!'))]);
  const children = [
    { name: 'a', content: device },
    { name: 'b', content: entry(0o010666) },
    { name: 'c', content: program },
  ];
  const options = ['--no-specials', '--no-setuid'];
  await restoreHostile(t, children, { options }, ({ code, stderr }, { target }) => {
    t.is(code, 0, stderr);
    t.deepEqual(
      ['a', 'b', 'c'].map((name) => existsSync(join(target, name))),
      [false, false, true],
    );
    t.is(lstatSync(join(target, 'c')).mode & 0o7777, 0o755);
  });
});
