/** Trees of plain files for tests of change detection. */
import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes that compress badly and are the same for the same words. */
export function noise(seed: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed}/${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

export interface SampleTree {
  readonly directories: number;
  readonly filesEach: number;
  /** Bytes of each file; they differ by their place. */
  readonly size: number;
  /** Characters of each file's name: long names make a long metadata stream. */
  readonly nameLength?: number;
  /** Modification time of everything, seconds; in 2022 unless told. */
  readonly mtime?: number;
}

/** Name of file `i`, with letters that differ as much as those of people do. */
export function fileName(i: number, nameLength = 4): string {
  const start = `f${String(i).padStart(3, '0')}`;
  return (
    start +
    noise(start, nameLength)
      .toString('hex')
      .slice(0, nameLength - start.length)
  );
}

/** Makes `d00/f000…` and so on below a directory; returns all paths of files in archive order. */
export function makeSampleTree(root: string, tree: SampleTree): string[] {
  const { directories, filesEach, size, nameLength, mtime = 1_650_000_000 } = tree;
  const paths: string[] = [];
  for (let d = 0; d < directories; d += 1) {
    const directory = `d${String(d).padStart(2, '0')}`;
    mkdirSync(join(root, directory));
    for (let f = 0; f < filesEach; f += 1) {
      const path = `${directory}/${fileName(f, nameLength)}`;
      writeFileSync(join(root, path), noise(path, size + d + f));
      utimesSync(join(root, path), mtime, mtime);
      paths.push(path);
    }
    utimesSync(join(root, directory), mtime, mtime);
  }
  utimesSync(root, mtime, mtime);
  return paths;
}
