/** Keeps the reference in step with the live tree; what is damaged in it costs only the part behind it. */
import { native } from '../native.js';
import { CURSOR_MORE, type NativeReferenceCursor } from '../native-detect.js';
import { type DirectoryNode, isDirectory, PxarAccessor } from '../pxar/accessor.js';
import type { Comparison, LiveRows, ReferenceWalk, WalkEvents } from './reference-walk.js';
import type { Spool } from './spool.js';

export class Lockstep implements ReferenceWalk {
  readonly comparesCtime = false;
  readonly #spool: Spool;
  readonly #cursor: NativeReferenceCursor;
  readonly #events: WalkEvents;
  readonly #archive: string;
  /** Names of the live directories that are open, without the root; the first ones are open in the reference, too. */
  readonly #path: Buffer[] = [];
  /** Nothing of the reference is left. */
  #gaveUp = false;

  constructor(spool: Spool, archive: string, events: WalkEvents) {
    this.#spool = spool;
    this.#archive = archive;
    this.#events = events;
    this.#cursor = new native.ReferenceCursor(spool.fd);
  }

  async begin(): Promise<void> {
    // Where the root itself cannot be read there is nothing to begin with.
    await this.#call(() => (this.#gaveUp ? 0 : this.#cursor.begin()));
  }

  async enter(name: Buffer): Promise<void> {
    await this.#call(() => this.#cursor.enter(name));
    this.#path.push(name);
    this.#reportGone();
  }

  async leave(): Promise<void> {
    await this.#call(() => this.#cursor.leave());
    this.#path.pop();
    this.#reportGone();
  }

  async compare(rows: LiveRows): Promise<Comparison> {
    const { list, stats, description, first, last } = rows;
    const matches = new Uint8Array(last - first);
    const payloads = new Float64Array(last - first);
    let from = first;
    await this.#call(() => {
      from = this.#cursor.compare(list, stats, description, first, last, from, matches, payloads);
      return from < last ? CURSOR_MORE : 0;
    });
    this.#reportGone();
    return { matches, payloads };
  }

  #reportGone(): void {
    const gone = this.#cursor.takeGone();
    if (gone.length > 0) this.#events.onGone(gone);
  }

  /** Makes a call until the spool holds what it needs; damage moves the cursor behind it and the call is made again. */
  async #call(call: () => number): Promise<void> {
    for (;;) {
      this.#cursor.setAvailable(this.#readable());
      try {
        if (call() !== CURSOR_MORE) return;
      } catch (error) {
        await this.#goOn(error, this.#cursor.position());
        continue;
      }
      const hole = this.#spool.holeFrom(this.#cursor.position());
      if (this.#readable() < this.#spool.available && hole !== undefined)
        await this.#goOn(hole.error, hole.start);
      else if (this.#spool.available < this.#spool.size) await this.#spool.more();
      else await this.#goOn(new Error('the reference ends too early'), this.#spool.size);
    }
  }

  /** What can be read from the cursor on: up to the next hole. */
  #readable(): number {
    const hole = this.#spool.holeFrom(this.#cursor.position());
    return Math.min(this.#spool.available, hole?.start ?? Number.POSITIVE_INFINITY);
  }

  /** Finds, through the goodbye tables, the next sibling behind the damage in the nearest ancestor whose table can be read. */
  async #goOn(error: unknown, position: number): Promise<void> {
    const behind = Math.max(position, this.#spool.holeFrom(position)?.end ?? 0, this.#cursor.position() + 1);
    const next =
      this.#cursor.depth() === 0 ? undefined : await this.#nextSibling(behind).catch(() => undefined);
    this.#gaveUp = next === undefined;
    this.#cursor.resume(next?.position ?? 0, next?.depth ?? 0);
    this.#events.onDamage(error, position, next !== undefined);
  }

  async #nextSibling(behind: number): Promise<{ position: number; depth: number } | undefined> {
    await this.#spool.complete();
    const accessor = await PxarAccessor.open(this.#spool.source(), { archive: this.#archive });
    const open: DirectoryNode[] = [await accessor.root()];
    for (const name of this.#path.slice(0, this.#cursor.depth() - 1)) {
      const child = await accessor.lookup(open.at(-1)!, name).catch(() => undefined);
      if (child === undefined || !isDirectory(child)) break;
      open.push(child);
    }
    for (let depth = open.length; depth > 0; depth -= 1) {
      const position = await this.#firstChildBehind(accessor, open[depth - 1]!, behind);
      if (position !== undefined) return { position, depth };
    }
    return undefined;
  }

  /** Position of the first readable child at or behind `behind`, or of the directory's table; undefined when that is unreadable. */
  async #firstChildBehind(
    accessor: PxarAccessor,
    directory: DirectoryNode,
    behind: number,
  ): Promise<number | undefined> {
    try {
      return await accessor.nextPosition(directory, behind);
    } catch {
      return undefined;
    }
  }
}
