/** Sources that cannot be what their archives need, and images that change or are damaged. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { restat } from '../support/cli.js';
import { withGate } from '../support/gate.js';
import { CHUNK, MIB, makeImage, noise, storedImage } from '../support/images.js';
import { type Place, withPlace } from '../support/place.js';
import { editFile, flip, StoredSnapshot } from '../support/stored-snapshot.js';
import { isRoot } from '../support/world.js';

const GROUP = ['--backup-id', 't'];
const gated = isRoot ? test : test.skip;
/** Files can be as long there as files can be. */
const MEMORY = '/dev/shm';
const inMemory = existsSync(MEMORY) ? test : test.skip;

/** One of each kind of file. */
function makeFiles(directory: string): void {
  writeFileSync(join(directory, 'file'), 'x');
  writeFileSync(join(directory, 'empty'), '');
  writeFileSync(join(directory, 'long'), '');
  truncateSync(join(directory, 'long'), 128 * MIB + 1);
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  symlinkSync('file', join(directory, 'link'));
}

test('sources are looked at before anything is begun', async (t) => {
  await withPlace('local', async ({ directory, store, run }) => {
    makeFiles(directory);
    const at = (name: string): string => join(directory, name);
    const refused = [
      [[`a.img:${directory}`], /got unexpected file type \(expected file, block device, or fifo\): '/],
      [
        ['a.img:/dev/null'],
        /got unexpected file type \(expected file, block device, or fifo\): '\/dev\/null'/,
      ],
      [['a.img:-'], /got unexpected file type \(expected file, block device, or fifo\): '-'/],
      [[`a.img:${at('empty')}`], /is empty: an image has at least one byte/],
      [[`a.img:${at('nothing')}`], /unable to access '.*nothing' - ENOENT/],
      [[`a.conf:${directory}`], /got unexpected file type \(expected regular file\): '/],
      [[`a.log:${at('fifo')}`], /got unexpected file type \(expected regular file\): '/],
      [[`a.log:${at('long')}`], /'.*long' has 134217729 bytes: a \.conf or \.log archive holds at most/],
      [[`a.pxar:${at('file')}`], /got unexpected file type \(expected directory\): '/],
      [[`a.img:${at('fifo')}`, `b.img:${at('fifo')}`], /'.*fifo' stands for two archives/],
      [[`good.conf:${at('file')}`, `a.img:${at('nothing')}`], /unable to access/],
      [[`a.img:${store}/.lock`], /is empty|belongs to the repository/],
    ] as const;
    for (const [sources, said] of refused) {
      const { code, stderr } = await run(['backup', ...sources, ...GROUP]);
      t.is(code, 1, stderr);
      t.regex(stderr, said);
      t.notRegex(stderr, /Starting backup/);
    }
    t.false(readdirSync(store).includes('host'));
  });
});

test('words that make no sense are misuse', async (t) => {
  const wrong = [
    [['a.img:-', 'b.img:/dev/stdin'], /only one archive can be made of standard input/],
    [['a.img:/tmp/x', '--stdin-command', 'true'], /a command needs a source NAME\.img:-/],
    [['a.conf:-', '--stdin-command', 'true'], /a command needs a source NAME\.img:-/],
    [['a.img:x', 'a.img:y'], /got target twice: 'a\.img'/],
    [['a.raw:x'], /archives are called NAME\.pxar, NAME\.img, NAME\.conf or NAME\.log/],
  ] as const;
  for (const [words, said] of wrong) {
    const { code, stderr } = await restat(['backup', ...words, '--repository', '/nonexistent/store']);
    t.is(code, 2, stderr);
    t.regex(stderr, said);
  }
});

test('what lies in the repository is no source', async (t) => {
  await withPlace('local', async ({ directory, store, run, ok }) => {
    writeFileSync(join(directory, 'conf'), 'x');
    await ok(['backup', `a.conf:${join(directory, 'conf')}`, ...GROUP]);
    const own = new StoredSnapshot(store).path('a.conf.blob');
    const { code, stderr } = await run(['backup', `b.img:${own}`, ...GROUP], { clockOffset: 60 });
    t.is(code, 1);
    t.regex(stderr, /belongs to the repository/);
  });
});

test('a blob holds what a file gives, not what its size says', async (t) => {
  await withPlace('local', async ({ directory, ok }) => {
    await ok(['backup', 'a.conf:/proc/version', ...GROUP]);
    await ok(['restore', 'host/t', 'a.conf', join(directory, 'target')]);
    t.is(readFileSync(join(directory, 'target'), 'utf8'), readFileSync('/proc/version', 'utf8'));
  });
});

inMemory('a file of holes that is longer than any image is refused', async (t) => {
  const directory = mkdtempSync(join(MEMORY, 'restat-test-'));
  try {
    const path = join(directory, 'disk');
    for (const size of [2 ** 49, 2 ** 62]) {
      execFileSync('truncate', ['--size', String(BigInt(size)), path]);
      await withPlace('local', async ({ run }) => {
        const { code, stderr } = await run(['backup', `disk.img:${path}`, ...GROUP]);
        t.is(code, 1, stderr);
        t.regex(stderr, /'.*disk' has \d+ bytes, an image at most 419430400000000/);
      });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a file whose container would be too long is refused by name', async (t) => {
  await withPlace('local', async ({ directory, store, run }) => {
    const path = join(directory, 'noise');
    writeFileSync(path, noise('long', 16 * MIB + 100));
    const { code, stderr } = await run(['backup', `a.conf:${path}`, ...GROUP]);
    t.is(code, 1);
    t.regex(stderr, /'.*noise': 16777\d{3} bytes when compressed, at most 16777260 can be stored/);
    t.deepEqual(readdirSync(join(store, 'host/t')), ['owner']);
  });
});

for (const [act, size, said] of [
  ['shrink', 5 * MIB, /size changed from 12582912 to 5242880 bytes .*: zeros stand for what was missing/],
  ['grow', 20 * MIB, /size changed from 12582912 to 20971520 bytes .*: the rest is left out/],
] as const)
  gated(`an image that is made to ${act} while it is read keeps its size, with a warning`, async (t) => {
    await withPlace('local', async ({ directory, store, run, ok }) => {
      const content = noise(act, 12 * MIB);
      const image = join(directory, 'disk');
      writeFileSync(image, content);
      const result = await withGate([{ path: image, on: 'read', nth: 2, act, size }], () =>
        run(['backup', `disk.img:${image}`, ...GROUP]),
      );
      t.is(result.code, 3, result.stderr);
      t.regex(result.stderr, said);
      t.is((await storedImage(store, 'disk.img')).size, 12 * MIB);
      await ok(['restore', 'host/t', 'disk.img', join(directory, 'target')]);
      const expected = act === 'grow' ? content : Buffer.from(content).fill(0, size);
      t.true(readFileSync(join(directory, 'target')).equals(expected));
    });
  });

gated('an image that cannot be read to its end fails the backup, and nothing of it remains', async (t) => {
  await withPlace('local', async ({ directory, store, run }) => {
    const image = join(directory, 'disk');
    writeFileSync(image, noise('deny', 12 * MIB));
    const { code, stderr } = await withGate([{ path: image, on: 'read', nth: 3, act: 'deny' }], () =>
      run(['backup', `disk.img:${image}`, ...GROUP]),
    );
    t.is(code, 1);
    t.regex(stderr, /unable to read '.*disk': EPERM: Operation not permitted, pread/);
    t.deepEqual(readdirSync(join(store, 'host/t')), ['owner']);
  });
});

gated('a chunk that cannot be read is not blamed on the image', async (t) => {
  await withPlace('local', async ({ directory, store, ok, run }) => {
    const path = join(directory, 'disk');
    writeFileSync(path, noise('blame', MIB));
    await ok(['backup', `disk.img:${path}`, ...GROUP]);
    const digest = (await storedImage(store, 'disk.img')).digest(0).toString('hex');
    const chunk = join(store, '.chunks', digest.slice(0, 4), digest);
    const { code, stderr } = await withGate([{ path: chunk, on: 'read', nth: 1, act: 'deny' }], () =>
      run(['backup', `disk.img:${path}`, '--backup-id', 'other']),
    );
    t.is(code, 1, stderr);
    t.regex(stderr, /EPERM.*\.chunks/);
    t.notRegex(stderr, /unable to read/);
  });
});

test('holes are not read', async (t) => {
  await withPlace('local', async ({ directory, ok }) => {
    const image = await makeImage(join(directory, 'disk'), 2 ** 40, [[2 ** 39, noise('far', 1000)]]);
    const { stderr } = await ok(['backup', `disk.img:${image}`, ...GROUP]);
    t.regex(stderr, /disk\.img: had to backup 8 MiB of 1 TiB/);
    await ok(['restore', 'host/t', 'disk.img', join(directory, 'target')]);
    t.is(statSync(join(directory, 'target')).size, 2 ** 40);
    t.true(statSync(join(directory, 'target')).blocks * 512 <= 8 * MIB);
  });
});

async function withStoredImage(use: (place: Place, stored: StoredSnapshot) => Promise<void>): Promise<void> {
  await withPlace('local', async (place) => {
    const data = [[0, noise('d', 6 * MIB)]] as const;
    const image = await makeImage(join(place.directory, 'disk'), 6 * MIB + 1, data);
    await place.ok(['backup', `disk.img:${image}`, ...GROUP]);
    await use(place, new StoredSnapshot(place.store));
  });
}

test('a damaged chunk or index is named, and no target is left', async (t) => {
  const damages: readonly (readonly [string, RegExp, (stored: StoredSnapshot, store: string) => void])[] = [
    [
      'chunk',
      /disk\.img\.fidx: chunk [0-9a-f]{64}: /,
      (stored, store) => {
        const digest = readFileSync(stored.path('disk.img.fidx')).toString('hex', 4128, 4160);
        editFile(join(store, '.chunks', digest.slice(0, 4), digest), flip(500_000));
      },
    ],
    [
      'entry',
      /disk\.img\.fidx: at byte \d+: 6291457 bytes with checksum .*, the manifest says/,
      (stored) => stored.edit('disk.img.fidx', flip(4100)),
    ],
    [
      'cut',
      /disk\.img\.fidx: at byte \d+: 4128 bytes for an image of 6291457 bytes/,
      (stored) => stored.edit('disk.img.fidx', (bytes) => bytes.subarray(0, 4128)),
    ],
    [
      'size',
      /disk\.img\.fidx: at byte \d+: 6291458 bytes with checksum/,
      (stored) =>
        stored.edit('disk.img.fidx', (bytes) => {
          bytes.writeBigUInt64LE(BigInt(6 * MIB + 2), 64);
          return undefined;
        }),
    ],
    [
      'magic',
      /disk\.img\.fidx: at byte \d+: not a fixed index/,
      (stored) => stored.edit('disk.img.fidx', flip(0)),
    ],
  ];
  for (const [what, said, damage] of damages)
    await withStoredImage(async ({ directory, store, run }, stored) => {
      damage(stored, store);
      const target = join(directory, 'target');
      const { code, stderr } = await run(['restore', 'host/t', 'disk.img', target]);
      t.is(code, 1, what);
      t.regex(stderr, said, what);
      t.throws(() => statSync(target), { code: 'ENOENT' }, what);
      const piped = await run(['restore', 'host/t', 'disk.img', '-']);
      t.is(piped.code, 1, what);
      t.regex(piped.stderr, said, what);
    });
});

test('a header whose checksum is wrong does not matter: it is computed', async (t) => {
  await withStoredImage(async ({ directory, ok }, stored) => {
    stored.edit('disk.img.fidx', flip(40));
    await ok(['restore', 'host/t', 'disk.img', join(directory, 'target')]);
    t.is(statSync(join(directory, 'target')).size, 6 * MIB + 1);
  });
});

test('only what has changed of an image is stored again', async (t) => {
  await withPlace('local', async ({ directory, ok }) => {
    const image = join(directory, 'disk');
    const content = noise('change', 5 * CHUNK);
    writeFileSync(image, content);
    await ok(['backup', `disk.img:${image}`, ...GROUP]);
    content.writeUInt8(content.readUInt8(9 * MIB) ^ 1, 9 * MIB);
    writeFileSync(image, content);
    const { stderr } = await ok(['backup', `disk.img:${image}`, ...GROUP], { clockOffset: 60 });
    t.regex(stderr, /disk\.img: had to backup 4 MiB of 20 MiB/);
    t.regex(stderr, /disk\.img: backup was done incrementally, reused 16 MiB \(80\.0%\)/);
  });
});
