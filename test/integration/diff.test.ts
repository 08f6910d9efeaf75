/** `diff`: two snapshots, or a snapshot and a live directory. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { type RunResult, restat, restatOk } from '../support/cli.js';
import { withGoldenStore } from '../support/golden-store.js';
import { isRoot, type World, withWorld } from '../support/world.js';

const TIME = 1_600_000_000;
const DIRECTORIES = ['', 'kept', 'gone', 'gone/deep', 'time'];
const FILES = ['kept/same', 'kept/longer', 'kept/mode', 'gone/deep/file', 'kept/rewritten', 'kind'];

/** Gives everything in the tree the same time. */
function setTimes(source: string, names: readonly string[]): void {
  for (const name of names) utimesSync(join(source, name), TIME, TIME);
}

function makeTree(source: string): void {
  for (const name of DIRECTORIES) mkdirSync(join(source, name), { recursive: true });
  for (const name of FILES) writeFileSync(join(source, name), name, { mode: 0o644 });
  symlinkSync('here', join(source, 'link'));
  linkSync(join(source, 'kept/same'), join(source, 'kept/second'));
  setTimes(source, [...FILES, ...DIRECTORIES]);
}

function changeTree(source: string): void {
  writeFileSync(join(source, 'kept/longer'), 'longer than before');
  writeFileSync(join(source, 'kept/rewritten'), 'KEPT/REWRITTEN');
  chmodSync(join(source, 'kept/mode'), 0o600);
  rmSync(join(source, 'gone'), { recursive: true });
  unlinkSync(join(source, 'link'));
  symlinkSync('there', join(source, 'link'));
  unlinkSync(join(source, 'kind'));
  mkdirSync(join(source, 'kind'));
  writeFileSync(join(source, 'kind/new\nline'), '');
  setTimes(source, ['kept/rewritten', 'kept/longer', 'kept', 'kept/mode', '']);
  utimesSync(join(source, 'time'), TIME + 1, TIME);
  utimesSync(join(source, 'time'), TIME + 1, TIME + 1);
}

/** What `changeTree` comes to; the link's own time cannot be set by Node. */
const CHANGES = [
  '- d root.pxar:/gone',
  '- d root.pxar:/gone/deep',
  '- f root.pxar:/gone/deep/file',
  'M f root.pxar:/kept/longer (size)',
  'M f root.pxar:/kept/mode (mode)',
  'M d root.pxar:/kind (type)',
  '+ f root.pxar:/kind/new\\x0aline',
  'M l root.pxar:/link (time, target)',
  'M d root.pxar:/time (time)',
];

function lines({ stdout }: RunResult): string[] {
  return stdout.split('\n').slice(0, -1);
}

/** A world with two snapshots, the tree changed between them. */
function withChanges(use: (world: World, first: string, second: string) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    makeTree(world.source);
    await world.backup();
    changeTree(world.source);
    await world.backup([], { clockOffset: 3600 });
    const { stdout } = await restatOk([
      ...['snapshot', 'list', 'host/t', '--repository', world.store],
      ...['--output-format', 'json'],
    ]);
    const times = z.array(z.object({ 'backup-time': z.number() })).parse(JSON.parse(stdout));
    const names = times.map((each) => each['backup-time']).sort();
    const [first, second] = names.map(
      (time) => `host/t/${new Date(time * 1000).toISOString().slice(0, -5)}Z`,
    );
    await use(world, first!, second!);
  });
}

