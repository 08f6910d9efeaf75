/** Trees that tests export as tar and zip archives, and what unpacks them. */
import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { restatOk } from './cli.js';
import { noise } from './sample-tree.js';
import { parseEntries, type TreeEntry } from './tree.js';
import { type World, withWorld } from './world.js';

const run = promisify(execFile);
const TREE = fileURLToPath(new URL('../../../test/fixtures/trees/meta.json', import.meta.url));
const UTF8 = { env: { ...process.env, LC_ALL: 'C.UTF-8' } };

/** Layouts of archives, and the options of backups that make them. */
export const LAYOUTS = [
  ['split', []],
  ['single', ['--change-detection-mode', 'legacy']],
] as const;

/** Restores root.pxar of the newest snapshot in a format; the archive's path. */
export async function exported(
  { directory, store }: World,
  format: string,
  ...more: readonly string[]
): Promise<string> {
  const path = join(directory, `out.${format}`);
  const args = ['restore', 'host/t', 'root.pxar', path, '--format', format, '--repository', store];
  await restatOk([...args, ...more]);
  return path;
}

/** Unpacks a tar archive with all that GNU tar can restore. */
export async function untar(archive: string, target: string): Promise<string> {
  mkdirSync(target);
  const what = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner', '--same-owner', '-p'];
  return (await run('tar', [...what, '-xf', archive, '-C', target], UTF8)).stderr;
}

/** Unpacks a zip archive with all that Info-ZIP's unzip can restore. */
export async function unzip(archive: string, target: string): Promise<void> {
  await run('unzip', ['-q', '-X', '-K', '-^', archive, '-d', target], UTF8);
}

/** What a tar archive can hold of an entry: attributes of files and directories only, no flags of file systems. */
export function inTar({ flags: _flags, project: _project, ...entry }: TreeEntry): TreeEntry {
  if (entry.type === 'file' || entry.type === 'dir') return entry;
  const { xattrs: _xattrs, acl_access: _acl, ...rest } = entry;
  return rest;
}

/** The golden tree of every kind of entry and metadata. */
export function goldenTree(): TreeEntry[] {
  const { entries } = z.object({ entries: z.unknown() }).parse(JSON.parse(readFileSync(TREE, 'utf8')));
  return parseEntries(entries).filter(
    ({ path }) => !path.endsWith(Buffer.from('.pxarexclude').toString('hex')),
  );
}

/** Two names of a file, the first below `a`; a symbolic link; a file in several chunks. */
export function makeTree(source: string): void {
  mkdirSync(join(source, 'a'));
  mkdirSync(join(source, 'z'));
  writeFileSync(join(source, 'a/first'), 'content', { mode: 0o640 });
  linkSync(join(source, 'a/first'), join(source, 'z/second'));
  linkSync(join(source, 'a/first'), join(source, 'z/third'));
  symlinkSync('second', join(source, 'z/link'));
  writeFileSync(join(source, 'big'), noise('big', 12 * 1024 * 1024 + 1));
  for (const name of ['a/first', 'big', 'z']) utimesSync(join(source, name), 1_600_000_001, 1_600_000_001);
}

/** A world with one snapshot of that tree. */
export function withTree(use: (world: World) => Promise<void>): Promise<void> {
  return withWorld(async (world) => {
    makeTree(world.source);
    await world.backup();
    await use(world);
  });
}
