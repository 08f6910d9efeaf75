import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkSources } from '../../src/backup/check-sources.js';
import { estimateSources } from '../../src/backup/estimate.js';
import type { WalkOptions } from '../../src/backup/options.js';
import { isStandardInput, parseSources, sourceKind } from '../../src/backup/sources.js';
import { withTemporaryDirectory } from '../support/world.js';

const WALK: WalkOptions = {
  excludes: [],
  markers: [],
  largestFile: Number.POSITIVE_INFINITY,
  allFileSystems: false,
  includedDevices: new Set(),
  storedEmpty: new Set(),
  entriesMax: 1000,
};

test('the name of an archive says what its source is', (t) => {
  const sources = parseSources(['a.pxar:/a', 'b.img:/b:c', 'c.conf:c', 'd.log:-']);
  t.deepEqual(sources.map(sourceKind), ['directory', 'image', 'config file', 'log file']);
  t.is(sources[1]!.path, '/b:c');
  t.false(sources.some(isStandardInput));
});

test('a command stands for standard input, under any of its names', (t) => {
  for (const name of ['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']) {
    const sources = parseSources(['a.img:/a', `b.img:${name}`], 'date');
    t.deepEqual(
      sources.map(({ command }) => command),
      [undefined, 'date'],
    );
    t.true(isStandardInput(sources[1]!));
  }
});

test('what comes out of a pipe can be read only once, a command can run again', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const [fifo, file] = [join(directory, 'fifo'), join(directory, 'file')];
    execFileSync('mkfifo', [fifo]);
    writeFileSync(file, 'x');
    const cases = [
      [[`a.img:${fifo}`, `b.conf:${file}`], undefined, true],
      [[`a.img:${file}`, `b.conf:${file}`], undefined, false],
      [['a.img:-'], 'date', false],
    ] as const;
    for (const [words, command, onceOnly] of cases)
      t.deepEqual(await checkSources(parseSources(words, command)), { onceOnly }, words.join(' '));
  });
});

test('images and blobs count with their sizes, and nothing is told of pipes', async (t) => {
  await withTemporaryDirectory(async (directory) => {
    const [image, conf, fifo] = ['image', 'conf', 'fifo'].map((name) => join(directory, name));
    writeFileSync(image!, '');
    truncateSync(image!, 10_000_000);
    writeFileSync(conf!, 'abc');
    execFileSync('mkfifo', [fifo!]);
    const count = (words: readonly string[], command?: string) =>
      estimateSources(parseSources(words, command), WALK, new AbortController().signal);
    t.deepEqual(await count([`a.img:${image}`, `b.conf:${conf}`]), { files: 0, bytes: 10_000_003 });
    await t.throwsAsync(count([`a.img:${image}`, `b.img:${fifo}`]), { message: /pipe/ });
    await t.throwsAsync(count(['b.img:-'], 'date'), { message: /command/ });
  });
});
