/** Random edit sequences: snapshots in mode metadata are those of mode data but for the documented blind spot. */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { restatOk } from '../support/cli.js';
import { type Checked, runSequence, runSequences } from '../support/oracle/sequence.js';
import { differences, scanTree } from '../support/tree.js';

const SIZES = {
  split: { sequences: 300, generations: 3, longer: 8, restoreEvery: 1 },
  // An appendix is made of the one before: errors may show late.
  single: { sequences: 8, generations: 20, longer: 20, restoreEvery: 4 },
} as const;
const LAYOUTS = ['split', 'single'] as const;
const PLANTED = 40;

const hasSetfattr = ['/usr/bin', '/bin', '/usr/local/bin'].some((path) => existsSync(join(path, 'setfattr')));
const edited = hasSetfattr ? test : test.skip;

for (const layout of LAYOUTS) {
  const { sequences, generations, longer, restoreEvery } = SIZES[layout];

  edited(`${sequences} random edit sequences give the snapshots of full runs (${layout})`, async (t) => {
    t.timeout(600_000);
    let done = 0;
    const seeds = Array.from({ length: sequences }, (_, i) => i + 1);
    await runSequences(seeds, { layout, generations }, () => {
      done += 1;
    });
    t.is(done, sequences);
  });

  edited(
    `a longer sequence restores to the live tree wherever no change was unseen (${layout})`,
    async (t) => {
      t.timeout(300_000);
      let restored = 0;
      const check = async ({ generation, store, source, isWhole }: Checked): Promise<void> => {
        if (layout === 'single') t.true(isWhole);
        if (generation % restoreEvery !== 0) return;
        const target = join(store, '..', 'target');
        await restatOk(['restore', 'host/m', 'root.pxar', target, '--repository', store]);
        const found = differences(await scanTree(source), await scanTree(target));
        if (isWhole) t.deepEqual(found, []);
        else t.true(found.length > 0);
        restored += isWhole ? 1 : 0;
        rmSync(target, { recursive: true });
      };
      await runSequence(1001, { layout, generations: longer, onGeneration: check });
      t.true(restored >= 1, 'no generation without an unseen change');
    },
  );
}

/** Runs the torture program, with a bug planted. */
function torture(words: readonly string[], bug?: string): Promise<{ code: number | null; stderr: string }> {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const module = new URL(`../support/oracle/planted-bug.js?${bug}`, import.meta.url);
  const planted = bug === undefined ? [] : ['--import', module.href];
  const child = spawn(process.execPath, [...planted, at('../torture/oracle.js'), ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (block: Buffer) => said.push(block));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stderr: Buffer.concat(said).toString() }));
  });
}

const FOUND = /sequence \d+: .*(?:content differs|was reused, but cannot be unchanged)/;

for (const [layout, bug, found] of [
  ['split', 'without-mtime', FOUND],
  ['single', 'without-ctime', FOUND],
  ['single', 'wrong-place', /sequence \d+: .*no PAYLOAD header of its size/],
] as const) {
  edited(`the sequences find a planted bug: ${bug} (${layout})`, async (t) => {
    t.timeout(300_000);
    const planted = await torture([String(PLANTED), '1', layout], bug);
    t.is(planted.code, 1, planted.stderr);
    t.regex(planted.stderr, found);
  });
}

edited('the program of the planted bugs finds nothing where there is none', async (t) => {
  const sound = await torture(['2', '1']);
  t.is(sound.code, 0, sound.stderr);
});
