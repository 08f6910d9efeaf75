/** Prices and budgets, chosen from the simulation (docs/change-detection.md). */
import type { PaddingBudget } from './padding.js';
import type { Prices } from './plan.js';

/** An index entry, and a change from reused to read, cost this part of an average chunk. */
const ENTRY_PART = 32;

/** Padding that is needed nowhere costs what reading does; padding that stands elsewhere, too, a tenth of it. */
export function defaultPrices(averageSize: number): Prices {
  return { dead: 1, duplicate: 0.1, entry: averageSize / ENTRY_PART };
}

/** At most 30 % of a payload archive is padding, 10 % of it needed nowhere. */
export const DEFAULT_BUDGET: PaddingBudget = { all: 0.3, dead: 0.1 };
