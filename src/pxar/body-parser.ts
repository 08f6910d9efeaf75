/** Parses an ENTRY and its attributes out of a window. pxar.md §2, §3.3–3.5, §6. */
import type { Window } from './byte-source.js';
import { PxarError, type PxarErrorCode } from './errors.js';
import { HEADER_SIZE, Item, itemName, MAX_BODY, Mode } from './format.js';
import { checkAttribute, ItemHeader, isAttribute } from './items.js';

/** Says that the window must be filled first. */
export const NEED = -1;
/** Offset of mode and nanoseconds behind an ENTRY's header. */
const MODE_AT = 0;
const NANOSECONDS_AT = 32;

/** Walks items; what it found last stays in its fields. */
export class BodyParser {
  /** The header that was read last. */
  readonly header: ItemHeader;
  /** Mode of the ENTRY that was parsed last. */
  mode = 0;
  readonly #window: Window;
  readonly #archive: string;

  /** `archive` is the name for errors. */
  constructor(window: Window, archive: string) {
    this.#window = window;
    this.#archive = archive;
    this.header = new ItemHeader(archive);
  }

  /** An error at `at` of the window's block. */
  fail(code: PxarErrorCode, at: number, problem: string): PxarError {
    return new PxarError(code, this.#archive, this.#window.start + at, problem);
  }

  /** Reads the header at `at` of the block: its item number, or NEED. */
  read(at: number): number {
    if (!this.#window.holds(at, HEADER_SIZE)) return NEED;
    this.header.read(this.#window.view, at, this.#window.start + at);
    return this.header.item;
  }

  #checkStat(at: number): void {
    const { view } = this.#window;
    const mode = view.getUint32(at + MODE_AT, true);
    if ((mode & ~Mode.KNOWN) !== 0 || view.getUint32(at + MODE_AT + 4, true) !== 0) {
      throw this.fail('PXAR_MODE', at - HEADER_SIZE, 'unknown bits in the mode');
    }
    if (this.header.item === Item.ENTRY && view.getUint32(at + NANOSECONDS_AT, true) > 999_999_999) {
      throw this.fail('PXAR_TIME', at - HEADER_SIZE, 'nanoseconds of a second or more');
    }
    this.mode = mode;
  }

  /**
   * Walks ENTRY and attributes from `at` of the block: where they end, or NEED. The header behind them stays read; its item is
   * UNKNOWN at the end of a sub-range.
   */
  parse(at: number): number {
    let item = this.read(at);
    if (item === NEED) return NEED;
    if (item !== Item.ENTRY && item !== Item.ENTRY_V1)
      throw this.fail('PXAR_ITEM', at, `${itemName(item)} instead of ENTRY`);
    if (!this.#window.holds(at + HEADER_SIZE, this.header.content)) return NEED;
    this.#checkStat(at + HEADER_SIZE);
    let seen = 0;
    let next = at + HEADER_SIZE + this.header.content;
    for (;;) {
      if (this.#endsHere(next)) return next;
      item = this.read(next);
      if (item === NEED || !isAttribute(item)) return item === NEED ? NEED : next;
      const content = next + HEADER_SIZE;
      if (content + this.header.content - at > MAX_BODY)
        throw this.fail('PXAR_LIMIT', at, `more than ${MAX_BODY} bytes of metadata`);
      if (!this.#window.holds(content, this.header.content)) return NEED;
      seen = checkAttribute(
        this.header,
        this.#window.block,
        content,
        seen,
        this.#archive,
        this.#window.start + next,
      );
      next = content + this.header.content;
    }
  }

  /** A FIFO or socket may be the last thing in a sub-range: nothing follows. */
  #endsHere(at: number): boolean {
    if (this.#window.start + at !== this.#window.limit) return false;
    const type = this.mode & Mode.TYPE;
    if (type !== Mode.FIFO && type !== Mode.SOCKET) return false;
    this.header.item = Item.UNKNOWN;
    return true;
  }
}
