/** What must be known before the tree: version and prelude, and where an appendix begins. pxar.md §2, §3.1, §3.2; docs/formats.md. */
import { APPENDIX_VERSION, type Appendix, readClosingTable } from './appendix.js';
import type { Window } from './byte-source.js';
import type { ArchiveFacts, EntryParser } from './entry-parser.js';
import { PxarError } from './errors.js';
import { HEADER_SIZE, Item, readU64 } from './format.js';

/** Content size of FORMAT_VERSION. */
const VERSION_CONTENT = 8;

/** 1: a single archive, 2: the metadata stream of a split one, 3: a single archive with an appendix. */
export type FormatVersion = 1 | 2 | 3;

/** What stands in front of the root's ENTRY, and what the end of the archive says of its appendix. */
export interface Head {
  readonly version: FormatVersion;
  /** Content of the PRELUDE item. */
  readonly prelude: Buffer | undefined;
  /** Position of the root's ENTRY. */
  readonly root: number;
  /** Where the tree ends in version 3. */
  readonly appendix: Appendix | undefined;
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

/** The version in the item whose header was read last, which is the first one. */
async function formatVersion(
  window: Window,
  parser: EntryParser,
  facts: ArchiveFacts,
): Promise<FormatVersion> {
  const bytes = await content(window, parser, 0);
  const version = readU64(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  if (version !== 1 && version !== 2 && version !== APPENDIX_VERSION)
    throw new PxarError('PXAR_VERSION', facts.archive, 0, `unknown format version ${version}`);
  if (version === APPENDIX_VERSION && facts.payloadSize !== undefined)
    throw new PxarError('PXAR_VERSION', facts.archive, 0, `format version ${version} in a split archive`);
  return version;
}

/**
 * Reads what is in front of the root, and in version 3 the closing table. Tells the parser version and appendix, and sets the
 * window's limit to the end of the tree. Throws PxarError.
 */
export async function readHead(window: Window, parser: EntryParser, facts: ArchiveFacts): Promise<Head> {
  const first = await parseFilled(window, 0, () => parser.peek(0));
  const none = { prelude: undefined, appendix: undefined };
  if (first !== Item.FORMAT_VERSION) return { ...none, version: 1, root: 0 };
  const version = await formatVersion(window, parser, facts);
  parser.version = version;
  const behind = HEADER_SIZE + VERSION_CONTENT;
  const next = await parseFilled(window, behind, () => parser.peek(behind));
  if (next === Item.FORMAT_VERSION)
    throw new PxarError('PXAR_VERSION', facts.archive, behind, 'second version item');
  if (version === APPENDIX_VERSION) {
    const appendix = await readClosingTable(window, behind, facts.archive);
    parser.appendix = appendix;
    window.limit = appendix.start;
    return { ...none, version, root: behind, appendix };
  }
  if (next !== Item.PRELUDE || version === 1) return { ...none, version, root: behind };
  const prelude = Buffer.from(await content(window, parser, behind));
  return { ...none, version, prelude, root: behind + HEADER_SIZE + prelude.length };
}
