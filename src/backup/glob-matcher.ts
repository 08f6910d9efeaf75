/**
 * Matching of globs in time linear in the path: patterns may come from anybody whose directory is backed up, and must not be able
 * to keep a backup busy.
 */
import { type GlobToken, parseGlob } from './glob.js';

/** True if the glob matches a path (latin1). */
export type PathMatcher = (path: string) => boolean;

const SLASH = 0x2f;

/** States of the automaton: what a state does with a byte. */
const State = { one: 0, star: 1, enter: 2, inside: 3, anything: 4, accept: 5 } as const;

interface Automaton {
  readonly kinds: Uint8Array;
  /** For state `one` the bytes it takes. */
  readonly sets: readonly (Uint8Array | undefined)[];
}

/** Membership of each byte in a one-byte expression. */
function setOf(source: string): Uint8Array {
  const regexp = new RegExp(`^${source}$`, 's');
  return Uint8Array.from({ length: 256 }, (_, byte) => (regexp.test(String.fromCharCode(byte)) ? 1 : 0));
}

function automaton(tokens: readonly GlobToken[]): Automaton {
  const kinds: number[] = [];
  const sets: (Uint8Array | undefined)[] = [];
  const add = (kind: number, set?: Uint8Array): void => {
    kinds.push(kind);
    sets.push(set);
  };
  for (const token of tokens) {
    if (token.kind === 'one') add(State.one, setOf(token.source));
    else if (token.kind === 'star') add(State.star);
    else if (token.kind === 'anything') add(State.anything);
    else {
      add(State.enter);
      add(State.inside);
    }
  }
  add(State.accept);
  return { kinds: Uint8Array.from(kinds), sets };
}

/** A set of states that remembers its members in a list. */
class StateSet {
  readonly list: number[] = [];
  readonly #has: Uint8Array;
  readonly #kinds: Uint8Array;

  constructor(kinds: Uint8Array) {
    this.#has = new Uint8Array(kinds.length);
    this.#kinds = kinds;
  }

  /** Adds a state and those that are reached from it without a byte. */
  add(state: number): void {
    if (this.#has[state] === 1) return;
    this.#has[state] = 1;
    this.list.push(state);
    const kind = this.#kinds[state]!;
    if (kind === State.star || kind === State.anything) this.add(state + 1);
    else if (kind === State.enter) this.add(state + 2);
  }

  clear(): void {
    for (const state of this.list) this.#has[state] = 0;
    this.list.length = 0;
  }

  get accepts(): boolean {
    return this.#has[this.#kinds.length - 1] === 1;
  }
}

/** What follows when `state` takes `byte`. */
function step({ kinds, sets }: Automaton, state: number, byte: number, next: StateSet): void {
  const kind = kinds[state]!;
  if (kind === State.one) {
    if (sets[state]![byte] === 1) next.add(state + 1);
  } else if (kind === State.star) {
    if (byte !== SLASH) next.add(state);
  } else if (kind === State.anything) {
    next.add(state);
  } else if (kind === State.enter) {
    next.add(state + 1);
    if (byte === SLASH) next.add(state + 2);
  } else if (kind === State.inside) {
    next.add(state);
    if (byte === SLASH) next.add(state + 1);
  }
}

function simulate(machine: Automaton, anchored: boolean): PathMatcher {
  let current = new StateSet(machine.kinds);
  let next = new StateSet(machine.kinds);
  return (path) => {
    current.clear();
    current.add(0);
    for (let i = 0; i < path.length; i += 1) {
      const byte = path.charCodeAt(i);
      next.clear();
      for (const state of current.list) step(machine, state, byte, next);
      // Not anchored: it may also begin behind any slash.
      if (!anchored && byte === SLASH) next.add(0);
      [current, next] = [next, current];
    }
    return current.accepts;
  };
}

function sourceOf(token: GlobToken): string {
  if (token.kind === 'one') return token.source;
  if (token.kind === 'star') return '[^/]*';
  return token.kind === 'directories' ? '(?:[^]*/)?' : '[^]*';
}

/**
 * Matches the whole path; unless `anchored` also any suffix behind a slash. A regular expression is faster and linear enough where
 * a single star can give way; with more it would try all their combinations. Throws BACKUP_PATTERN.
 */
export function compileGlob(pattern: string, anchored: boolean): PathMatcher {
  const tokens = parseGlob(pattern);
  if (tokens.filter(({ kind }) => kind !== 'one').length > 1) return simulate(automaton(tokens), anchored);
  const source = tokens.map(sourceOf).join('');
  const regexp = new RegExp(anchored ? `^(?:${source})$` : `^(?:${source})$|/(?:${source})$`, 's');
  return (path) => regexp.test(path);
}
