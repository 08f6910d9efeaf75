/** Runs of `restat backup` in mode metadata whose archives are single, and what comes of them. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { RunOptions } from './cli.js';
import { type MetadataRun, metadataRun } from './metadata-run.js';
import { readSingle, type SingleArchive } from './single-archive.js';
import { differences, scanTree } from './tree.js';
import type { World } from './world.js';

/** Bytes of a PAYLOAD item's header. */
const HEADER = 16;
const SINGLE = ['--layout', 'single'];

/** Backs the world's source up as a single archive, `hour` hours from now. */
export function singleRun(
  world: World,
  hour: number,
  extra: readonly string[] = [],
  options: RunOptions = {},
): Promise<MetadataRun> {
  const layout = extra.includes('--layout') ? [] : SINGLE;
  return metadataRun(world, hour, [...layout, ...extra], options);
}

/** Names of the archives for which the run says that it has a reference. */
export function referencesOf({ stderr }: MetadataRun): string[] {
  const said = stderr.matchAll(/^Using previous catalog as metadata reference for '(.*)'$/gm);
  return [...said].map(([, name]) => name!);
}

/** Paths of the files of an archive whose contents are in its appendix, or those whose are not, in archive order. */
export function pathsOf({ entries }: SingleArchive, isReference: boolean): string[] {
  return entries
    .filter((entry) => entry.kind === 'file' && entry.isReference === isReference)
    .map(({ path }) => path.slice(1));
}

/** What differs between the live tree and a restore of the newest snapshot; the target is made anew. */
export async function restoredDifferences(world: World): Promise<string[]> {
  rmSync(world.target, { recursive: true, force: true });
  const { code, stderr } = await world.restore();
  if (code !== 0) return [stderr];
  return differences(await scanTree(world.source), await scanTree(world.target));
}

/** The newest snapshot follows all rules and restores to the live tree. */
export async function isTrue(t: ExecutionContext, world: World): Promise<void> {
  t.deepEqual((await readSingle(world.store, 'host/t')).problems, []);
  t.deepEqual(await restoredDifferences(world), []);
}

/** The newest snapshot follows all rules, and every file in it has the content of the live one. */
export async function holdsLive(t: ExecutionContext, { store, source }: World, what: string): Promise<void> {
  const { entries, payload, problems } = await readSingle(store, 'host/t');
  t.deepEqual(problems, [], what);
  for (const { path, kind, offset, size } of entries) {
    const content = payload.subarray(offset + HEADER, offset + HEADER + size);
    if (kind === 'file') t.true(content.equals(readFileSync(join(source, path))), `${what}: ${path}`);
  }
}
