/** Keys without passwords, and a small tree whose files are old enough to be reused. */
import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Stands in every file of the tree: nobody should find it in what is encrypted. */
export const MARKER = 'nobody but the key holder reads this';

export interface TestKey {
  readonly secret: Buffer;
  /** The key's file. */
  readonly path: string;
  /** As options. */
  readonly options: readonly string[];
}

/** The secret of the test key of this name. */
export function secretOf(name: string): Buffer {
  return createHash('sha256').update(`key ${name}`).digest();
}

/** Writes a key whose secret comes of its name. */
export function testKey(directory: string, name: string): TestKey {
  const secret = secretOf(name);
  const time = '2023-11-14T22:13:20+00:00';
  const path = join(directory, `${name}.json`);
  const file = { kdf: null, created: time, modified: time, data: secret.toString('base64') };
  writeFileSync(path, JSON.stringify(file), { mode: 0o600 });
  return { secret, path, options: ['--keyfile', path] };
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(seed: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

const OLD = new Date('2020-01-01T00:00:00Z');

/** A file with the marker, as old as all the others. */
export function writeOld(path: string, content: Buffer): void {
  writeFileSync(path, Buffer.concat([Buffer.from(MARKER), content]));
  utimesSync(path, OLD, OLD);
}

/** How many files `fillTree` makes. */
export const TREE_FILES = 24;

/** Twenty small files, four of some hundred kilobytes. */
export function fillTree(directory: string): void {
  mkdirSync(join(directory, 'large'));
  for (let i = 0; i < TREE_FILES - 4; i += 1)
    writeOld(join(directory, `small${i}`), Buffer.alloc(500 + i, `text ${i} `));
  for (let i = 0; i < 4; i += 1) writeOld(join(directory, 'large', `noise${i}`), noise(`${i}`, 300_000));
}
