/** Runs of `restat backup` in mode metadata, each an hour after the one before, and what their summaries say. */
import { z } from 'zod';
import type { RunOptions, RunResult } from './cli.js';
import type { World } from './world.js';

const count = z.object({ files: z.number(), bytes: z.number() });
const stream = z.object({
  size: z.number(),
  chunks: z.number(),
  'new-bytes': z.number(),
  'injected-chunks': z.number(),
});
const summary = z.object({
  snapshot: z.string(),
  files: z.number(),
  hardlinks: z.number(),
  reasons: z.record(z.string(), count),
  archives: z.array(
    z.object({
      archive: z.string(),
      padding: z.object({ entries: z.number(), dead: z.number(), duplicate: z.number() }).nullable(),
      payload: stream,
      metadata: stream.nullable(),
    }),
  ),
});

export interface MetadataRun extends RunResult {
  readonly summary: z.infer<typeof summary>;
  /** Files by the reason why they were read (`reused`: they were not); reasons that no file has are left out. */
  readonly reasons: Readonly<Record<string, number>>;
}

const HOUR = 3600;

/** The summary on the standard output of a run that made a snapshot. */
export function parseRun(result: RunResult): MetadataRun {
  if (result.code !== 0 && result.code !== 3) throw new Error(`exit ${result.code}: ${result.stderr}`);
  const parsed = summary.parse(JSON.parse(result.stdout));
  const reasons = Object.entries(parsed.reasons).filter(([, { files }]) => files > 0);
  return {
    ...result,
    summary: parsed,
    reasons: Object.fromEntries(reasons.map(([name, { files }]) => [name, files])),
  };
}

/** Backs the world's source up `hour` hours from now. */
export async function metadataRun(
  world: World,
  hour: number,
  extra: readonly string[] = [],
  options: RunOptions = {},
): Promise<MetadataRun> {
  const mode = extra.includes('--change-detection-mode') ? [] : ['--change-detection-mode', 'metadata'];
  const chunkSize = extra.includes('--chunk-size') ? [] : ['--chunk-size', '64'];
  const words = [...mode, ...chunkSize, '--output-format', 'json', ...extra];
  return parseRun(await world.backup(words, { clockOffset: hour * HOUR, ...options }));
}
