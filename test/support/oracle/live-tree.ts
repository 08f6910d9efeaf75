/** A live tree that is edited at random, with a clock of its own. Times are whole seconds. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.js';

const DIRECTORIES = 10;
const FILES_EACH = 12;
const SIZES = [1000, 15_000] as const;
const OLDEST = 1_600_000_000;
const MODES = [0o600, 0o640, 0o644, 0o755] as const;

/** When an edit happens: seconds since the last run began, and until the next one begins. */
export interface EditTime {
  readonly after: number;
  readonly before: number;
}

type Edit = (tree: LiveTree, time: number) => void;

export class LiveTree {
  readonly root: string;
  readonly random: Random;
  /** Files written in the minute before a run: nobody can tell from their times whether they change again. */
  readonly late = new Set<string>();
  #made = 0;

  constructor(root: string, random: Random) {
    this.root = root;
    this.random = random;
    for (let i = 0; i < DIRECTORIES; i += 1) {
      // Some are nested.
      const directory = i % 4 === 3 ? `d${i - 1}/n${i}` : `d${i}`;
      mkdirSync(join(root, directory), { recursive: true });
      for (let f = 0; f < FILES_EACH; f += 1)
        this.write(`${directory}/f${f}`, this.newBytes(), OLDEST + this.random.between(0, 90_000_000));
    }
  }

  newBytes(): Buffer {
    return this.random.bytes(this.random.between(...SIZES));
  }

  /** A name that was never there. */
  newName(): string {
    this.#made += 1;
    return `${this.random.pick(['a', 'm', 'z'])}${this.#made}`;
  }

  /** Paths of directories ('' is the root), or of regular files, or of everything else. */
  paths(kind: 'directory' | 'file' | 'other'): string[] {
    const found = kind === 'directory' ? [''] : [];
    for (const entry of readdirSync(this.root, { recursive: true, withFileTypes: true })) {
      const is = entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : 'other';
      if (is === kind) found.push(join(entry.parentPath, entry.name).slice(this.root.length + 1));
    }
    return found.sort();
  }

  file(): string {
    return this.random.pick(this.paths('file'));
  }

  /** A directory below the root that holds few files. */
  smallDirectory(): string | undefined {
    const small = this.paths('directory').filter(
      (path) => path !== '' && readdirSync(this.at(path), { recursive: true }).length <= FILES_EACH + 2,
    );
    return small.length > 4 ? this.random.pick(small) : undefined;
  }

  newPath(): string {
    return join(this.random.pick(this.paths('directory')), this.newName());
  }

  at(path: string): string {
    return join(this.root, path);
  }

  mtime(path: string): number {
    return Math.floor(lstatSync(this.at(path)).mtimeMs / 1000);
  }

  write(path: string, bytes: Buffer, time: number): void {
    writeFileSync(this.at(path), bytes);
    utimesSync(this.at(path), time, time);
  }

  touch(path: string, time: number): void {
    utimesSync(this.at(path), time, time);
  }

  /** Some edits before the next run. */
  edit({ after, before }: EditTime): void {
    this.late.clear();
    for (let left = this.random.between(1, 5); left > 0; left -= 1) {
      const edit = this.random.pick(EDITS);
      edit(this, this.random.between(after + 1, before - 61));
    }
    for (let left = this.random.between(0, 2); left > 0; left -= 1) {
      const path = this.file();
      this.write(path, this.newBytes(), this.random.between(before - 60, before - 1));
      this.late.add(path);
    }
  }

  /** Rewrites files of the minute before the last run; their sizes and times stay. */
  editLate(): void {
    for (const path of this.late)
      if (this.random.chance(70) && lstatSync(this.at(path)).nlink === 1) this.rewriteUnseen(path);
  }

  /** Other content of the same size and time. */
  rewriteUnseen(path: string): void {
    const size = readFileSync(this.at(path)).length;
    this.write(path, this.random.bytes(size), this.mtime(path));
  }
}

