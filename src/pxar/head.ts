/** The first items of an archive: version and prelude. pxar.md §2, §3.1, §3.2. */
import type { Window } from './byte-source.js';
import type { EntryParser } from './entry-parser.js';
import { PxarError } from './errors.js';
import { HEADER_SIZE, Item, readU64 } from './format.js';

/** What stands in front of the root's ENTRY. */
export interface Head {
  readonly version: 1 | 2;
  /** Content of the PRELUDE item. */
  readonly prelude: Buffer | undefined;
  /** Position of the root's ENTRY. */
  readonly root: number;
}

/** Repeats an attempt to parse at `position` until the window holds enough. */
export async function parseFilled<T>(
  window: Window,
  position: number,
  attempt: () => T | undefined,
): Promise<T> {
  for (;;) {
    const result = attempt();
    if (result !== undefined) return result;
    await window.fill(position);
  }
}

/** The content of the item whose header was read last, at `position`. */
function content(window: Window, parser: EntryParser, position: number): Promise<Buffer> {
  const size = parser.content;
  return parseFilled(window, position, () => {
    const at = position + HEADER_SIZE - window.start;
    return window.holds(at, size) ? window.block.subarray(at, at + size) : undefined;
  });
}

/** Reads what is in front of the root and tells the parser the version. Throws PxarError. */
export async function readHead(window: Window, parser: EntryParser, archive: string): Promise<Head> {
  const first = await parseFilled(window, 0, () => parser.peek(0));
  if (first !== Item.FORMAT_VERSION) return { version: 1, prelude: undefined, root: 0 };
  const bytes = await content(window, parser, 0);
  const version = readU64(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  if (version !== 1 && version !== 2)
    throw new PxarError('PXAR_VERSION', archive, 0, `unknown format version ${version}`);
  parser.version = version;
  const behind = HEADER_SIZE + bytes.length;
  const next = await parseFilled(window, behind, () => parser.peek(behind));
  if (next === Item.FORMAT_VERSION)
    throw new PxarError('PXAR_VERSION', archive, behind, 'second version item');
  if (next !== Item.PRELUDE || version === 1) return { version, prelude: undefined, root: behind };
  const prelude = Buffer.from(await content(window, parser, behind));
  return { version, prelude, root: behind + HEADER_SIZE + prelude.length };
}
