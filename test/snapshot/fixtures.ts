/** The golden blobs and the golden datastore of test/fixtures. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));

/** Bytes of a file below test/fixtures. */
export function fixture(path: string): Buffer {
  return readFileSync(join(FIXTURES, path));
}

/** Names in a directory below test/fixtures. */
export function fixtureNames(path: string): string[] {
  return readdirSync(join(FIXTURES, path)).sort();
}

/** Everything in the golden datastore but its chunks: path to bytes. */
export function datastoreFiles(): Map<string, Buffer> {
  const directory = mkdtempSync(join(tmpdir(), 'restat-datastore-'));
  try {
    const tar = join(FIXTURES, 'datastore/datastore.tar.zst');
    execFileSync('tar', ['--zstd', '-xf', tar, '--no-same-owner', '--exclude=./.chunks', '-C', directory]);
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const paths = entries.map((entry) => join(entry.parentPath, entry.name));
    return new Map(paths.map((path) => [path.slice(directory.length + 1), readFileSync(path)]));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
