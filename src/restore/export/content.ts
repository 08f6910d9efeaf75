/** Contents of files on their way into another format, asked for before they are needed. */
import type { FileEntry } from '../../pxar/entry.js';
import { checkPayloadHeader } from '../../pxar/payload.js';
import type { OpenArchive } from '../archive-source.js';
import { streamBytes } from '../stream.js';
import type { ExportEntry, SelectedEntry } from './entry.js';

const PAYLOAD_HEADER = 16;
/** Most files are small: header and content come with one read. */
const FIRST_READ = 64 * 1024;
/** Entries whose first bytes are on their way: a read takes longer than what becomes of it. */
const AHEAD = 32;

function firstBytes({ payload }: OpenArchive, { payloadOffset, size }: FileEntry): Promise<Buffer> {
  return payload.read(payloadOffset, Math.min(FIRST_READ, PAYLOAD_HEADER + size));
}

async function* fileContent(
  { payload, name: archive }: OpenArchive,
  { payloadOffset, size }: FileEntry,
  first: Promise<Buffer>,
): AsyncGenerator<Buffer> {
  const bytes = await first;
  checkPayloadHeader(bytes, size, { archive, position: payloadOffset });
  yield bytes.subarray(PAYLOAD_HEADER);
  yield* streamBytes(payload, payloadOffset + bytes.length, payloadOffset + PAYLOAD_HEADER + size);
}

function contentOf(archive: OpenArchive, { entry, first }: SelectedEntry): ExportEntry['content'] {
  if (entry.kind !== 'file') return async function* () {};
  // Later names of a file are links more often than copies: those are read when somebody asks.
  if (first !== undefined) return () => fileContent(archive, entry, firstBytes(archive, entry));
  const begun = firstBytes(archive, entry);
  begun.catch(() => undefined);
  return () => fileContent(archive, entry, begun);
}

/** The same entries with their contents. The contents throw PxarError, and what reading chunks throws. */
export async function* withContents(
  archive: OpenArchive,
  entries: AsyncIterable<SelectedEntry>,
): AsyncGenerator<ExportEntry> {
  const begun: ExportEntry[] = [];
  for await (const each of entries) {
    begun.push({ ...each, content: contentOf(archive, each) });
    if (begun.length > AHEAD) yield* begun.splice(0, 1);
  }
  yield* begun;
}
