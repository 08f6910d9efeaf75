/** Finds names that come twice in a directory, also when an archive does not sort them. pxar.md §2.1. */
import type { Children } from './children.js';

const WORD = 0x1_0000_0000;

/**
 * Names of one open directory. Writers sort them, so the name before is all that is kept. The first name out of order
 * makes it collect the hashes of all children; equal hashes are then compared by name, by the caller, who can read them again.
 */
export class NameOrder {
  #last: Buffer | undefined;
  /** Child numbers by hash. The key has only 53 bits of it, which costs a comparison, never an error. */
  #byHash: Map<number, number[]> | undefined;

  /** Positions of earlier children that may have the name of child i, which was added last. */
  accept(name: Buffer, children: Children): readonly number[] {
    const sorted = this.#last === undefined || this.#last.compare(name) < 0;
    if (sorted) this.#last = name;
    const i = children.count - 1;
    if (sorted && this.#byHash === undefined) return [];
    const byHash = this.#byHash ?? collect(children, i);
    this.#byHash = byHash;
    return put(byHash, children, i).map((child) => children.position(child));
  }

  /** Replaces the name kept for comparison by an equal one: a copy that does not hold a block in memory. */
  keep(copy: Buffer): void {
    if (this.#last?.equals(copy)) this.#last = copy;
  }

  clear(): void {
    this.#last = undefined;
    this.#byHash = undefined;
  }
}

function keyOf(children: Children, i: number): number {
  return children.high(i) * WORD + children.low(i);
}

/** Adds child i and tells which children with its hash were there. */
function put(byHash: Map<number, number[]>, children: Children, i: number): number[] {
  const key = keyOf(children, i);
  const same = byHash.get(key);
  if (same === undefined) {
    byHash.set(key, [i]);
    return [];
  }
  same.push(i);
  return same.slice(0, -1);
}

function collect(children: Children, count: number): Map<number, number[]> {
  const byHash = new Map<number, number[]>();
  for (let i = 0; i < count; i++) put(byHash, children, i);
  return byHash;
}
