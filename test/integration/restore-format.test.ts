/** `restore --format`: what is left out, what fails, and what makes no sense. */
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { z } from 'zod';
import { restat, restatOk, startRestat } from '../support/cli.js';
import { goldenTree, withTree } from '../support/exported.js';
import { StoredSnapshot } from '../support/stored-snapshot.js';
import { buildTree, scanTree } from '../support/tree.js';
import { isRoot, withWorld } from '../support/world.js';

const TERMINAL = fileURLToPath(new URL('../../../test/support/terminal.py', import.meta.url));
const whole = isRoot ? test : test.skip;

const SUMMARY = z.object({
  files: z.number(),
  hardlinks: z.number(),
  specials: z.number(),
  skipped: z.number(),
});

whole('what a format cannot hold is left out with a notice', (t) =>
  withWorld(async ({ directory, source, store, backup }) => {
    await buildTree(
      source,
      goldenTree().filter(
        ({ path }) => path === '' || /^(special|hard)/.test(Buffer.from(path, 'hex').toString()),
      ),
    );
    t.is((await backup()).code, 0);
    const types = (await scanTree(source)).map(({ type, hardlink_to: link }) =>
      link === undefined ? type : 'link',
    );
    const count = (...wanted: string[]): number => types.filter((type) => wanted.includes(type)).length;
    const [sockets, specials] = [count('socket'), count('chr', 'blk', 'fifo')];
    t.true(sockets > 0 && specials > 0 && count('link') > 0);
    const summary = async (format: string): Promise<[z.infer<typeof SUMMARY>, string]> => {
      const target = join(directory, `out.${format}`);
      const args = ['restore', 'host/t', 'root.pxar', target, '--format', format, '--output-format', 'json'];
      const { stdout, stderr } = await restatOk([...args, '--repository', store]);
      return [SUMMARY.parse(JSON.parse(stdout)), stderr];
    };
    const [tar, tarNotices] = await summary('tar');
    t.deepEqual(tar, { files: count('file'), hardlinks: count('link'), specials, skipped: sockets });
    t.regex(tarNotices, /^"special\/[^"]+": left out, since a tar archive cannot hold this socket$/m);
    const [zip, zipNotices] = await summary('zip');
    t.deepEqual(zip, {
      files: count('file', 'link'),
      hardlinks: 0,
      specials: 0,
      skipped: sockets + specials,
    });
    t.regex(zipNotices, /^"special\/null": left out, since a zip archive cannot hold this device$/m);
    t.regex(zipNotices, new RegExp(`^${sockets + specials} left out$`, 'm'));
  }),
);

for (const format of ['tar', 'zip']) {
  const words = (store: string, target: string): string[] => [
    ...['restore', 'host/t', 'root.pxar', target, '--format', format],
    ...['--repository', store],
  ];

  test(`a ${format} archive of a damaged snapshot ends with the error, and leaves no file`, (t) =>
    withTree(async ({ store, target }) => {
      rmSync(new StoredSnapshot(store).chunkFiles('root.ppxar.didx').at(-2)!);
      for (const to of [target, '-']) {
        const { code, stderr } = await restat(words(store, to));
        t.is(code, 1);
        t.regex(stderr, /^Error: chunk /);
        t.false(existsSync(target));
      }
    }));

  test(`nothing is written over by a ${format} archive`, (t) =>
    withTree(async ({ store, target }) => {
      writeFileSync(target, 'here');
      const { code, stderr } = await restat(words(store, target));
      t.is(code, 1);
      t.regex(stderr, /EEXIST/);
      t.is(readFileSync(target, 'utf8'), 'here');
    }));

  test(`a reader that goes away ends a ${format} archive`, (t) =>
    withTree(async ({ store }) => {
      const { process: child, result } = startRestat(words(store, '-'));
      await once(child.stdout!, 'data');
      child.stdout!.destroy();
      t.like(await result, { code: 1, stderr: '' });
    }));

  test(`a ${format} archive is not written to a terminal`, (t) =>
    withTree(async ({ store }) => {
      const { code, stdout } = await restat(words(store, '-'), { wrapper: ['python3', TERMINAL, '[]'] });
      t.is(code, 1);
      t.is(stdout.trim(), 'Error: an archive is not written to a terminal');
    }));
}

test('what a format is for is said in one sentence', (t) =>
  withTree(async ({ store, target }) => {
    const usage = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await restat(['restore', 'host/t', ...words, '--repository', store]);
      t.is(code, 2, stderr);
      return stderr;
    };
    t.regex(await usage('root.pxar', '-', '--format', 'rar'), /--format: 'rar' is none of tar, zip/);
    t.regex(await usage('fstab.conf', '-', '--format', 'tar'), /--format is for pxar archives only/);
    t.regex(await usage('disk.img', '-', '--format', 'zip'), /--format is for pxar archives only/);
    t.regex(await usage('root.pxar', '-', '--pattern', 'a'), /--pattern cannot be used .* without --format/);
    for (const option of ['--overwrite', '--no-specials', '--prelude-target=x'])
      t.regex(
        await usage('root.pxar', target, '--format', 'tar', option),
        new RegExp(`${option.split('=')[0]} cannot be used with --format`),
      );
  }));
