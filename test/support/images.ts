/** Images for tests: mostly holes. */
import { execFile } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { decodeIndex } from '../../src/snapshot/archive-index.js';
import type { DynamicIndex } from '../../src/snapshot/dynamic-index.js';
import { bytesOf } from './recipe.js';
import { StoredSnapshot } from './stored-snapshot.js';

const run = promisify(execFile);

export const MIB: number = 1024 * 1024;
export const CHUNK: number = 4 * MIB;

/** Bytes that are the same in every run. */
export function noise(seed: string, length: number): Buffer {
  return bytesOf({ kind: 'drbg', seed, length });
}

/** Makes a sparse file of `size` bytes with data at some offsets. */
export async function makeImage(
  path: string,
  size: number,
  data: readonly (readonly [offset: number, bytes: Buffer])[],
): Promise<string> {
  const file = await open(path, 'wx');
  try {
    await file.truncate(size);
    for (const [offset, bytes] of data) await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
  }
  return path;
}

/** The index of an image in the newest snapshot of a group. */
export async function storedImage(store: string, name: string, group = 'host/t'): Promise<DynamicIndex> {
  const file = `${name}.fidx`;
  return decodeIndex(await readFile(new StoredSnapshot(store, group).path(file)), file);
}

/** Calls `use` with a loop device over a file. */
export async function withLoopDevice<T>(file: string, use: (device: string) => Promise<T>): Promise<T> {
  const { stdout } = await run('losetup', ['--find', '--show', file]);
  const device = stdout.trim();
  try {
    return await use(device);
  } finally {
    await run('losetup', ['--detach', device]);
  }
}

/** True where this process may make loop devices. */
export async function hasLoopDevices(): Promise<boolean> {
  return run('losetup', ['--find']).then(
    () => true,
    () => false,
  );
}

/** Words before a command that give it the output of another one as standard input. */
export function fedBy(command: string): readonly string[] {
  return ['sh', '-c', `${command} | "$@"`, 'sh'];
}
