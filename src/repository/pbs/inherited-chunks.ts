/** What an earlier run has stored in a checkpoint: the next one keeps it, whether it has come so far itself or not. */
import type { IndexEntries } from '../../native-chunk.js';
import { parseServerName, type ServerName } from '../../snapshot/archive-names.js';
import { type DynamicIndex, ENTRY_SIZE } from '../../snapshot/dynamic-index.js';
import type { Seal } from '../seal.js';
import type { Base } from './base.js';

/** An archive of a checkpoint that holds chunks of earlier runs in no order; no archive of a user has a dot in its name. */
export const EARLIER_NAME: ServerName = parseServerName('restat.earlier-incomplete.ppxar.didx');

/**
 * Makes all chunks of a checkpoint known, and lists them once each, as the entries of one index. What cannot be read is left out; all of
 * it where the checkpoint has not the signature that the seal asks for: the list will be signed, too.
 */
export async function inheritedChunks(base: Base, seal: Seal): Promise<IndexEntries> {
  const manifest = (await base.openFor(seal).catch(() => undefined))?.manifest;
  if (manifest === undefined) return Buffer.alloc(0);
  const seen = new Set<string>();
  const entries: Buffer[] = [];
  let end = 0;
  for (const { filename, cryptMode } of manifest.files) {
    if (!seal.shares(cryptMode)) continue;
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
