/** Prices and budgets, chosen from the simulation (docs/change-detection.md). */
import type { PaddingBudget } from './padding.js';
import type { Prices } from './plan.js';

/** An index entry, and a change from reused to read, cost this part of an average chunk at the least, … */
const ENTRY_PART = 128;
/** … and at most so many times that, where the reference has crumbled. */
const MOST = 8;
/** Chunks of files that are all small are this part of the average size: they end where a file begins. */
const SMALL_CHUNK = 0.25;

/**
 * Padding that is needed nowhere costs twice what reading does, padding that stands elsewhere, too, a twentieth. An index entry costs
 * the more the smaller the reference's chunks are in the mean (bytes; undefined without any), so that fragments heal.
 */
export function defaultPrices(averageSize: number, meanChunk: number | undefined): Prices {
  const fragmentation = meanChunk === undefined ? 1 : ((SMALL_CHUNK * averageSize) / meanChunk) ** 2;
  const factor = Math.min(MOST, Math.max(1, fragmentation));
  return { dead: 2, duplicate: 0.05, entry: (averageSize / ENTRY_PART) * factor };
}

/** At most 30 % of a payload archive is padding, 10 % of it needed nowhere. */
export const DEFAULT_BUDGET: PaddingBudget = { all: 0.3, dead: 0.1 };
