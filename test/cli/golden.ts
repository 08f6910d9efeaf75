/** The golden datastore of test/fixtures as a store that the command line can read, and recorded runs of the reference client. */
import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type RunResult, restat } from '../support/cli.js';
import { withGoldenStore } from '../support/golden-store.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));

function parsed<T>(path: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(readFileSync(join(FIXTURES, path), 'utf8')));
}

const misuse = z.object({
  client: z.array(
    z.object({
      case: z.string(),
      arguments: z.array(z.string()),
      environment: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** Wrong and odd command lines that the reference client was given. */
export const misuses = parsed('cli/misuse.json', misuse).client;

const outputs = z.array(
  z.object({
    arguments: z.array(z.string()),
    environment: z.record(z.string(), z.string()).optional(),
    stdout: z.string(),
    json: z.json().optional(),
  }),
);

/** Outputs of the reference client. */
export const recordedOutputs = parsed('cli/outputs.json', outputs);

export interface Golden {
  /** Holds `store`, the directories `alpha` and `blobs` (of keys), and the file `vm.conf`. */
  readonly directory: string;
  /** Runs restat there, with the golden store as the repository. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunResult>;
}

/** Calls `use` with a fresh copy of the golden datastore and a small tree beside it. */
export function withGolden<T>(use: (golden: Golden) => Promise<T>): Promise<T> {
  return withGoldenStore(async (store) => {
    const directory = dirname(store);
    await mkdir(join(directory, 'alpha/sub'), { recursive: true });
    for (const name of ['one', 'two', 'three', 'sub/four'])
      await writeFile(join(directory, 'alpha', name), name);
    await writeFile(join(directory, 'vm.conf'), 'memory: 1\n');
    await cp(join(FIXTURES, 'keys'), join(directory, 'blobs'), { recursive: true });
    const run: Golden['run'] = (args, env = {}) =>
      restat(args, {
        wrapper: ['env', '-C', directory],
        env: { PBS_REPOSITORY: store, LC_ALL: 'C.UTF-8', ...env },
      });
    return use({ directory, run });
  });
}
