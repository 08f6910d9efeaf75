/** Files of patterns: one a line, `#` comments and blank lines ignored. */
import { readFile } from 'node:fs/promises';
import { UsageError } from './errors.js';

/** The patterns as latin1, one character a byte. */
export async function readPatternFile(path: string): Promise<string[]> {
  const text = await readFile(path, 'latin1').catch((cause: unknown) => {
    throw new UsageError(
      `cannot read patterns from '${path}': ${cause instanceof Error ? cause.message : cause}`,
    );
  });
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
