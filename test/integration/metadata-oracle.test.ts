/** Random edit sequences: snapshots in mode metadata are those of mode data but for the documented blind spot. */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { restatOk } from '../support/cli.js';
import { runSequence, runSequences } from '../support/oracle/sequence.js';
import { differences, scanTree } from '../support/tree.js';

/** Fewer where RESTAT_TEST_FEW is set: where tests run a second time, for another Node. */
const SEQUENCES = process.env['RESTAT_TEST_FEW'] === undefined ? 300 : 60;
const GENERATIONS = 3;
const PLANTED = 40;

const hasSetfattr = ['/usr/bin', '/bin', '/usr/local/bin'].some((path) => existsSync(join(path, 'setfattr')));
const edited = hasSetfattr ? test : test.skip;

edited(`${SEQUENCES} random edit sequences give the snapshots of full runs`, async (t) => {
  t.timeout(600_000);
  let done = 0;
  const seeds = Array.from({ length: SEQUENCES }, (_, i) => i + 1);
  await runSequences(seeds, GENERATIONS, () => {
    done += 1;
  });
  t.is(done, SEQUENCES);
});

edited('a longer sequence restores to the live tree wherever no change was unseen', async (t) => {
  let restored = 0;
  await runSequence(1001, 8, async (store, source, isWhole) => {
    const target = join(store, '..', 'target');
    await restatOk(['restore', 'host/m', 'root.pxar', target, '--repository', store]);
    const found = differences(await scanTree(source), await scanTree(target));
    if (isWhole) t.deepEqual(found, []);
    else t.true(found.length > 0);
    restored += isWhole ? 1 : 0;
    rmSync(target, { recursive: true });
  });
  t.true(restored >= 1, 'no generation without an unseen change');
});

/** Runs the torture program, with a module loaded before it. */
function torture(
  words: readonly string[],
  preload?: string,
): Promise<{ code: number | null; stderr: string }> {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const planted = preload === undefined ? [] : ['--import', new URL(preload, import.meta.url).href];
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

edited('the sequences find a comparison that takes no notice of modification times', async (t) => {
  t.timeout(300_000);
  const sound = await torture(['2', '1']);
  t.is(sound.code, 0, sound.stderr);
  const planted = await torture([String(PLANTED), '1'], '../support/oracle/without-mtime.js');
  t.is(planted.code, 1, planted.stderr);
  t.regex(planted.stderr, /sequence \d+: .*(?:content differs|was reused, but cannot be unchanged)/);
});
