/** Images for tests: mostly holes. */
import { execFile } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { decodeIndex } from '../../src/snapshot/archive-index.js';
import type { DynamicIndex } from '../../src/snapshot/dynamic-index.js';
import { bytesOf, recipe } from './recipe.js';
import { StoredSnapshot } from './stored-snapshot.js';

const run = promisify(execFile);

export const MIB: number = 1024 * 1024;
export const CHUNK: number = 4 * MIB;

/** Bytes that are the same in every run. */
export function noise(seed: string, length: number): Buffer {
  return bytesOf({ kind: 'drbg', seed, length });
}

const SOURCES = fileURLToPath(new URL('../../../test/fixtures/protocol/sources.json', import.meta.url));
const recorded = z.object({
  files: z.object({ conf: z.object({ hex: z.string() }), log: recipe, image: recipe }),
});

/** The files that the reference client backed up: `image` is the one of the golden datastore, too. */
export async function recordedFiles(): Promise<Readonly<Record<'conf' | 'log' | 'image', Buffer>>> {
  const { files } = recorded.parse(JSON.parse(await readFile(SOURCES, 'utf8')));
  return { conf: Buffer.from(files.conf.hex, 'hex'), log: bytesOf(files.log), image: bytesOf(files.image) };
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
