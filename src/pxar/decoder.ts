/** Reads an archive from its first byte to the root's table. pxar.md §2, §6. */
import { type Appendix, checkAppendixHeader } from './appendix.js';
import { type ByteSource, Window } from './byte-source.js';
import { Children } from './children.js';
import type { ChildEntry, Entry, HardlinkEntry, LeaveEntry } from './entry.js';
import { type ArchiveFacts, EntryParser } from './entry-parser.js';
import { PxarError } from './errors.js';
import { FileRegistry, pathKey, pathKeyOf, ROOT_KEY } from './file-registry.js';
import { HEADER_SIZE, Item, itemName, MAX_DEPTH, ROW_SIZE } from './format.js';
import { GoodbyeTable } from './goodbye.js';
import { type FormatVersion, readHead } from './head.js';
import { NameOrder } from './name-order.js';

/** How an archive is read. */
export interface DecoderOptions {
  /** The archive's name, for errors. */
  readonly archive: string;
  /** Length of the payload archive in bytes: references are then checked to lie inside. */
  readonly payloadSize?: number;
}

/** A directory whose GOODBYE has not come yet. Objects are used again at the same depth. */
class OpenDirectory {
  name: Buffer = Buffer.alloc(0);
  /** Positions of FILENAME and ENTRY; the same for the root. */
  position = 0;
  bodyPosition = 0;
  key = ROOT_KEY;
  readonly children = new Children();
  readonly order = new NameOrder();
}

/** Does what an entry that is held back waits for, and gives it back. */
type Check = () => Promise<Entry>;

/**
 * Sequential decoder of all format versions. One call at a time. It reads ahead in blocks, skips payload bytes, and
 * is strict: whatever §6 lists ends in a PxarError, after the entries before it have been delivered. Bytes behind the root's
 * table are not looked at, except that an appendix must begin there in version 3; `end` tells where it ends.
 */
export class PxarDecoder {
  /** Format version; known after the first call of `next` or `nextBatch`. */
  version: FormatVersion | undefined;
  /** Content of the PRELUDE item, if there is one; known like the version. */
  prelude: Buffer | undefined;
  /** The appendix of an archive of version 3; known like the version. */
  appendix: Appendix | undefined;
  readonly #archive: string;
  readonly #facts: ArchiveFacts;
  readonly #window: Window;
  readonly #parser: EntryParser;
  readonly #directories: OpenDirectory[] = [];
  readonly #files = new FileRegistry();
  #depth = 0;
  #position = 0;
  #done = false;
  #check: Check | undefined;
  #cleared: Entry | undefined;
  #failure: unknown;

  constructor(source: ByteSource, options: DecoderOptions) {
    this.#archive = options.archive;
    this.#facts = { archive: options.archive, payloadSize: options.payloadSize };
    this.#window = new Window(source, options.archive);
    this.#parser = new EntryParser(this.#window, this.#facts);
  }

  /** Position of the next item to be read; at the end, behind the root's table. */
  get end(): number {
    return this.#position;
  }

  /** The next entry in archive order; undefined behind the root's `leave`. */
  async next(): Promise<Entry | undefined> {
    const [entry] = await this.nextBatch(1);
    return entry;
  }

