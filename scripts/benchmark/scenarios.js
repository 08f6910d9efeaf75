// What is measured: each scenario returns the rows of its table.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { dataTree } from './data.js';
import { image } from './image.js';
import { layouts } from './layouts.js';
import { compareTrees, measure, storedBytes, warm } from './measure.js';
import { makeKey, protectedBy, restat } from './tools.js';
import { unchanged } from './unchanged.js';

const remove = (path) => rmSync(path, { recursive: true, force: true });

/** One backup and one restore by one program, in a place of its own. */
function backUpAndRestore({ tool, tree, place, check }) {
  const options = { directory: place, env: tool.env(place) };
  tool.prepare(place);
  const before = storedBytes(tool.stored(place));
  const backup = measure(tool.backup(place, tree), options);
  const stored = storedBytes(tool.stored(place)) - before;
  const target = join(place, 'restored');
  const restore = measure(tool.restore(place, target), options);
  if (check) compareTrees(tree, tool.restored(target, tree));
  return { backup, restore, stored };
}

/**
 * Programs in turn on one tree. Trees of many files are left to be deleted at the very end: ext4 is slow to make files
 * shortly after many were deleted.
 */
function compared(name, { directory, runs, tools }, { deleteEachRun, reference = 'restic' }) {
  const tree = dataTree(directory, name);
  warm(tree);
  const work = mkdtempSync(join(directory, 'work-'));
  const results = new Map(tools.map((tool) => [tool, []]));
  for (let number = 0; number <= runs; number += 1) {
    for (const tool of tools) {
      const place = join(work, `${tool.name}-${number}`);
      mkdirSync(place);
      const result = backUpAndRestore({ tool, tree, place, check: number === 0 });
      if (number > 0) results.get(tool).push(result);
      if (deleteEachRun) remove(place);
    }
    process.stderr.write(`${name}: ${number === 0 ? 'discarded run' : `run ${number} of ${runs}`} done\n`);
  }
  return rowsOf(name, results, reference);
}

function rowsOf(name, results, other) {
  const reference = [...results].find(([tool]) => tool.name === other)?.[1];
  return ['backup', 'restore'].flatMap((action) =>
    [...results].map(([tool, list]) => ({
      label: `${name}: ${action}`,
      name: tool.name,
      samples: list.map((result) => result[action]),
      reference: reference?.map((result) => result[action]),
      stored: action === 'backup' ? list.at(-1).stored : undefined,
    })),
  );
}

/** The same trees plain and encrypted. */
function encrypted({ directory, runs }) {
  const key = join(mkdtempSync(join(directory, 'work-')), 'key.json');
  makeKey(key);
  const tools = [protectedBy('none', ['--crypt-mode', 'none']), protectedBy('encrypt', ['--keyfile', key])];
  const options = { directory, runs, tools };
  return ['small', 'large'].flatMap((name) =>
    compared(name, options, { deleteEachRun: name === 'large', reference: tools[0].name }),
  );
}

/** Peak memory of restat alone, one run of each tree. */
function million({ directory }) {
  return ['million', 'wide'].flatMap((name) => {
    const tree = dataTree(directory, name);
    warm(tree);
    const place = mkdtempSync(join(directory, 'work-'));
    const { backup, restore, stored } = backUpAndRestore({ tool: restat, tree, place, check: true });
    return [
      { label: `${name}: backup`, name: restat.name, samples: [backup], stored },
      { label: `${name}: restore`, name: restat.name, samples: [restore] },
    ];
  });
}

function startup({ directory, runs, tools }) {
  const samples = new Map(tools.map((tool) => [tool, []]));
  for (let number = 0; number <= runs; number += 1) {
    for (const tool of tools) {
      const sample = measure(tool.version, { directory });
      if (number > 0) samples.get(tool).push(sample);
    }
  }
  const reference = [...samples].find(([tool]) => tool.name === 'restic')?.[1];
  return [...samples].map(([tool, list]) => ({
    label: 'startup',
    name: tool.name,
    samples: list,
    reference,
  }));
}

export const SCENARIOS = {
  startup,
  small: (options) => compared('small', options, { deleteEachRun: false }),
  large: (options) => compared('large', options, { deleteEachRun: true }),
  million,
  unchanged,
  image,
  layouts,
  encrypted,
};