const EDITS: readonly Edit[] = [
  // write
  (tree, time) => tree.write(tree.file(), tree.newBytes(), time),
  (tree, time) => tree.write(tree.newPath(), tree.newBytes(), time),
  (tree, time) => tree.write(tree.newPath(), Buffer.alloc(0), time),
  // other content of the same size
  (tree, time) => {
    const path = tree.file();
    tree.write(path, tree.random.bytes(readFileSync(tree.at(path)).length), time);
  },
  // truncate, also with the time kept
  (tree, time) => {
    const path = tree.file();
    const kept = tree.random.chance(50) ? tree.mtime(path) : time;
    truncateSync(tree.at(path), tree.random.between(0, SIZES[1]));
    tree.touch(path, kept);
  },
  // touch
  (tree, time) => tree.touch(tree.file(), time),
  // the time set back, the content old or new
  (tree) => tree.touch(tree.file(), OLDEST - tree.random.between(1, 90_000_000)),
  (tree) => tree.write(tree.file(), tree.newBytes(), OLDEST - tree.random.between(1, 90_000_000)),
  // times without any worth
  (tree) => tree.touch(tree.file(), tree.random.between(0, 1)),
  // a time to come
  (tree, time) => tree.touch(tree.file(), time + 300_000_000),
  // the blind spot
  (tree) => tree.rewriteUnseen(tree.file()),
  // metadata
  (tree) => chmodSync(tree.at(tree.file()), tree.random.pick(MODES)),
  (tree) => {
    const value = `0x${tree.random.bytes(tree.random.between(1, 12)).toString('hex')}`;
    execFileSync('setfattr', [
      '-n',
      `user.${tree.random.pick(['a', 'b'])}`,
      '-v',
      value,
      tree.at(tree.file()),
    ]);
  },
  // rename
  (tree) => {
    const from = tree.file();
    renameSync(tree.at(from), tree.at(tree.newPath()));
  },
  (tree) => {
    const from = tree.smallDirectory();
    if (from !== undefined) renameSync(tree.at(from), tree.at(tree.newName()));
  },
  // two files change their places
  (tree) => {
    const [a, b, spare] = [tree.file(), tree.file(), tree.newName()].map((path) => tree.at(path));
    if (a === b || lstatSync(a!).ino === lstatSync(b!).ino) return;
    renameSync(a!, spare!);
    renameSync(b!, a!);
    renameSync(spare!, b!);
  },
  // link, unlink
  (tree) => linkSync(tree.at(tree.file()), tree.at(tree.newPath())),
  (tree) => rmSync(tree.at(tree.file())),
  // replace
  (tree, time) => {
    const fresh = tree.newPath();
    tree.write(fresh, tree.newBytes(), time);
    renameSync(tree.at(fresh), tree.at(tree.file()));
  },
  // directories
  (tree, time) => {
    const path = tree.newPath();
    mkdirSync(tree.at(path));
    for (let left = tree.random.between(0, 3); left > 0; left -= 1)
      tree.write(join(path, tree.newName()), tree.newBytes(), time);
  },
  (tree) => {
    const path = tree.smallDirectory();
    if (path !== undefined) rmSync(tree.at(path), { recursive: true });
  },
  // other types under the same name
  (tree, time) => {
    const path = tree.file();
    rmSync(tree.at(path));
    mkdirSync(tree.at(path));
    tree.write(join(path, 'in'), tree.newBytes(), time);
  },
  (tree) => {
    const path = tree.file();
    rmSync(tree.at(path));
    symlinkSync(`to-${tree.newName()}`, tree.at(path));
  },
  (tree, time) => {
    const path = tree.smallDirectory();
    if (path === undefined) return;
    rmSync(tree.at(path), { recursive: true });
    tree.write(path, tree.newBytes(), time);
  },
  (tree, time) => {
    const others = tree.paths('other');
    if (others.length === 0) return;
    const path = tree.random.pick(others);
    rmSync(tree.at(path));
    tree.write(path, tree.newBytes(), time);
  },
];
