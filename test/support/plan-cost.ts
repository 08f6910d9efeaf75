/**
 * The cost of a set of decisions, computed from its definition and not as the plan does it; and the reference client's
 * greedy rule (change-detection.md §6, with the end test of §13.1) to compare with.
 */
import { PayloadMap } from '../../src/detect/payload-map.js';
import type { PlanOptions } from '../../src/detect/plan.js';
import { DynamicIndex } from '../../src/snapshot/dynamic-index.js';

export const HEADER = 16;

/** A file of the new run in archive order: fresh, or unchanged with its old payload at `offset`. */
export interface PlannedFile {
  readonly size: number;
  readonly offset: number | undefined;
}

/** An index whose entries have these lengths; equal numbers in `digests` are the same chunk. */
export function indexOf(
  lengths: readonly number[],
  digests: readonly number[] = [...lengths.keys()],
): DynamicIndex {
  const entries = Buffer.alloc(40 * lengths.length);
  let end = 0;
  for (const [i, length] of lengths.entries()) {
    end += length;
    entries.writeBigUInt64LE(BigInt(end), 40 * i);
    entries.writeUInt32LE(digests[i]! + 1, 40 * i + 8);
  }
  return new DynamicIndex({ uuid: Buffer.alloc(16), ctime: 0, entries }, 'test.ppxar.didx');
}

/** A map of an old stream with the given files in it, of which some are gone. */
export function mapOf(
  index: DynamicIndex,
  files: readonly { readonly offset: number; readonly size: number; readonly gone?: boolean }[],
  treeEnd?: number,
): PayloadMap {
  const starts = Float64Array.from(files, ({ offset }) => offset);
  const ends = Float64Array.from(files, ({ offset, size }) => offset + HEADER + size);
  const map = new PayloadMap(index, { starts, ends, ...(treeEnd === undefined ? {} : { treeEnd }) });
  for (const { offset, gone } of files) if (gone === true) map.forget(offset);
  return map;
}

interface Placement {
  /** Index entries injected, with the bytes of them that files refer to in this injection. */
  readonly entries: { readonly entry: number; referenced: number }[];
  readonly encodedBytes: number;
  readonly switches: number;
}

/** What decisions put into the stream; `readsBetween`: what is read stands between what is injected. */
export function place(
  files: readonly PlannedFile[],
  reuse: readonly boolean[],
  map: PayloadMap,
  readsBetween: boolean,
): Placement {
  const entries: { entry: number; referenced: number }[] = [];
  let encodedBytes = 0;
  let switches = 0;
  let last: { entry: number; offset: number } | undefined;
  for (const [i, { size, offset }] of files.entries()) {
    if (reuse[i] !== true || offset === undefined) {
      encodedBytes += HEADER + size;
      if (!readsBetween) continue;
      if (last !== undefined) switches += 1;
      last = undefined;
      continue;
    }
    const end = offset + HEADER + size;
    for (let entry = map.entryAt(offset); entry < map.count && map.start(entry) < end; entry += 1) {
      const inside = offset - map.start(entry);
      const shares =
        last !== undefined &&
        map.chunkOf(last.entry) === map.chunkOf(entry) &&
        inside > last.offset - map.start(last.entry);
      if (!shares) entries.push({ entry, referenced: 0 });
      entries.at(-1)!.referenced += Math.min(end, map.ends[entry]!) - Math.max(offset, map.start(entry));
      last = { entry, offset };
    }
    last = { entry: map.entryAt(end - 1), offset };
  }
  return { entries, encodedBytes, switches };
}

/** Cost of decisions by the definition of the plan. */
export function costOf(
  files: readonly PlannedFile[],
  reuse: readonly boolean[],
  map: PayloadMap,
  { prices, readsBetween }: PlanOptions,
): number {
  const { entries, encodedBytes, switches } = place(files, reuse, map, readsBetween);
  let cost = encodedBytes + prices.entry * (entries.length + switches);
  for (const { entry, referenced } of entries) {
    const { used, dead } = map.bytes(entry);
    cost += prices.dead * dead + prices.duplicate * (used - referenced);
  }
  return cost;
}

const GREEDY_LIMIT = 0.1;

/** Decisions of the greedy rule: groups of contiguous unchanged files, all or nothing by the share of padding. */
export function greedy(files: readonly PlannedFile[], map: PayloadMap): boolean[] {
  const reuse = files.map(() => false);
  let held: { entry: number; padding: number } | undefined;
  const flush = (group: readonly number[], keepLast: boolean): void => {
    if (group.length === 0) {
      held = undefined;
      return;
    }
    const start = files[group[0]!]!.offset!;
    const tail = files[group.at(-1)!]!;
    const end = tail.offset! + HEADER + tail.size;
    const first = map.entryAt(start);
    const last = map.entryAt(end - 1);
    let padding = start - map.start(first) + map.ends[last]! - end;
    const total = end - start + padding;
    const previous = held;
    held = undefined;
    if (previous?.entry === first) padding -= map.length(first) - previous.padding;
    if (padding / total > GREEDY_LIMIT) return;
    for (const i of group) reuse[i] = true;
    if (keepLast)
      held = {
        entry: last,
        padding: map.ends[last]! - end + (first === last ? start - map.start(first) : 0),
      };
  };
  let group: number[] = [];
  for (const [i, { offset }] of files.entries()) {
    const before = group.length === 0 ? undefined : files[group.at(-1)!]!;
    const contiguous = before === undefined || offset === before.offset! + HEADER + before.size;
    if (offset !== undefined && contiguous) {
      group.push(i);
      continue;
    }
    flush(group, offset !== undefined);
    group = offset === undefined ? [] : [i];
  }
  flush(group, false);
  return reuse;
}
