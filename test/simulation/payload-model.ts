/** A payload stream without its bytes: files are numbers and sizes, chunks are cut where such contents would be. */

import type { PayloadMap } from '../../src/detect/payload-map.js';
import { HEADER, indexOf, mapOf } from '../support/plan-cost.js';

export interface ModelFile {
  readonly name: string;
  /** Stands for the contents: files with the same number are equal. */
  content: number;
  size: number;
  /** Where its old PAYLOAD header is; undefined: new or changed. */
  offset: number | undefined;
}

/** Chunks in order: length, and a number that stands for the digest. */
export interface ModelIndex {
  readonly lengths: number[];
  readonly digests: number[];
}

/** A small generator with a seed (mulberry32): numbers of [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers for chunk contents: the same text has the same number. */
export class Digests {
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }
}

/** Content-defined cut positions in a file: as dense as the chunker's, fixed by the content alone. */
function hashCuts({ content, size }: ModelFile, average: number): number[] {
  const next = random(content);
  const cuts: number[] = [];
  for (let at = 0; ; ) {
    at += Math.ceil(-Math.log(1 - next()) * ((2 * average) / 3));
    if (at >= size) return cuts;
    cuts.push(at);
  }
}

/**
 * Cuts a run of files as the payload stream is cut: at the first content-defined position or file start that is far enough from
 * the last cut, at four times the average at the latest.
 */
export function cutRun(files: readonly ModelFile[], average: number, digests: Digests): ModelIndex {
  const out: ModelIndex = { lengths: [], digests: [] };
  const [min, max] = [average / 4, average * 4];
  let start = 0;
  let position = 0;
  let text = '';
  const cut = (at: number): void => {
    out.lengths.push(at - start);
    out.digests.push(digests.of(text));
    start = at;
    text = '';
  };
  for (const file of files) {
    if (position - start >= min) cut(position);
    const end = position + HEADER + file.size;
    let from = 0;
    for (const at of [...hashCuts(file, average).map((cutAt) => position + HEADER + cutAt), end]) {
      while (at - start > max) {
        text += `${file.content}:${from}-${start + max - position};`;
        from = start + max - position;
        cut(start + max);
      }
      if (at === end || at - start < min) continue;
      text += `${file.content}:${from}-${at - position};`;
      from = at - position;
      cut(at);
    }
    text += `${file.content}:${from}-;`;
    position = end;
  }
  if (position > start) cut(position);
  return out;
}

/** The map of an old stream, with the files that are in it. */
export function modelMap(index: ModelIndex, files: readonly ModelFile[]): PayloadMap {
  const placed = files
    .filter((file) => file.offset !== undefined)
    .map(({ offset, size }) => ({ offset: offset!, size }));
  placed.sort((a, b) => a.offset - b.offset);
  return mapOf(indexOf(index.lengths, index.digests), placed);
}
