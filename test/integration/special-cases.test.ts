/** One tree with everything that makes trees hard goes into a snapshot and comes back equal in content and metadata. */
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { metadataRun } from '../support/metadata-run.js';
import { buildTree, differences, scanTree, type TreeEntry } from '../support/tree.js';
import { isRoot, removeTree, type World, withMountedWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const HOUR = 3600;

type Details = Partial<TreeEntry>;

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

function entry(path: string, type: TreeEntry['type'], details: Details = {}): TreeEntry {
  const mode = type === 'dir' ? '0755' : '0644';
  return {
    path: hex(path),
    type,
    mode,
    uid: 1000,
    gid: 1001,
    mtime: { s: 1_600_000_000, ns: 1 },
    ...details,
  };
}

function file(path: string, text = path, details: Details = {}): TreeEntry {
  return entry(path, 'file', { content: { kind: 'literal', hex: hex(text) }, ...details });
}

/** A directory and what is in it, each child named below it. */
function directory(path: string, children: readonly TreeEntry[], details: Details = {}): TreeEntry[] {
  const below = children.map((child) => ({ ...child, path: hex(`${path}/`) + child.path }));
  return [entry(path, 'dir', details), ...below];
}

const ACL = ['user::rwx', 'user:1001:rwx', 'group::r-x', 'group:2001:r-x', 'mask::rwx', 'other::r-x'];

const NAMES = [
  file('n'.repeat(255)),
  file('\xff\xfe\x80', 'no UTF-8'),
  file('new\nline'),
  file('\x01\x1b[31m'),
  file(' '),
  file('-rf'),
  file('\xc3\xa9 and \xc3\xa9'),
  ...directory('d'.repeat(255), [file('in')]),
];

/** Contents; `sparse` is the length of a file that is nearly all hole. */
const contents = (sparse: number): TreeEntry[] => [
  file('empty', ''),
  entry('sparse', 'file', {
    content: {
      kind: 'sparse',
      length: sparse,
      data: [
        { offset: 1 << 20, content: { kind: 'drbg', seed: 'a', length: 5000 } },
        { offset: sparse - 10_000, content: { kind: 'drbg', seed: 'b', length: 4096 } },
      ],
    },
  }),
  entry('only-hole', 'file', { content: { kind: 'sparse', length: 3_000_000, data: [] } }),
  entry('large', 'file', { content: { kind: 'quad', seed: 'large', length: 9_000_001 } }),
];

const LINKS = [
  file('a-first', 'several names'),
  ...directory('below', [entry('second', 'file', { hardlink_to: hex('links/a-first') })]),
  entry('symlink', 'symlink', { mode: '0777', target: hex('\xff/no/such') }),
  entry('third', 'file', { hardlink_to: hex('links/a-first') }),
];

const SPECIALS = [
  entry('block', 'blk', { rdev: [7, 300], mode: '0660' }),
  entry('character', 'chr', { rdev: [511, 200_000], mode: '0600' }),
  entry('fifo', 'fifo', { mode: '0622' }),
  entry('socket', 'socket', { mode: '0777' }),
];

const ATTRIBUTES = [
  ...directory('acl', [file('named', 'n', { mode: '0775', acl_access: ACL })], {
    mode: '2775',
    acl_access: ACL,
    acl_default: ['user::rwx', 'user:1002:rw-', 'group::r-x', 'mask::rwx', 'other::---'],
  }),
  file('capable', '#!', { mode: '0755', fcaps: '0100000200200000000000000000000000000000' }),
  file('capable-setuid', '#!', { mode: '4755', fcaps: '0000000220000000000000000000000000000000' }),
  file('setgid', 's', { mode: '2755' }),
  file('setuid', 's', { mode: '4711', uid: 0, gid: 0 }),
  ...directory('sticky', [], { mode: '1777' }),
  file('unreadable', 'u', { mode: '0000' }),
  file('xattrs', 'x', {
    xattrs: [
      { name: 'user.empty', value: '' },
      { name: 'user.bytes', value: '00ff0a00' },
      { name: 'trusted.t', value: '74' },
      { name: `user.${'n'.repeat(250)}`, value: hex('long name') },
    ],
  }),
];

const PROJECTS = directory('projects', [file('inherits', 'p', { project: 42 })], {
  project: 42,
  flags: ['projinherit'],
});

const TIMES = [
  file('before-epoch', 't', { mtime: { s: -1, ns: 999_999_999 } }),
  entry('dir-far', 'dir', { mtime: { s: 15_000_000_000, ns: 7 } }),
  file('earliest', 't', { mtime: { s: -2_147_483_648, ns: 0 } }),
  file('epoch', 't', { mtime: { s: 0, ns: 0 } }),
  file('far-future', 't', { mtime: { s: 15_032_385_535, ns: 999_999_999 } }),
  entry('link-old', 'symlink', { mode: '0777', target: hex('x'), mtime: { s: -5, ns: 5 } }),
];

const FLAGS = [
  file('append', 'a', { flags: ['append'] }),
  ...directory('append-dir', [file('in')], { flags: ['append'] }),
  file('immutable', 'i', { flags: ['immutable'] }),
  ...directory(
    'immutable-dir',
    [file('in', 'i', { flags: ['immutable'] }), ...directory('sub', [file('in')])],
    {
      flags: ['immutable', 'nodump'],
    },
  ),
  file('linked', 'l', { flags: ['immutable'] }),
  entry('linked-again', 'file', { hardlink_to: hex('flags/linked') }),
  file('nodump', 'n', { flags: ['nodump'] }),
];

/** 200 levels with names of 40 bytes: more than PATH_MAX. */
function deep(): TreeEntry[] {
  const step = 'directory-with-a-name-of-some-length'.padEnd(40, '-');
  const paths = Array.from({ length: 200 }, (_, i) =>
    Array(i + 1)
      .fill(step)
      .join('/'),
  );
  return [...paths.map((path) => entry(path, 'dir')), file(`${paths.at(-1)!}/bottom`, 'deep down')];
}

const CROWD = 100_000;

/** A directory with 100,000 entries: files, links to them, symbolic links. */
function crowd(path: string): void {
  mkdirSync(path);
  for (let i = 0; i < CROWD; i += 1) {
    const name = join(path, `entry-${i}`);
    if (i % 4 === 0) writeFileSync(name, i % 100 === 0 ? `content ${i}` : '');
    else if (i % 4 === 1) linkSync(join(path, `entry-${i - 1}`), name);
    else symlinkSync(`entry-${i - (i % 4)}`, name);
  }
  utimesSync(path, 1, 1);
}

/** Restores the newest snapshot and compares it with the source as it was. */
async function comesBack(t: ExecutionContext, before: readonly TreeEntry[], world: World): Promise<void> {
  const { target, restore } = world;
  const restored = await restore();
  t.is(restored.code, 0, restored.stderr);
  const after = await scanTree(target);
  t.deepEqual(differences(before, after), []);
  for (const name of ['sparse', 'only-hole']) {
    const [was, is] = [before, after].map((all) => all.find(({ path }) => path === hex(`contents/${name}`)));
    t.true(is!.holes! >= was!.holes!, `${name}: ${is!.holes} of ${was!.holes}`);
  }
  await removeTree(target);
}

/** Backs the world's source up, restores it, compares. */
async function roundTrip(
  t: ExecutionContext,
  world: World,
  options: readonly string[] = [],
  clockOffset = 0,
): Promise<void> {
  const before = await scanTree(world.source);
  const stored = await world.backup(options, { clockOffset });
  t.is(stored.code, 0, stored.stderr);
  await comesBack(t, before, world);
}

/** Files with times near the epoch, which say nothing: every run reads them that does not know change times. */
const TIMELESS = 2;

/** Backs the same tree up again, `hour` hours from now in mode metadata: most files are reused. Restores it, compares. */
async function roundTripAgain(
  t: ExecutionContext,
  world: World,
  options: readonly string[],
  hour: number,
): Promise<void> {
  const before = await scanTree(world.source);
  const { reasons, summary, code } = await metadataRun(world, hour, options);
  t.is(code, 0);
  t.is(reasons['no mtime'], options.includes('single') ? undefined : TIMELESS);
  t.true(reasons['reused']! >= 0.8 * summary.files, JSON.stringify(reasons));
  await comesBack(t, before, world);
}

function treeWith(attributes: readonly TreeEntry[], sparse: number): TreeEntry[] {
  return [
    entry('', 'dir', { mode: '0750', mtime: { s: 1_234_567_890, ns: 123_456_789 } }),
    ...directory('attributes', attributes),
    ...directory('contents', contents(sparse)),
    ...directory('deep', deep()),
    ...directory('flags', FLAGS),
    ...directory('links', LINKS),
    ...directory('names', NAMES),
    ...directory('specials', SPECIALS),
    ...directory('times', TIMES),
  ];
}

whole('a tree with every special case comes back equal in content and every metadata field', async (t) => {
  t.timeout(300_000);
  await withMountedWorld('ext4', async (world) => {
    await buildTree(world.source, treeWith(ATTRIBUTES, 4_400_000_000));
    crowd(join(world.source, 'crowd'));
    await roundTrip(t, world);
  });
});

const SINGLE = ['--layout', 'single'];

whole(
  'a tree with every special case comes back from a single archive and from its successor, with positions beyond 4 GiB',
  async (t) => {
    t.timeout(300_000);
    await withMountedWorld('ext4', async (world) => {
      await buildTree(world.source, treeWith(ATTRIBUTES, 4_400_000_000));
      // Everything has just been made: an hour later no change time is racy.
      await roundTrip(t, world, [...SINGLE, '--change-detection-mode', 'metadata'], HOUR);
      await roundTripAgain(t, world, SINGLE, 2);
    });
  },
);

whole(
  'project ids and every special case come back on a file system with projects, in all modes',
  async (t) => {
    t.timeout(300_000);
    await withMountedWorld('xfs', async (world) => {
      await buildTree(world.source, treeWith([...ATTRIBUTES, ...PROJECTS], 40_000_000));
      await roundTrip(t, world);
      await roundTripAgain(t, world, [], 1);
      await roundTrip(t, world, ['--change-detection-mode', 'legacy'], 2 * HOUR);
      await metadataRun(world, 3, SINGLE);
      for (const hour of [4, 5]) await roundTripAgain(t, world, SINGLE, hour);
    });
  },
);
