/** Names and contents of single entries of an archive, without extracting it. */
import { type DirectoryNode, isDirectory, type Node, PxarAccessor } from '../pxar/accessor.js';
import type { ChildEntry, FileEntry, HardlinkEntry } from '../pxar/entry.js';
import { checkPayloadHeader } from '../pxar/payload.js';
import type { OpenArchive } from './archive-source.js';
import { RestoreError } from './errors.js';
import { streamBytes } from './stream.js';

/** Symbolic links that are followed on one way, as the kernel has it. */
const MAX_LINKS = 40;
/** Longest path that is walked, its links replaced: what is left of it would only grow. */
const MAX_PATH = 1024 * 1024;
const PAYLOAD_HEADER = 16;
const SLASH = 0x2f;

/** An entry that has metadata of its own. */
export type Content = Exclude<ChildEntry, HardlinkEntry>;

/** What a path leads to. */
export interface Found {
  /** Absolute inside the archive, without links on the way. */
  readonly path: Buffer;
  readonly node: Node;
}

function isDot(name: Buffer, dots: '.' | '..'): boolean {
  return name.toString('latin1') === dots;
}

/** The names of a path, the last one first. */
function reversedNames(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let end = path.length; end > 0; ) {
    const start = path.lastIndexOf(SLASH, end - 1) + 1;
    if (end > start) names.push(path.subarray(start, end));
    end = start - 1;
  }
  return names;
}

/** A way through the tree: where it is, and what is left to go. */
class Way {
  /** From the root to where it is. */
  readonly nodes: DirectoryNode[];
  readonly names: Buffer[] = [];
  /** The next name is the last one. */
  readonly left: Buffer[];
  #links = 0;
  readonly #asked: string;

  constructor(root: DirectoryNode, path: Buffer) {
    this.nodes = [root];
    this.left = reversedNames(path);
    this.#asked = path.toString();
  }

  get path(): Buffer {
    return Buffer.concat(this.names.flatMap((name) => [Buffer.from('/'), name]));
  }

  /** `..` above the root stays there. */
  up(): void {
    if (this.nodes.length > 1) this.nodes.pop();
    this.names.pop();
  }

  down(name: Buffer, node: DirectoryNode): void {
    this.nodes.push(node);
    this.names.push(name);
  }

  /** What is left goes on at the target of a link. */
  follow(target: Buffer): void {
    this.#links += 1;
    if (this.#links > MAX_LINKS) throw this.fail('too many symbolic links');
    if (target[0] === SLASH) {
      this.nodes.splice(1);
      this.names.splice(0);
    }
    this.left.push(...reversedNames(target));
    if (this.left.reduce((sum, name) => sum + name.length + 1, 0) > MAX_PATH)
      throw this.fail('the path is too long');
  }

  fail(problem: string): RestoreError {
    return new RestoreError('RESTORE_PATH', `'${this.#asked}': ${problem}`);
  }
}

export class ArchiveTree {
  readonly #archive: OpenArchive;
  readonly #accessor: PxarAccessor;

  private constructor(archive: OpenArchive, accessor: PxarAccessor) {
    this.#archive = archive;
    this.#accessor = accessor;
  }

  /** Throws PxarError. */
  static async open(archive: OpenArchive): Promise<ArchiveTree> {
    const { name, metadata, payloadSize } = archive;
    const accessor = await PxarAccessor.open(metadata, {
      archive: name,
      ...(payloadSize === undefined ? {} : { payloadSize }),
    });
    return new ArchiveTree(archive, accessor);
  }

  /**
   * What a path leads to. Symbolic links on the way are followed inside the archive, whose root is theirs; the last one only with
   * `followLast`. Throws RestoreError `RESTORE_PATH` where there is nothing, PxarError for a damaged archive.
   */
  async find(path: Buffer, followLast: boolean): Promise<Found> {
    const way = new Way(await this.#accessor.root(), path);
    for (let name = way.left.pop(); name !== undefined; name = way.left.pop()) {
      if (isDot(name, '.')) continue;
      if (isDot(name, '..')) {
        way.up();
        continue;
      }
      const node = await this.#accessor.lookup(way.nodes.at(-1)!, name);
      if (node === undefined) throw way.fail('not found');
      const isLast = way.left.length === 0;
      if (isDirectory(node)) way.down(name, node);
      else if (node.entry.kind === 'symlink' && (followLast || !isLast)) way.follow(node.entry.target);
      else if (isLast) return { path: Buffer.concat([way.path, Buffer.from('/'), name]), node };
      else throw way.fail('not a directory');
    }
    return { path: way.path, node: way.nodes.at(-1)! };
  }

  /** The entries of a directory, in archive order. Throws PxarError. */
  list(directory: DirectoryNode): Promise<Node[]> {
    return this.#accessor.readDirectory(directory);
  }

  /** The entry, or for a later name of a file the file's own. Throws PxarError. */
  async content(entry: ChildEntry): Promise<Content> {
    return entry.kind === 'hardlink' ? (await this.#accessor.resolveLink(entry)).entry : entry;
  }

  /** What is in a file, the next piece read while one is used. Throws PxarError, and what reading chunks throws. */
  async *read({ payloadOffset, size }: FileEntry): AsyncGenerator<Buffer> {
    const { payload, name, failure } = this.#archive;
    const start = payloadOffset + PAYLOAD_HEADER;
    if (start + size > payload.size())
      throw new RestoreError('RESTORE_ARCHIVE', `${name}: a file lies beyond the end of its archive`);
    try {
      const header = await payload.read(payloadOffset, PAYLOAD_HEADER);
      checkPayloadHeader(header, size, { archive: name, position: payloadOffset });
      yield* streamBytes(payload, start, start + size);
    } catch (error) {
      throw failure() ?? error;
    }
  }
}
