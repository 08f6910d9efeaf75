// The programs that are compared. Each backs a tree up into a new place and restores it from there; the commands are what is
// measured.
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './measure.js';

const RESTAT = resolve(dirname(fileURLToPath(import.meta.url)), '../../dist/restat.js');

export const restat = {
  name: 'restat',
  version: [process.execPath, RESTAT, 'version'],
  env: () => ({}),
  prepare(place) {
    run([process.execPath, RESTAT, 'datastore', 'create', join(place, 'store')]);
  },
  backup: (place, tree) => [
    process.execPath,
    RESTAT,
    'backup',
    `root.pxar:${tree}`,
    '--repository',
    join(place, 'store'),
    '--backup-id',
    'bench',
  ],
  restore: (place, target) => [
    process.execPath,
    RESTAT,
    'restore',
    'host/bench',
    'root.pxar',
    target,
    '--repository',
    join(place, 'store'),
  ],
  restored: (target) => target,
  stored: (place) => join(place, 'store'),
};

/** Makes a key without a password. */
export function makeKey(path) {
  run([process.execPath, RESTAT, 'key', 'create', '--kdf', 'none', path]);
}

/** restat with options that say how a snapshot is protected. */
export function protectedBy(name, words) {
  return {
    ...restat,
    name,
    backup: (place, tree) => [...restat.backup(place, tree), ...words],
    restore: (place, target) => [...restat.restore(place, target), ...words],
  };
}

export const restic = {
  name: 'restic',
  version: ['restic', 'version'],
  env: (place) => ({ RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: join(place, 'cache') }),
  prepare(place) {
    run(['restic', '-q', '-r', join(place, 'store'), 'init', '--repository-version', '2'], {
      env: this.env(place),
    });
  },
  backup: (place, tree) => ['restic', '-q', '-r', join(place, 'store'), 'backup', tree],
  restore: (place, target) => [
    'restic',
    '-q',
    '-r',
    join(place, 'store'),
    'restore',
    'latest',
    '--target',
    target,
  ],
  // It restores the whole path of the source.
  restored: (target, tree) => join(target, tree),
  stored: (place) => join(place, 'store'),
};

export const tar = {
  name: 'tar',
  version: ['tar', '--version'],
  env: () => ({}),
  prepare: (place) => mkdirSync(join(place, 'store')),
  backup: (place, tree) => ['tar', '--format=posix', '-cf', join(place, 'store/tree.tar'), '-C', tree, '.'],
  restore(place, target) {
    mkdirSync(target);
    return ['tar', 'xpf', join(place, 'store/tree.tar'), '-C', target];
  },
  restored: (target) => target,
  stored: (place) => join(place, 'store'),
};
