/** A small world for one test: a directory of its own, a datastore in it, and mounted images. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createStore } from '../../src/repository/local/store.js';
import { type RunOptions, type RunResult, restat } from './cli.js';
import { type Served, withServed } from './served.js';
import { clearTree } from './tree.js';

const run = promisify(execFile);

/** True where tests may mount, make devices and set every attribute. */
export const isRoot = process.geteuid?.() === 0;

/** Calls `use` with a directory that goes away afterwards. */
export async function withTemporaryDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'restat-test-'));
  try {
    return await use(directory);
  } finally {
    await removeTree(directory);
  }
}

/** Deletes a tree, however deep and protected. */
export async function removeTree(directory: string): Promise<void> {
  if (isRoot) await clearTree(directory);
  await run('rm', ['-rf', directory]);
}

/**
 * A directory with a datastore, a source and a name for a target. With RESTAT_TEST_SERVED in the environment, backups and restores go
 * through `restat serve`.
 */
export interface World {
  readonly directory: string;
  readonly store: string;
  /** Empty directory for the tree. */
  readonly source: string;
  /** Does not exist yet. */
  readonly target: string;
  /** `restat backup root.pxar:SOURCE` into group host/t. */
  backup(extra?: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Restores root.pxar of the newest snapshot of host/t into the target. */
  restore(extra?: readonly string[], options?: RunOptions): Promise<RunResult>;
}

function worldIn(directory: string, store: string, served: Served | undefined): World {
  const source = join(directory, 'source');
  const target = join(directory, 'target');
  const where = ['--repository', served?.repository ?? store];
  const withSecrets = (options: RunOptions): RunOptions => ({
    ...options,
    env: { ...served?.env, ...options.env },
  });
  const group = ['--backup-id', 't'];
  return {
    directory,
    store,
    source,
    target,
    backup: (extra = [], options = {}) => {
      const sync = extra.includes('--sync') ? [] : ['--sync', 'none'];
      return restat(
        ['backup', `root.pxar:${source}`, ...where, ...group, ...sync, ...extra],
        withSecrets(options),
      );
    },
    restore: (extra = [], options = {}) =>
      restat(['restore', 'host/t', 'root.pxar', target, ...where, ...extra], withSecrets(options)),
  };
}

/** Calls `use` with a new world in a temporary directory. */
export async function withWorld<T>(use: (world: World) => Promise<T>): Promise<T> {
  return withTemporaryDirectory((directory) => enterWorld(directory, use));
}

async function enterWorld<T>(directory: string, use: (world: World) => Promise<T>): Promise<T> {
  const store = join(directory, 'store');
  // As `restat datastore create`, which would start a program for each test.
  await createStore(store, { forServer: false });
  const enter = async (served?: Served): Promise<T> => {
    const world = worldIn(directory, store, served);
    await mkdir(world.source);
    return use(world);
  };
  if (process.env['RESTAT_TEST_SERVED'] === undefined) return enter();
  const state = join(directory, 'state');
  await mkdir(state, { mode: 0o700 });
  return withServed(store, state, enter);
}

export type FileSystem = 'ext4' | 'xfs';

const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-N', '262144'],
  xfs: ['mkfs.xfs', '-q', '-f'],
};

const IMAGE_SIZE = 2 ** 31;

/** Makes and mounts a sparse image with a new file system. */
export async function withMounted<T>(kind: FileSystem, use: (directory: string) => Promise<T>): Promise<T> {
  return withTemporaryDirectory(async (directory) => {
    const [image, point] = [join(directory, 'image'), join(directory, 'mount')];
    await writeFile(image, '');
    await truncate(image, IMAGE_SIZE);
    const [program, ...options] = MAKE[kind];
    await run(program!, [...options, image]);
    await mkdir(point);
    await run('mount', ['-o', 'loop', image, point]);
    try {
      return await use(point);
    } finally {
      await clearTree(point);
      await run('umount', [point]);
    }
  });
}

/** A world on a new file system. */
export async function withMountedWorld<T>(kind: FileSystem, use: (world: World) => Promise<T>): Promise<T> {
  return withMounted(kind, (directory) => enterWorld(directory, use));
}

/** Mounts a tmpfs while `use` runs. */
export async function withTmpfs<T>(point: string, use: () => Promise<T>): Promise<T> {
  await mkdir(point, { recursive: true });
  await run('mount', ['-t', 'tmpfs', 'restat-test', point]);
  try {
    return await use();
  } finally {
    await run('umount', ['-R', point]);
  }
}
