/** Runs under strace, and what they read. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.js';

/** System calls that read a file's contents. */
const READS = 'read,pread64,readv,preadv,preadv2,mmap,sendfile,copy_file_range,splice,io_uring_enter';

export const hasStrace: boolean = ['/usr/bin', '/bin', '/usr/local/bin'].some((path) =>
  existsSync(join(path, 'strace')),
);

/** Calls `run` with words to put before a command: what it makes, and the files below the world's source from which it read contents, sorted. */
export async function tracedReads<T>(
  world: World,
  run: (wrapper: string[]) => Promise<T>,
): Promise<{ run: T; read: string[] }> {
  const path = join(world.directory, 'strace');
  const result = await run(['strace', '-f', '-qq', '-y', '-e', `trace=${READS}`, '-o', path]);
  const below = `${world.source}/`;
  const read = [...readFileSync(path, 'latin1').matchAll(/<([^<>]+)>/g)]
    .map(([, name]) => name!)
    .filter((name) => name.startsWith(below))
    .map((name) => name.slice(below.length));
  return { run: result, read: [...new Set(read)].sort() };
}
