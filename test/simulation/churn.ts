/** Trees and what happens to them from one backup to the next. */
import type { ModelFile } from './payload-model.js';

export interface Shape {
  readonly name: string;
  readonly count: number;
  /** A size in bytes, from a number of [0, 1). */
  readonly size: (u: number, v: number) => number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Log-normal around `median`. */
function around(median: number, spread: number, u: number, v: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  return Math.round(median * Math.exp(spread * normal));
}

export const shapes: readonly Shape[] = [
  { name: 'small', count: 4_323, size: (u, v) => Math.min(around(9 * KIB, 1.3, u, v), 8 * MIB) },
  { name: 'large', count: 60, size: (u, v) => Math.min(around(12 * MIB, 0.9, u, v), 200 * MIB) },
  {
    name: 'mixed',
    count: 3_000,
    size: (u, v) =>
      v < 0.01
        ? Math.min(around(12 * MIB, 0.8, u, 0.37), 100 * MIB)
        : Math.min(around(12 * KIB, 1.5, u, v), 8 * MIB),
  },
];

export class Tree {
  files: ModelFile[] = [];
  readonly #random: () => number;
  readonly #shape: Shape;
  #contents = 1;
  #names = 0;

  constructor(shape: Shape, random: () => number) {
    this.#shape = shape;
    this.#random = random;
    for (let i = 0; i < shape.count; i += 1) this.#add();
    this.#sort();
  }

  /** Rewrites `count` files chosen at random; each keeps about its size. */
  edit(count: number): void {
    for (let i = 0; i < count; i += 1) this.#change(this.#pick(), 0.9 + 0.2 * this.#random());
  }

  /** A day: rewrites, appends, deletes, new files and renames, in all about a hundredth of the files. */
  age(): void {
    const some = Math.max(1, Math.round(this.files.length / 500));
    this.edit(some);
    for (let i = 0; i < some; i += 1) this.#change(this.#pick(), 1.02);
    for (let i = 0; i < some; i += 1) this.files.splice(Math.floor(this.#random() * this.files.length), 1);
    for (let i = 0; i < some; i += 1) this.#add();
    for (let i = 0; i < some; i += 1) this.#rename(Math.floor(this.#random() * this.files.length));
    this.#sort();
  }

  #pick(): ModelFile {
    return this.files[Math.floor(this.#random() * this.files.length)]!;
  }

  #change(file: ModelFile, factor: number): void {
    file.content = this.#contents++;
    file.size = Math.round(file.size * factor);
    file.offset = undefined;
  }

  #add(): void {
    const size = this.#shape.size(this.#random(), this.#random());
    const name = `${this.#random().toString(36)}-${this.#names++}`;
    this.files.push({ name, content: this.#contents++, size, offset: undefined });
  }

  /** The same contents under another name: new to change detection. */
  #rename(i: number): void {
    const { content, size } = this.files[i]!;
    this.files[i] = {
      name: `${this.#random().toString(36)}-${this.#names++}`,
      content,
      size,
      offset: undefined,
    };
  }

  #sort(): void {
    this.files.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
