/** What an earlier run has stored in a checkpoint: the next one keeps it, whether it has come so far itself or not. */
import type { IndexEntries } from '../../native-chunk.js';
import { parseServerName, type ServerName } from '../../snapshot/archive-names.js';
import { type DynamicIndex, ENTRY_SIZE } from '../../snapshot/dynamic-index.js';
import type { Base } from './base.js';

/** An archive of a checkpoint that holds chunks of earlier runs in no order; no archive of a user has a dot in its name. */
export const EARLIER_NAME: ServerName = parseServerName('restat.earlier-incomplete.ppxar.didx');

/** Makes all chunks of a checkpoint known, and lists them once each, as the entries of one index. What cannot be read is left out. */
export async function inheritedChunks(base: Base): Promise<IndexEntries> {
  const { manifest } = await base.open();
  const seen = new Set<string>();
  const entries: Buffer[] = [];
  let end = 0;
  for (const { filename } of manifest.files) {
    const index = await base.register(filename).catch(() => undefined);
    if (index !== undefined) end = addChunks(index, seen, entries, end);
  }
  return Buffer.concat(entries);
}

function addChunks(index: DynamicIndex, seen: Set<string>, entries: Buffer[], from: number): number {
  let end = from;
  for (let i = 0; i < index.count; i += 1) {
    const digest = index.digest(i);
    const key = digest.toString('latin1');
    if (seen.has(key)) continue;
    seen.add(key);
    end += index.end(i) - index.start(i);
    const entry = Buffer.alloc(ENTRY_SIZE);
    entry.writeBigUInt64LE(BigInt(end));
    digest.copy(entry, 8);
    entries.push(entry);
  }
  return end;
}
