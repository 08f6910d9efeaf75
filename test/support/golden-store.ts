/** The golden datastore, unpacked, and what the reference programs said of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { withTemporaryDirectory } from './world.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/datastore/', import.meta.url));

/** A fixture of the golden datastore as text. */
export function goldenText(path: string): string {
  return readFileSync(join(FIXTURES, path), 'utf8');
}

/** A JSON fixture of the golden datastore. */
export function goldenJson<T>(path: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(goldenText(path)));
}

const snapshots = z.array(
  z.object({
    directory: z.string(),
    snapshot: z.string(),
    namespace: z.string(),
    key: z.string().nullable(),
    files: z.array(z.string()),
    options: z.array(z.string()),
  }),
);

export type GoldenSnapshot = z.infer<typeof snapshots>[number];

/** All of them, also encrypted and signed ones. */
export function goldenSnapshots(): GoldenSnapshot[] {
  return goldenJson('snapshots.json', snapshots);
}

/** Snapshots that are neither encrypted nor signed. */
export function plainSnapshots(): GoldenSnapshot[] {
  return goldenSnapshots().filter(({ key }) => key === null);
}

const KEYS = fileURLToPath(new URL('../../../test/fixtures/keys/', import.meta.url));

/** The password of all recorded keys. */
export const KEY_PASSWORD = 'correct horse 1';

/** Path of a recorded key. */
export function goldenKey(name: string): string {
  return join(KEYS, name);
}

/** The key of a snapshot as options. */
export function keyOptions({ key }: GoldenSnapshot): string[] {
  return key === null ? [] : ['--keyfile', goldenKey(key)];
}

/** Calls `use` with a fresh copy of the datastore and a name for a target. */
export function withGoldenStore<T>(use: (store: string, target: string) => Promise<T>): Promise<T> {
  return withTemporaryDirectory((directory) => {
    const store = join(directory, 'store');
    mkdirSync(store);
    const tar = join(FIXTURES, 'datastore.tar.zst');
    execFileSync('tar', ['--zstd', '-xf', tar, '--no-same-owner', '-C', store]);
    return use(store, join(directory, 'target'));
  });
}
