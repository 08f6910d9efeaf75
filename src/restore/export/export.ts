/** An archive's tree as a stream in another format. */
import type { MatchEntry } from '../../backup/match-list.js';
import type { OpenArchive } from '../archive-source.js';
import { withContents } from './content.js';
import type { ExportCounts, ExportEntry, ExportNotice } from './entry.js';
import { tarBytes } from './tar.js';
import { selectedEntries } from './walk.js';
import { zipBytes } from './zip.js';

/** Formats that a tree can be exported in. */
export const EXPORT_FORMATS = ['tar', 'zip'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportRequest {
  readonly archive: OpenArchive;
  readonly format: ExportFormat;
  /** What to take; everything if empty. */
  readonly includes: readonly MatchEntry[];
  readonly signal: AbortSignal;
  readonly onNotice: (notice: ExportNotice) => void;
  readonly onProgress: (progress: { readonly counts: ExportCounts; readonly path: Buffer }) => void;
}

export interface Export {
  /** The stream, once. Throws PxarError, what reading chunks throws, and the signal's reason. */
  readonly bytes: AsyncGenerator<Buffer>;
  /** What has gone into it so far. */
  readonly counts: Readonly<ExportCounts>;
}

/** Bytes that are handed on at once: headers and small files come together. */
const PIECE = 256 * 1024;

async function* gathered(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const piece of pieces) {
    held.push(piece);
    length += piece.length;
    if (length < PIECE) continue;
    yield Buffer.concat(held, length);
    held = [];
    length = 0;
  }
  yield Buffer.concat(held, length);
}

function noCounts(): ExportCounts {
  return { files: 0, directories: 0, symlinks: 0, hardlinks: 0, specials: 0, bytes: 0, skipped: 0 };
}

/** Begins an export: it goes on as far as its bytes are taken. */
export function exportArchive(request: ExportRequest): Export {
  const { archive, format, includes, signal, onNotice, onProgress } = request;
  const counts = noCounts();
  const write = format === 'tar' ? tarBytes : zipBytes;

  async function* entries(): AsyncGenerator<ExportEntry> {
    for await (const each of withContents(archive, selectedEntries(archive, includes, signal))) {
      onProgress({ counts, path: each.path });
      yield { ...each, content: () => counted(each.content()) };
    }
  }

  async function* counted(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of content) {
      signal.throwIfAborted();
      counts.bytes += piece.length;
      yield piece;
    }
  }

  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      yield* gathered(write({ entries: entries(), counts, onNotice, archive: archive.name }));
    } catch (error) {
      // A lost connection says more than what it made of a read.
      throw archive.failure() ?? error;
    }
  }

  return { bytes: bytes(), counts };
}
