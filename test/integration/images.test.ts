/** Images, blobs and standard input through the command line: into a directory and through a server. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import {
  CHUNK,
  fedBy,
  hasLoopDevices,
  MIB,
  makeImage,
  noise,
  storedImage,
  withLoopDevice,
} from '../support/images.js';
import { PLACES, withPlace } from '../support/place.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { isRoot } from '../support/world.js';

const GROUP = ['--backup-id', 't'];
const looped = isRoot && (await hasLoopDevices()) ? test : test.skip;

const streams = z.object({
  archives: z.array(
    z.object({
      archive: z.string(),
      payload: z.object({ size: z.number(), 'new-chunks': z.number(), 'known-chunks': z.number() }),
      metadata: z.null(),
    }),
  ),
});

function snapshotsOf(store: string): string[] {
  return readdirSync(join(store, 'host/t')).filter((name) => /^\d{4}-/.test(name));
}

for (const kind of PLACES) {
  test(`an image with holes comes back as it was, ${kind}`, async (t) => {
    await withPlace(kind, async ({ directory, store, ok }) => {
      const data = [
        [0, noise('a', 100_000)],
        [9 * MIB, noise('b', 5 * MIB)],
      ] as const;
      const image = await makeImage(join(directory, 'disk'), 61 * MIB + 333, data);
      await ok(['backup', `disk.img:${image}`, ...GROUP]);
      const index = await storedImage(store, 'disk.img');
      t.is(index.count, 16);
      t.is(index.size, 61 * MIB + 333);
      t.is(index.end(0), CHUNK);
      const target = join(directory, 'target');
      await ok(['restore', 'host/t', 'disk.img', target]);
      t.true(readFileSync(target).equals(readFileSync(image)));
      t.true(statSync(target).blocks * 512 < 30 * MIB);
      t.is(statSync(target).mode & 0o777, 0o600);
      const again = await ok(['backup', `disk.img:${image}`, ...GROUP, '--output-format', 'json'], {
        clockOffset: 60,
      });
      const { archives } = streams.parse(JSON.parse(again.stdout));
      t.is(archives[0]!.payload['new-chunks'], 0);
      t.is(archives[0]!.payload['known-chunks'], 16);
    });
  });

  test(`trees, images and blobs stand in the snapshot in the order given, ${kind}`, async (t) => {
    await withPlace(kind, async ({ directory, store, ok }) => {
      const image = await makeImage(join(directory, 'disk'), 5 * MIB, [[0, noise('a', 1000)]]);
      const [conf, log] = [join(directory, 'conf'), join(directory, 'log')];
      writeFileSync(conf, 'memory: 2048\n'.repeat(100));
      writeFileSync(log, '');
      mkdirSync(join(directory, 'tree'));
      const tree = `root.pxar:${join(directory, 'tree')}`;
      const sources = [`a.log:${log}`, `disk.img:${image}`, tree, `vm.conf:${conf}`];
      const { stderr } = await ok(['backup', ...sources, ...GROUP]);
      t.regex(stderr, /Backing up log file '.*log' to .* as a\.log\.blob/);
      t.regex(stderr, /Backing up image '.*disk' to .* as disk\.img\.fidx/);
      t.regex(stderr, /disk\.img: had to backup 5 MiB of 5 MiB/);
      const { files } = new StoredSnapshot(store).manifest();
      t.deepEqual(
        files.map(({ filename }) => String(filename)),
        ['a.log.blob', 'disk.img.fidx', 'root.ppxar.didx', 'root.mpxar.didx', 'vm.conf.blob'],
      );
      for (const { filename, size } of files)
        if (filename.endsWith('.blob'))
          t.is(size, statSync(new StoredSnapshot(store).path(filename)).size, filename);
      const shown = await ok(['restore', 'host/t', 'vm.conf', '-']);
      t.is(shown.stdout, readFileSync(conf, 'utf8'));
      await ok(['restore', 'host/t', 'a.log', join(directory, 'empty')]);
      t.is(readFileSync(join(directory, 'empty'), 'utf8'), '');
    });
  });

  test(`standard input is an image whose size shows at its end, ${kind}`, async (t) => {
    await withPlace(kind, async ({ directory, store, ok }) => {
      const content = noise('in', 9 * MIB + 7);
      writeFileSync(join(directory, 'content'), content);
      for (const [i, name] of ['-', '/dev/stdin'].entries()) {
        const wrapper = fedBy(`cat '${join(directory, 'content')}'`);
        await ok(['backup', `in.img:${name}`, ...GROUP], { wrapper, clockOffset: 60 * i });
        t.is((await storedImage(store, 'in.img')).size, content.length);
        const target = join(directory, `target${i}`);
        await ok(['restore', 'host/t', 'in.img', target]);
        t.true(readFileSync(target).equals(content), name);
      }
    });
  });

  test(`a command's output is an image, ${kind}`, async (t) => {
    await withPlace(kind, async ({ directory, store, ok }) => {
      const command = "echo 'it says so' >&2; printf 'hello %s' world | tr a-z A-Z";
      const { stderr } = await ok(['backup', 'out.img:-', '--stdin-command', command, ...GROUP]);
      t.regex(stderr, /^it says so$/m);
      t.notRegex(stderr, /printf/);
      await ok(['restore', 'host/t', 'out.img', join(directory, 'target')]);
      t.is(readFileSync(join(directory, 'target'), 'utf8'), 'HELLO WORLD');
      t.is((await storedImage(store, 'out.img')).count, 1);
    });
  });

  test(`nothing remains of the backup of a command that fails, ${kind}`, async (t) => {
    await withPlace(kind, async ({ store, ok, run }) => {
      await ok(['backup', 'out.img:-', '--stdin-command', 'echo first', ...GROUP]);
      const failures = [
        ['head -c 9000000 /dev/zero; exit 3', /the command for standard input ended with exit code 3/],
        ['echo x; kill -KILL $$', /the command for standard input was ended by SIGKILL/],
        ['true', /out\.img: nothing was read/],
        ['/nonexistent/program', /ended with exit code 127/],
      ] as const;
      for (const [command, said] of failures) {
        const words = ['backup', 'out.img:-', '--stdin-command', command, ...GROUP];
        const { code, stderr } = await run(words, { clockOffset: 60 });
        t.is(code, 1, command);
        t.regex(stderr, said, command);
        t.is(snapshotsOf(store).length, 1, command);
      }
    });
  });

  test(`a FIFO is an image, ${kind}`, async (t) => {
    await withPlace(kind, async ({ directory, ok }) => {
      const fifo = join(directory, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const content = noise('fifo', 4 * MIB);
      writeFileSync(join(directory, 'content'), content);
      const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', join(directory, 'content'), fifo]);
      const ended = once(writer, 'exit');
      await ok(['backup', `in.img:${fifo}`, ...GROUP]);
      await ended;
      await ok(['restore', 'host/t', 'in.img', join(directory, 'target')]);
      t.true(readFileSync(join(directory, 'target')).equals(content));
    });
  });

  test(`a dry run stores nothing and runs no command, ${kind}`, async (t) => {
    await withPlace(kind, async ({ directory, store, ok }) => {
      const image = await makeImage(join(directory, 'disk'), 5 * MIB, []);
      const conf = join(directory, 'conf');
      writeFileSync(conf, 'x');
      const ran = join(directory, 'ran');
      const sources = [`disk.img:${image}`, `c.conf:${conf}`, 'out.img:-'];
      const words = ['backup', ...sources, '--stdin-command', `touch '${ran}'`, ...GROUP, '--dry-run'];
      const { stdout } = await ok([...words, '--output-format', 'json']);
      t.deepEqual(
        streams.parse(JSON.parse(stdout)).archives.map(({ payload }) => payload.size),
        [5 * MIB, 1, 0],
      );
      t.throws(() => statSync(ran));
      const left = new Set(readdirSync(join(store, '.chunks')));
      t.true(left.size === 0 || kind === 'served');
    });
  });
}

looped('a block device is backed up and written over', async (t) => {
  await withPlace('local', async ({ directory, ok, run }) => {
    const size = 10 * MIB;
    const first = await makeImage(join(directory, 'first'), size, [[5 * MIB, noise('dev', 1000)]]);
    await withLoopDevice(first, (device) => ok(['backup', `disk.img:${device}`, ...GROUP]));
    const other = await makeImage(join(directory, 'other'), size + MIB, [
      [0, Buffer.alloc(size + MIB, 0x5a)],
    ]);
    await withLoopDevice(other, (device) => ok(['restore', 'host/t', 'disk.img', device]));
    const written = readFileSync(other);
    t.true(written.subarray(0, size).equals(readFileSync(first)));
    t.true(written.subarray(size).equals(Buffer.alloc(MIB, 0x5a)));
    const small = await makeImage(join(directory, 'small'), MIB, [[0, Buffer.alloc(MIB, 0x5a)]]);
    await withLoopDevice(small, async (device) => {
      const { code, stderr } = await run(['restore', 'host/t', 'disk.img', device]);
      t.is(code, 1);
      t.regex(stderr, /has 1048576 bytes, disk\.img\.fidx needs 10485760: nothing was written/);
    });
    t.true(readFileSync(small).equals(Buffer.alloc(MIB, 0x5a)));
  });
});

looped('a device that is in use is not written over', async (t) => {
  await withPlace('local', async ({ directory, ok, run }) => {
    const image = await makeImage(join(directory, 'image'), 64 * MIB, []);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    await ok(['backup', `disk.img:${image}`, ...GROUP]);
    const point = join(directory, 'mount');
    execFileSync('mkdir', [point]);
    await withLoopDevice(image, async (device) => {
      execFileSync('mount', [device, point]);
      try {
        const { code, stderr } = await run(['restore', 'host/t', 'disk.img', device]);
        t.is(code, 1);
        t.regex(stderr, /unable to create target file .* EBUSY/);
      } finally {
        execFileSync('umount', [point]);
      }
    });
  });
});

test('a checkpoint keeps what came of an image, and the next backup sends only the rest', async (t) => {
  await withPlace('served', async ({ directory, store, start, ok }) => {
    const content = noise('checkpoint', 9 * MIB);
    const [whole, go] = [join(directory, 'content'), join(directory, 'go')];
    writeFileSync(whole, content);
    const held = `head -c ${8 * MIB} '${whole}'; while [ ! -e '${go}' ]; do sleep 0.05; done; exit 1`;
    const words = ['backup', 'out.img:-', '--checkpoint-interval', '1', ...GROUP];
    const first = start([...words, '--stdin-command', held]);
    first.process.stderr!.on('data', (text: Buffer) => {
      if (text.includes('Checkpoint:')) writeFileSync(go, '');
    });
    const { code, stderr } = await first.result;
    t.is(code, 1, stderr);
    const kept = new StoredSnapshot(store).manifest();
    t.deepEqual(
      kept.files.map(({ filename }) => String(filename)),
      ['out-incomplete.img.didx'],
    );
    const second = await ok([...words, '--stdin-command', `cat '${whole}'`], { clockOffset: 60 });
    t.regex(second.stderr, /out\.img: had to backup 1 MiB of 9 MiB/);
    t.is(snapshotsOf(store).length, 1);
    await ok(['restore', 'host/t', 'out.img', join(directory, 'target')]);
    t.true(readFileSync(join(directory, 'target')).equals(content));
  });
});

for (const [what, words] of [
  ['a FIFO', (fifo: string) => [`in.img:${fifo}`]],
  ['a command', () => ['in.img:-', '--stdin-command', 'sleep 1000']],
] as const)
  test(`who waits for ${what} can be interrupted`, async (t) => {
    await withPlace('local', async ({ directory, store, start }) => {
      const fifo = join(directory, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const { process, result } = start(['backup', ...words(fifo), ...GROUP]);
      process.stderr!.on('data', (text: Buffer) => {
        if (text.includes('Backing up')) process.kill('SIGINT');
      });
      const { code } = await result;
      t.is(code, 130);
      t.deepEqual(readdirSync(join(store, 'host/t')), ['owner']);
    });
  });