test('two snapshots differ in what was changed between them', (t) =>
  withChanges(async ({ store }, first, second) => {
    const diff = async (...words: string[]): Promise<string[]> =>
      lines(await restatOk(['diff', ...words, '--repository', store]));
    t.deepEqual(await diff(first, second), CHANGES);
    t.deepEqual(await diff(first, 'host/t'), CHANGES);
    t.deepEqual(await diff(second, 'host/t'), []);
    const content = 'M f root.pxar:/kept/rewritten (content)';
    t.deepEqual(await diff(first, second, '--content'), CHANGES.toSpliced(5, 0, content));
    const back = await diff(second, first);
    t.is(back.filter((line) => line.startsWith('+')).length, 3);
    const { stdout } = await restatOk([
      ...['diff', first, second, '--output-format', 'json', '--repository', store],
    ]);
    const rows = z
      .array(z.object({ path: z.string(), change: z.string(), aspects: z.array(z.string()) }).loose())
      .parse(JSON.parse(stdout));
    t.is(rows.length, CHANGES.length);
    t.like(rows[3], { path: '/kept/longer', change: 'changed', before: { size: 11 }, after: { size: 18 } });
    t.like(rows[0], { path: '/gone', change: 'removed', after: undefined });
  }));

test('a snapshot and the live directory differ in what was changed since', (t) =>
  withChanges(async ({ store, source }, first) => {
    const diff = (...words: string[]): Promise<RunResult> =>
      restat(['diff', ...words, '--repository', store]);
    t.deepEqual(lines(await diff(first, source)), CHANGES);
    t.deepEqual(lines(await diff('host/t', `${source}/../source`)), []);
    const content = await diff(first, source, '--content');
    t.true(lines(content).includes('M f root.pxar:/kept/rewritten (content)'));
    const missing = await diff(first, `${source}/nothing`);
    t.is(missing.code, 1);
    t.regex(missing.stderr, /nothing/);
    const other = await diff(first, source, '--archive', 'other.pxar');
    t.is(other.stderr, "Error: 'other.pxar' is no pxar archive of the snapshot\n");
  }));

test('an archive that only one snapshot has is added or removed as a whole', (t) =>
  withChanges(async ({ store, source }, first) => {
    const group = ['--backup-id', 'other', '--repository', store];
    await restatOk(['backup', `more.pxar:${source}`, ...group]);
    const all = lines(await restatOk(['diff', first, 'host/other', '--repository', store]));
    t.true(all.includes('+ d more.pxar:/'));
    t.true(all.includes('- d root.pxar:/'));
    t.true(all.every((line) => /^[+-] /.test(line)));
  }));

const test_root = isRoot ? test : test.skip;

test_root('extended attributes, owners and devices count', (t) =>
  withWorld(async (world) => {
    const { source, store } = world;
    for (const name of ['owner', 'attribute']) writeFileSync(join(source, name), '');
    execFileSync('mknod', [join(source, 'device'), 'c', '1', '3']);
    await world.backup();
    execFileSync('chown', ['7:8', join(source, 'owner')]);
    execFileSync('setfattr', ['-n', 'user.word', '-v', 'x', join(source, 'attribute')]);
    execFileSync('rm', [join(source, 'device')]);
    execFileSync('mknod', [join(source, 'device'), 'c', '300', '70000']);
    execFileSync('touch', ['-d', '2020-01-01', join(source, 'device'), source]);
    await world.backup([], { clockOffset: 3600 });
    const { stdout } = await restatOk(['snapshot', 'list', 'host/t', '--repository', store]);
    const [first] = /host\/t\/\S+/.exec(stdout)!;
    const found = lines(await restatOk(['diff', first, 'host/t', '--repository', store]));
    t.deepEqual(found, [
      'M d root.pxar:/ (time)',
      'M f root.pxar:/attribute (attributes)',
      'M c root.pxar:/device (time, device)',
      'M f root.pxar:/owner (owner)',
    ]);
    t.deepEqual(lines(await restatOk(['diff', 'host/t', source, '--repository', store])), []);
  }),
);

test('single and split archives of the same tree are the same', (t) =>
  withGoldenStore(async (store) => {
    const [single, split] = ['host/alpha/2023-11-14T22:30:00Z', 'host/alpha/2023-11-14T22:46:40Z'];
    const found = lines(await restatOk(['diff', single, split, '--repository', store]));
    t.deepEqual(found, ['- f root.pxar:/.pxarexclude-cli']);
  }));
