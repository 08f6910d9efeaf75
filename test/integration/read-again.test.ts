/** What changed or could not be read during a run is read by the next one, in both layouts. */
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type GateRule, withGate } from '../support/gate.js';
import { type MetadataRun, metadataRun } from '../support/metadata-run.js';
import { noise } from '../support/sample-tree.js';
import { differences, scanTree } from '../support/tree.js';
import { isRoot, removeTree, type World, withWorld } from '../support/world.js';

const whole = isRoot ? test : test.skip;
const LARGE = 1_200_000;
const MTIME = 1_650_000_000;

/** The second opening of a file reads its content. */
const CONTENT = { on: 'open', nth: 2 } as const;

/** A rule without its path. */
type Act = GateRule extends infer R ? (R extends GateRule ? Omit<R, 'path'> : never) : never;

/** What happens to files of these sizes while they are read, and why the next run reads them. */
const CHANGING: Readonly<Record<string, { size: number; act: Act; reason: string }>> = {
  'b-grows': { size: 5000, act: { ...CONTENT, act: 'grow', size: 6000 }, reason: 'size' },
  'd-shrinks': { size: LARGE, act: { ...CONTENT, act: 'shrink', size: 70_000 }, reason: 'size' },
  'f-touched': { size: 5000, act: { ...CONTENT, act: 'touch' }, reason: 'mtime' },
  'h-broken': { size: LARGE, act: { on: 'read', nth: 1, act: 'deny' }, reason: 'untrusted' },
  'j-unread': { size: 5000, act: { on: 'read', nth: 1, act: 'deny' }, reason: 'new' },
};
const LASTING = ['a', 'c', 'e', 'g', 'i', 'k'];

function put({ source }: World, name: string, size: number): void {
  writeFileSync(join(source, name), noise(name, size));
  utimesSync(join(source, name), MTIME, MTIME);
}

/** Files by reason, those that are reused or cost too much to reuse left out. */
function readReasons({ reasons }: MetadataRun): Record<string, number> {
  const { reused: _reused, padding: _padding, ...others } = reasons;
  return others;
}

function countReasons(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of Object.values(CHANGING)) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

async function comesBack(world: World): Promise<string[]> {
  const { code, stderr } = await world.restore();
  if (code !== 0) return [stderr];
  const found = differences(await scanTree(world.source), await scanTree(world.target));
  await removeTree(world.target);
  return found;
}

for (const layout of ['split', 'single']) {
  whole(`what changed or broke while it was read is read by the next run (${layout})`, async (t) => {
    await withWorld(async (world) => {
      const options = ['--layout', layout];
      for (const name of LASTING) put(world, name, 400_000);
      await metadataRun(world, 1, options);
      for (const [name, { size }] of Object.entries(CHANGING)) put(world, name, size);
      const rules = Object.entries(CHANGING).map(
        ([name, { act }]): GateRule => ({ ...act, path: join(world.source, name) }),
      );
      const second = await withGate(rules, () => metadataRun(world, 2, options));
      t.is(second.code, 3, second.stderr);
      t.is(second.reasons['reused'], LASTING.length);
      const third = await metadataRun(world, 3, options);
      t.is(third.code, 0, third.stderr);
      t.deepEqual(readReasons(third), countReasons());
      t.true(third.reasons['reused']! >= LASTING.length - 1, JSON.stringify(third.reasons));
      t.deepEqual(await comesBack(world), []);
      const fourth = await metadataRun(world, 4, options);
      // That is what the touched one has now; who knows change times needs no other.
      t.deepEqual(readReasons(fourth), layout === 'split' ? { 'no mtime': 1 } : {});
      t.deepEqual(await comesBack(world), []);
    });
  });
}