  /** 1 to `max` entries, as many as are in memory; none only at the end. Throws PxarError, then again on every further call. */
  async nextBatch(max: number): Promise<Entry[]> {
    if (this.#failure !== undefined) throw this.#failure;
    const batch: Entry[] = [];
    try {
      if (this.version === undefined) batch.push(await this.#begin());
      while (batch.length < max && !this.#done) {
        const entry = this.#step();
        if (entry !== undefined) batch.push(entry);
        else if (batch.length === 0) await this.#wait();
        else break;
      }
    } catch (error) {
      this.#failure = error;
      if (batch.length === 0) throw error;
    }
    return batch;
  }

  async #begin(): Promise<Entry> {
    const head = await readHead(this.#window, this.#parser, this.#facts);
    let root = this.#parser.root(head.root);
    for (; root === undefined; root = this.#parser.root(head.root)) await this.#window.fill(head.root);
    this.version = head.version;
    this.prelude = head.prelude;
    this.appendix = head.appendix;
    this.#open(root.name, head.root, head.root, ROOT_KEY);
    this.#position = this.#parser.end;
    return root;
  }

  /** Does what must be awaited before the next step: another block, or the check of an entry that is held back. */
  async #wait(): Promise<void> {
    if (this.#check === undefined) return this.#window.fill(this.#position);
    this.#cleared = await this.#check();
    this.#check = undefined;
  }

  /** The next entry from what is in memory. */
  #step(): Entry | undefined {
    if (this.#check !== undefined) return undefined;
    if (this.#cleared !== undefined) return this.#takeCleared();
    const directory = this.#directories[this.#depth - 1]!;
    const item = this.#parser.peek(this.#position);
    if (item === undefined) return undefined;
    if (item === Item.GOODBYE) return this.#leave(directory);
    if (item !== Item.FILENAME) throw this.#fail('PXAR_ITEM', `${itemName(item)} in a directory`);
    const entry = this.#parser.child(this.#position, this.#depth);
    if (entry !== undefined) this.#enterChild(directory, entry);
    return this.#check === undefined ? entry : undefined;
  }

  #takeCleared(): Entry | undefined {
    const entry = this.#cleared;
    this.#cleared = undefined;
    if (entry?.kind === 'leave') this.#done = true;
    return entry;
  }

  #fail(code: PxarError['code'], problem: string): PxarError {
    return new PxarError(code, this.#archive, this.#position, problem);
  }

  #enterChild(directory: OpenDirectory, entry: ChildEntry): void {
    const { children } = directory;
    const isElsewhere = this.version === 2 && entry.kind === 'file' && !entry.inline;
    children.add(entry.name, entry.position, isElsewhere ? entry.size : 0);
    const others = directory.order.accept(entry.name, children);
    if (others.length > 0) this.#check = () => this.#compareNames(entry, others);
    this.#position = this.#parser.end;
    if (entry.kind === 'hardlink') this.#checkLink(entry);
    if (entry.kind === 'directory') this.#enterDirectory(directory, entry.name, entry.position);
    else children.close(this.#position);
    if (entry.kind === 'file') this.#files.add(entry.position, this.#childKey(directory));
  }

  #childKey({ key, children }: OpenDirectory): number {
    return pathKey(key, children.low(children.count - 1), children.high(children.count - 1));
  }

  #enterDirectory(parent: OpenDirectory, name: Buffer, position: number): void {
    const copy = Buffer.from(name);
    parent.order.keep(copy);
    this.#open(copy, position, position + HEADER_SIZE + copy.length + 1, this.#childKey(parent));
  }

  #open(name: Buffer, position: number, bodyPosition: number, key: number): void {
    if (this.#depth === MAX_DEPTH)
      throw this.#fail('PXAR_LIMIT', `directories nested deeper than ${MAX_DEPTH}`);
    if (this.#depth === this.#directories.length) this.#directories.push(new OpenDirectory());
    const directory = this.#directories[this.#depth++]!;
    directory.name = name;
    directory.position = position;
    directory.bodyPosition = bodyPosition;
    directory.key = key;
    directory.children.clear();
    directory.order.clear();
  }

  /** §3.8: the target is an earlier regular file. That the path names the same file keeps damage from going unnoticed. */
  #checkLink(entry: HardlinkEntry): void {
    const { position, targetPosition } = entry;
    const key = this.#files.keyAt(targetPosition);
    if (key === undefined) {
      throw new PxarError(
        'PXAR_HARDLINK',
        this.#archive,
        position,
        `hard link to byte ${targetPosition}, where no regular file is`,
      );
    }
    if (key !== pathKeyOf(entry.targetPath)) {
      throw new PxarError(
        'PXAR_HARDLINK',
        this.#archive,
        position,
        'path and position of a hard link name different files',
      );
    }
  }

  #leave(directory: OpenDirectory): LeaveEntry | undefined {
    const size = this.#parser.content;
    const { count } = directory.children;
    if (size !== (count + 1) * ROW_SIZE) {
      throw this.#fail('PXAR_GOODBYE', `table of ${size} bytes behind ${count} children`);
    }
    const at = this.#position + HEADER_SIZE - this.#window.start;
    if (!this.#window.holds(at, size)) return undefined;
    const table = new GoodbyeTable(this.#window.block.subarray(at, at + size), this.#position, this.#archive);
    this.#checkTable(table, directory, size + HEADER_SIZE);
    const { name, position } = directory;
    const depth = --this.#depth;
    const goodbye = this.#position;
    this.#position += HEADER_SIZE + size;
    const leave: LeaveEntry = {
      kind: 'leave',
      name,
      depth,
      position,
      goodbye,
      goodbyeSize: HEADER_SIZE + size,
    };
    if (depth === 0) return this.#endTree(leave);
    this.#directories[depth - 1]!.children.close(this.#position);
    return leave;
  }

  /** The root's `leave` is held back where an appendix must follow. */
  #endTree(leave: LeaveEntry): LeaveEntry | undefined {
    const { appendix } = this;
    this.#done = appendix === undefined;
    if (appendix === undefined) return leave;
    if (this.#position !== appendix.start)
      throw this.#fail('PXAR_APPENDIX', `the tree ends, but the appendix begins at ${appendix.start}`);
    this.#check = async () => {
      await checkAppendixHeader(this.#window, appendix, this.#archive);
      return leave;
    };
    return undefined;
  }

  #checkTable(table: GoodbyeTable, directory: OpenDirectory, itemSize: number): void {
    const isRoot = this.#depth === 1;
    if (table.itemSize !== itemSize) throw table.fail(`tail row with a size of ${table.itemSize}`);
    if (table.start !== directory.bodyPosition && !(isRoot && table.start === 0)) {
      throw table.fail(`tail row that points to ${table.start}`);
    }
    table.checkOrder();
    for (let i = 0; i < table.count; i++) {
      if (!directory.children.claim(table.low(i), table.high(i), table.position(i), table.size(i))) {
        throw table.fail(`row ${i} describes no child`);
      }
    }
  }

  /** Equal hashes are not yet equal names: reads the other FILENAME items again. */
  async #compareNames(entry: ChildEntry, others: readonly number[]): Promise<ChildEntry> {
    const { name, position } = entry;
    for (const other of others) {
      const length = HEADER_SIZE + name.length + 1;
      const item = await this.#window.read(other, length);
      const nameIsSame = item.subarray(HEADER_SIZE, length - 1).equals(name) && item[length - 1] === 0;
      if (nameIsSame) {
        throw new PxarError(
          'PXAR_DUPLICATE_NAME',
          this.#archive,
          position,
          `name is also that of the entry at ${other}`,
        );
      }
    }
    return entry;
  }
}
