/** Recorded damage of the golden datastore. */
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { goldenJson } from './golden-store.js';

const edit = z.discriminatedUnion('op', [
  z.object({ path: z.string(), op: z.literal('write'), offset: z.number(), hex: z.string() }),
  z.object({ path: z.string(), op: z.literal('copy_from'), from: z.string() }),
  z.object({ path: z.string(), op: z.literal('delete') }),
  z.object({ path: z.string(), op: z.literal('truncate'), length: z.number() }),
  z.object({ path: z.string(), op: z.literal('replace'), hex: z.string() }),
]);

/** A change of one file of the datastore. */
export type Edit = z.infer<typeof edit>;

const corrupt = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      snapshot: z.string(),
      archive: z.string(),
      edits: z.array(edit),
      restore: z.object({ exit: z.number() }),
    }),
  ),
});

/** What was done to which snapshot, and what the reference client made of it. */
export function corruptCases(): z.infer<typeof corrupt>['cases'] {
  return goldenJson('corrupt.json', corrupt).cases;
}

/** Does it to a copy of the datastore. */
export function apply(store: string, each: Edit): void {
  const path = join(store, each.path);
  if (each.op === 'copy_from') copyFileSync(join(store, each.from), path);
  else if (each.op === 'delete') rmSync(path);
  else if (each.op === 'truncate') truncateSync(path, each.length);
  else if (each.op === 'replace') writeFileSync(path, Buffer.from(each.hex, 'hex'));
  else {
    const bytes = readFileSync(path);
    Buffer.from(each.hex, 'hex').copy(bytes, each.offset);
    writeFileSync(path, bytes);
  }
}
