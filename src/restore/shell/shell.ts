/** The catalog shell: walks through one archive, selects, restores. cli.md §4.2. */
import type { MatchEntry } from '../../backup/match-list.js';
import { isDirectory } from '../../pxar/accessor.js';
import type { OpenArchive } from '../archive-source.js';
import type { ArchiveTree, Found } from '../archive-tree.js';
import { type EntryRow, entryRow } from '../entry-row.js';
import { RestoreError } from '../errors.js';
import { findEntries } from '../find.js';
import { parseIncludes } from '../selection.js';

export interface ShellParts {
  readonly archive: OpenArchive;
  readonly tree: ArchiveTree;
  /** Of the command that runs. */
  readonly signal: () => AbortSignal;
  /** One line of an answer, or several. */
  readonly print: (text: string) => Promise<void>;
  /** A path as a person reads it. */
  readonly show: (path: Buffer) => string;
  /** `  File: …` and the lines below it. */
  readonly describe: (path: Buffer, row: EntryRow) => string;
  /** Restores what the patterns choose, everything without any, below a directory that is made if need be. */
  readonly restore: (target: string, includes: readonly MatchEntry[]) => Promise<void>;
}

/** A pattern that was typed, or a path that was selected. */
interface Selected {
  readonly text: string;
  readonly entry: MatchEntry;
}

/** A path that stands for itself, and for what is in it; the root for everything. */
function literal(path: Buffer): MatchEntry {
  const text = path.toString('latin1');
  const matches = (other: string): boolean => text === '' || other === text;
  return { type: 'include', pattern: text, directoriesOnly: false, anchored: true, matches };
}

export class ArchiveShell {
  readonly #parts: ShellParts;
  /** By their bytes as latin1: what is shown of two names may be the same. Patterns begin with a NUL. */
  readonly #selection = new Map<string, Selected>();
  #current: Buffer = Buffer.alloc(0);

  constructor(parts: ShellParts) {
    this.#parts = parts;
  }

  /** Where it is: absolute, `/` for the root. */
  get directory(): Buffer {
    return this.#current.length === 0 ? Buffer.from('/') : this.#current;
  }

  pwd(): Promise<void> {
    return this.#parts.print(`"${this.#parts.show(this.directory)}"`);
  }

  /** Links are followed on the way, but not at its end. Throws RestoreError. */
  async cd(path = '/'): Promise<void> {
    const { node, path: found } = await this.#find(path, false);
    if (!isDirectory(node)) throw new RestoreError('RESTORE_PATH', `'${path}': not a directory`);
    this.#current = found;
  }

  async ls(path = '.'): Promise<void> {
    const { node, path: found } = await this.#find(path, true);
    if (!isDirectory(node)) return this.#printPath(found.subarray(found.lastIndexOf('/') + 1));
    for (const { entry } of await this.#parts.tree.list(node)) await this.#printPath(entry.name);
  }

  async stat(path: string): Promise<void> {
    const { node, path: found } = await this.#find(path, false);
    const { tree, archive, describe, print } = this.#parts;
    const row = entryRow(node.entry, await tree.content(node.entry), archive.name);
    await print(describe(found.length === 0 ? Buffer.from('/') : found, row));
  }

  async select(path: string): Promise<void> {
    const found = await this.#find(path, false);
    const text = this.#text(found);
    const key = found.path.toString('latin1');
    if (this.#selection.has(key)) return this.#parts.print(`path already selected: "${text}"`);
    this.#selection.set(key, { text, entry: literal(found.path) });
    await this.#parts.print(`added path: "${text}"`);
  }

  async deselect(path: string): Promise<void> {
    const found = await this.#find(path, false);
    const text = this.#text(found);
    const had = this.#selection.delete(found.path.toString('latin1'));
    await this.#parts.print(had ? `removed path from selection: "${text}"` : `path not selected: "${text}"`);
  }

  async clearSelected(): Promise<void> {
    this.#selection.clear();
    await this.#parts.print('cleared selection');
  }

  /** What a restore would take; or, as `patterns`, what was said. */
  async listSelected(patterns: boolean): Promise<void> {
    if (patterns) {
      for (const { text } of this.#selection.values()) await this.#parts.print(text);
      return;
    }
    if (this.#selection.size === 0) return;
    const { archive, signal } = this.#parts;
    for await (const { path } of findEntries(archive, this.#entries(), { inherit: true, signal: signal() }))
      await this.#printPath(path);
  }

  /** Prints what matches; with `select` the pattern joins the selection if anything did. */
  async find(pattern: string, select: boolean): Promise<void> {
    const [entry] = parseIncludes([pattern]);
    const { archive, signal } = this.#parts;
    let any = false;
    for await (const { path } of findEntries(archive, [entry!], { inherit: false, signal: signal() })) {
      any = true;
      await this.#printPath(path);
    }
    if (any && select) this.#selection.set(`\0${pattern}`, { text: pattern, entry: entry! });
  }

  restoreSelected(target: string): Promise<void> {
    if (this.#selection.size === 0) throw new RestoreError('RESTORE_SHELL', 'no entries selected');
    return this.#parts.restore(target, this.#entries());
  }

  /** The whole archive, or what a pattern chooses of it. */
  restore(target: string, pattern: string | undefined): Promise<void> {
    return this.#parts.restore(target, pattern === undefined ? [] : parseIncludes([pattern]));
  }

  /**
   * Names that a path can go on with: the part before its last slash stays, directories end with one. Names that cannot be shown as they
   * are cannot be typed either, and a terminal might obey them.
   */
  async completions(path: string): Promise<readonly string[]> {
    const cut = path.lastIndexOf('/') + 1;
    const [before, begun] = [path.slice(0, cut), path.slice(cut)];
    const { node } = await this.#find(before === '' ? '.' : before, true);
    if (!isDirectory(node)) return [];
    return (await this.#parts.tree.list(node))
      .filter(({ entry: { name } }) => this.#parts.show(name) === name.toString())
      .map((each) => ({ name: each.entry.name.toString(), slash: isDirectory(each) ? '/' : '' }))
      .filter(({ name }) => name.startsWith(begun))
      .map(({ name, slash }) => `${before}${name}${slash}`);
  }

  #entries(): MatchEntry[] {
    return [...this.#selection.values()].map(({ entry }) => entry);
  }

  #find(path: string, followLast: boolean): Promise<Found> {
    const typed = Buffer.from(path);
    const whole = path.startsWith('/') ? typed : Buffer.concat([this.#current, Buffer.from('/'), typed]);
    return this.#parts.tree.find(whole, followLast);
  }

  #text({ path }: Found): string {
    return path.length === 0 ? '/' : this.#parts.show(path);
  }

  #printPath(path: Buffer): Promise<void> {
    return this.#parts.print(this.#parts.show(path));
  }
}
